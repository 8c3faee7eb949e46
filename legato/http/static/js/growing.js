/**
 * An element whose markdown grows at its end.  Blocks that text to come cannot change are final and
 * never touched again; of a long list, table or code block only the part that is open is redone.
 */
import { OpenCode, OpenList, OpenTable, isDefinite } from "./open_blocks.js";
import { blocksOf, fragmentOf, orPlain, renderMarkdown } from "./markdown.js";
import { finishCode } from "./whole_code.js";

const OPEN_BLOCKS = 2; // text still to come can change the last two blocks, none before them
const OPENERS = { code: OpenCode, list: OpenList, table: OpenTable };

export class GrowingMarkdown {
  #text = "";
  #isOpen = true; // the end was shown as one that goes on
  #settled = 0; // characters whose blocks are final
  #open = null; // the last block, where it grows by lines or items
  #tail = document.createElement("div");

  constructor(element) {
    this.element = element;
    this.#tail.className = "tail";
  }

  /** Show `source`; `complete`: nothing more comes; `isOpen`: the last words are being written. */
  update(source, complete, isOpen = !complete) {
    const text = source.replace(/\r\n?/g, "\n"); // as the lexer does: lengths must agree
    const goesOn = this.#tail.parentNode === this.element && text.startsWith(this.#text);
    const isNew = text !== this.#text || isOpen !== this.#isOpen;
    this.#isOpen = isOpen;
    if (complete && !goesOn) this.#renderAll(text);
    else if (!goesOn || isNew) this.#renderMore(text, goesOn);
    if (complete) finishCode(this.element.querySelectorAll("pre > code"));
  }

  #renderAll(text) {
    this.element.replaceChildren(renderMarkdown(text));
    this.#text = text;
  }

  #renderMore(text, goesOn) {
    if (!goesOn) this.#restart();
    this.#text = text;
    const rest = text.slice(this.#settled);
    this.#tail.replaceChildren(orPlain(rest, () => this.#advance(rest)));
  }

  #restart() {
    this.#settled = 0;
    this.#open = null;
    this.element.replaceChildren(this.#tail);
  }

  /** Take `rest`, which begins behind what is settled; return the fragment of what is not shown by then. */
  #advance(rest) {
    if (this.#open === null) return this.#begin(rest);
    const { used, shown, closed } = this.#open.take(rest, this.#isOpen);
    this.#settled += used;
    if (!closed) return this.#fragment(rest.slice(used + shown));
    this.#open = null;
    this.#finishLastCode();
    return this.#begin(rest.slice(used));
  }

  #fragment(text) {
    const tokens = blocksOf(text, { isOpen: this.#isOpen });
    return fragmentOf(tokens, tokens.links);
  }

  /** Settle the blocks that are final, and open the last one where it grows by parts. */
  #begin(rest) {
    const tokens = blocksOf(rest, { isOpen: this.#isOpen });
    const last = tokens.findLastIndex(({ type }) => type !== "space");
    const Opener = OPENERS[tokens[last]?.type];
    const begins = Opener?.begins(tokens[last]);
    const firstOpen = begins ? last : firstOpenBlock(tokens);
    const used = this.#settle(tokens.slice(0, firstOpen), tokens.links);
    if (!begins) return fragmentOf(tokens.slice(firstOpen), tokens.links);
    this.#open = new Opener(tokens[last], this.#tail);
    return this.#advance(rest.slice(used));
  }

  /** Code that was just settled is whole: before the tail, behind all that was coloured before. */
  #finishLastCode() {
    finishCode([...this.element.querySelectorAll(":scope > pre > code")].slice(-OPEN_BLOCKS));
  }

  #settle(final, links) {
    if (final.length > 0) this.#tail.before(fragmentOf(final, links));
    if (final.some(({ type }) => type === "code")) this.#finishLastCode();
    const used = final.reduce((length, { raw }) => length + raw.length, 0);
    this.#settled += used;
    return used;
  }
}

/** The position of the first block that text to come can change. */
function firstOpenBlock(tokens) {
  let open = 0;
  for (let index = tokens.length - 1; index >= 0; index -= 1) {
    if (tokens[index].type === "space") continue;
    open += 1;
    if (open === OPEN_BLOCKS || (isDefinite(tokens[index]) && tokens[index].type === "heading")) return index;
  }
  return 0;
}
