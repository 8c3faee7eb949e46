/**
 * Markdown to DOM, safe to show: parsed by marked, sanitised by DOMPurify.
 *
 * HTML in an answer is shown as the text it is, and pictures as links, since the page asks nobody
 * but its own server.  The sanitiser then lets through only what markdown itself makes.
 */
import { Marked } from "../vendor/marked.esm.js";
import DOMPurify from "../vendor/purify.es.js";
import { decided, mend } from "./half_written.js";
import { loadMath, typeset } from "./math.js";
import { extensions, withoutFormulas } from "./math_syntax.js";
import { el } from "./view/dom.js";

const SAFE = {
  ALLOWED_TAGS:
    "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre strong sub sup table tbody td th thead tr ul".split(" "),
  ALLOWED_ATTR: ["align", "class", "href", "start", "title"], // class: the language of code
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ADD_URI_SAFE_ATTR: ["align", "class", "start"], // or the expression for addresses would judge them, too
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const PLAIN_TAG = /^<\/?(?:b|br|em|i|strong|sub|sup)\s*\/?>$/i;
const OWN_DIRECTION = "p, h1, h2, h3, h4, h5, h6, ul, ol, li, blockquote, table, th, td";
const DEEPEST = 100; // blocks in blocks; far below the depth at which libraries and browsers give up
const CHUNK = 100; // lines of code laid out together

const escaped = (text) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  extensions,
  hooks: { emStrongMask: withoutFormulas },
  renderer: {
    html: ({ text }) => (PLAIN_TAG.test(text.trim()) ? text : escaped(text)),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** The blocks of `text`; `links` of the array are its link definitions.  `isOpen`: the text is still being written. */
export function blocksOf(text, { isOpen = false } = {}) {
  const tokens = marked.lexer(isOpen ? decided(text) : text, { ...marked.defaults, isOpen });
  if (isOpen) mend(tokens, (words) => inlineOf(words, tokens.links));
  for (const token of tokens) loosen(token, 0);
  return tokens;
}

function inlineOf(text, links) {
  const lexer = new marked.Lexer(marked.defaults);
  Object.assign(lexer.tokens.links, links);
  return lexer.inlineTokens(text);
}

/** Let each item of a list be loose by itself, where markdown lets one loose item change them all:
    an item that is shown stays as it is, whatever items follow. */
function loosen(token, depth) {
  if (depth > DEEPEST) throw new RangeError("the text is nested too deeply");
  for (const child of token.tokens ?? []) loosen(child, depth + 1);
  for (const item of token.items ?? []) {
    const isLoose = item.tokens.slice(0, -1).some(({ type }) => type === "space");
    const [from, to] = isLoose ? ["text", "paragraph"] : ["paragraph", "text"];
    for (const child of item.tokens) if (child.type === from) child.type = to;
    loosen(item, depth + 1);
  }
}

/** The fragment for blocks of one lexer run (`links` are its link definitions). */
export function fragmentOf(tokens, links) {
  const html = marked.parser(Object.assign([...tokens], { links }));
  const fragment = DOMPurify.sanitize(html, SAFE);
  for (const link of fragment.querySelectorAll("a[href]")) {
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
  }
  for (const block of fragment.querySelectorAll(OWN_DIRECTION)) block.dir = "auto";
  for (const code of fragment.querySelectorAll("pre > code")) fillCode(code, code.textContent);
  typeset(fragment.querySelectorAll("code.math:not(.open)"));
  if (fragment.querySelector("code.math.open")) loadMath();
  return fragment;
}

/** The whole of `text` at once. */
export function renderMarkdown(text) {
  return orPlain(text, () => {
    const tokens = blocksOf(text);
    return fragmentOf(tokens, tokens.links);
  });
}

/** The fragment that `render` makes; where the library cannot take the text (thousands of nested
    quotations overflow its stack), the text as it is. */
export function orPlain(text, render) {
  try {
    return render();
  } catch (error) {
    console.warn("a text could not be read as markdown, and is shown as it is", error);
    const fragment = document.createDocumentFragment();
    fragment.append(el("p", { className: "plain", dir: "auto" }, text));
    return fragment;
  }
}

/** Put code into `element` in chunks of lines, so that a line that is added moves one chunk only. */
export function fillCode(element, text) {
  const lines = text.split(/(?<=\n)/);
  element.replaceChildren();
  for (let at = 0; at < lines.length; at += CHUNK) element.append(chunkOf(lines.slice(at, at + CHUNK).join("")));
  element.parentElement?.setAttribute("tabindex", "0"); // a region that scrolls is for the keyboard, too
}

const chunkOf = (text) => el("span", { className: "chunk" }, document.createTextNode(text));

/** Adds lines at the end of a code element, in the chunks of `fillCode`. */
export class CodeWriter {
  #lines = 0; // in the last chunk
  #partial = document.createTextNode(""); // the line that is not yet whole

  constructor(element) {
    this.element = element;
    element.replaceChildren();
    this.#begin();
  }

  /** Add one line, with its line end. */
  add(line) {
    if (this.#lines === CHUNK) this.#begin();
    this.element.lastChild.firstChild.appendData(line);
    this.#lines += 1;
  }

  /** Show `line` behind the lines, for now. */
  showPartial(line) {
    if (line !== "" && this.#lines === CHUNK) this.#begin();
    if (line === "" && this.#lines === 0) this.#dropEmpty();
    this.#partial.data = line;
  }

  #begin() {
    this.element.append(chunkOf(""));
    this.element.lastChild.append(this.#partial);
    this.#lines = 0;
  }

  #dropEmpty() {
    if (this.element.children.length === 1) return;
    this.element.lastChild.remove();
    this.element.lastChild.append(this.#partial);
    this.#lines = CHUNK;
  }
}
