/**
 * Markdown to DOM, safe to show: parsed by marked, sanitised by DOMPurify.
 *
 * HTML in an answer is shown as the text it is, and pictures as links, since the page asks nobody
 * but its own server.  The sanitiser then lets through only what markdown itself makes.
 */
import { Marked } from "../vendor/marked.esm.js";
import DOMPurify from "../vendor/purify.es.js";
import { el } from "./view/dom.js";

const SAFE = {
  ALLOWED_TAGS:
    "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre strong sub sup table tbody td th thead tr ul".split(" "),
  ALLOWED_ATTR: ["align", "dir", "href", "start", "title"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ADD_URI_SAFE_ATTR: ["align", "dir", "start"], // or the expression for addresses would judge them, too
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const PLAIN_TAG = /^<\/?(?:b|br|em|i|strong|sub|sup)\s*\/?>$/i;

const escaped = (text) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }) => (PLAIN_TAG.test(text.trim()) ? text : escaped(text)),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** The fragment for tokens of one lexer run (`links` are its link definitions). */
function fragmentOf(tokens, links) {
  const html = marked.parser(Object.assign([...tokens], { links }));
  const fragment = DOMPurify.sanitize(html, SAFE);
  for (const link of fragment.querySelectorAll("a[href]")) {
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
  }
  return fragment;
}

/** The whole of `text` at once. */
export function renderMarkdown(text) {
  return orPlain(text, () => {
    const tokens = marked.lexer(text);
    return fragmentOf(tokens, tokens.links);
  });
}

/** The fragment that `render` makes; where the library cannot take the text (thousands of nested
    quotations overflow its stack), the text as it is. */
function orPlain(text, render) {
  try {
    return render();
  } catch (error) {
    console.warn("a text could not be read as markdown, and is shown as it is", error);
    const fragment = document.createDocumentFragment();
    fragment.append(el("p", { className: "plain", dir: "auto" }, text));
    return fragment;
  }
}

const OPEN_BLOCKS = 2; // text still to come can change the last two blocks, none before them

/** An element whose markdown grows at its end: only the blocks that can still change are redone. */
export class GrowingMarkdown {
  #text = "";
  #settled = 0; // characters whose blocks are final
  #tail = document.createElement("div");

  constructor(element) {
    this.element = element;
    this.#tail.className = "tail";
  }

  /** Show `source`; `complete` renders it afresh, as a reload would. */
  update(source, complete) {
    const text = source.replace(/\r\n?/g, "\n"); // as the lexer does: lengths must agree
    if (complete) this.#renderAll(text);
    else if (text !== this.#text) this.#renderMore(text);
  }

  #renderMore(text) {
    if (!text.startsWith(this.#text) || this.#tail.parentNode !== this.element) this.#restart();
    this.#text = text;
    this.#renderTail();
  }

  #renderAll(text) {
    this.#restart();
    this.#text = text;
    this.element.replaceChildren(renderMarkdown(text));
  }

  #restart() {
    this.#settled = 0;
    this.#tail.replaceChildren();
    this.element.replaceChildren(this.#tail);
  }

  #renderTail() {
    const tail = this.#text.slice(this.#settled);
    this.#tail.replaceChildren(orPlain(tail, () => this.#settle(tail)));
  }

  /** Move the blocks of `tail` that are final before the tail; return the others. */
  #settle(tail) {
    const tokens = marked.lexer(tail);
    const firstOpen = firstOpenBlock(tokens);
    const final = tokens.slice(0, firstOpen);
    if (final.length > 0) {
      this.#tail.before(fragmentOf(final, tokens.links));
      this.#settled += final.reduce((length, token) => length + token.raw.length, 0);
    }
    return fragmentOf(tokens.slice(firstOpen), tokens.links);
  }
}

function firstOpenBlock(tokens) {
  let open = 0;
  for (let index = tokens.length - 1; index >= 0; index -= 1) {
    if (tokens[index].type !== "space") open += 1;
    if (open === OPEN_BLOCKS) return index;
  }
  return 0;
}
