/**
 * Blocks that grow by parts: code by its lines, a list by its items, a table by its rows.
 *
 * `begins(token)` says whether a block is begun for good.  `take(rest, isOpen)` takes the text behind all
 * that was used (`isOpen`: its last words are being written), and returns `{used, shown, closed}`: so many characters are final, so many behind them
 * are shown for now, and whether the block has ended there.
 */
import { CodeWriter, blocksOf, fragmentOf } from "./markdown.js";
import { el } from "./view/dom.js";

const FENCE = /^( {0,3})(`{3,}|~{3,})[^\n]*\n/;
const MARKER = /^ {0,3}(?:[*+-]|\d{1,9}[.)])[ \t]+\S/;
const MAY_BE_ITEM = /^ {0,3}(?:\d|[*+-])/;

/** Whether a block that stands behind a list shows that the list has ended. */
export function isDefinite({ type, raw }) {
  if (type === "code") return FENCE.test(raw);
  return type === "heading" || type === "table" || (type === "paragraph" && !MAY_BE_ITEM.test(raw));
}

export class OpenCode {
  static begins = ({ raw }) => FENCE.test(raw);

  #isInside = false; // the line of the fence is used

  constructor(token, tail) {
    const [, indent, fence] = FENCE.exec(token.raw);
    this.indent = new RegExp(`^ {0,${indent.length}}`);
    this.end = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}[ \\t]*$`);
    const fragment = fragmentOf([{ ...token, text: "" }], {});
    this.begin = new RegExp(`^ {0,3}${fence[0]}{1,${fence.length}}$`); // of the end
    this.writer = new CodeWriter(fragment.querySelector("code"));
    tail.before(fragment);
  }

  take(rest, isOpen) {
    const lines = rest.split("\n");
    const last = lines.pop();
    let used = 0;
    for (const line of lines) {
      used += line.length + 1;
      if (this.#isInside && this.end.test(line)) return this.#close(used);
      if (this.#isInside) this.writer.add(this.#line(line));
      this.#isInside = true;
    }
    const shows = last !== "" && !this.end.test(last) && !(isOpen && this.begin.test(last));
    this.writer.showPartial(shows && this.#isInside ? this.#line(last) : "");
    return { used, shown: last.length, closed: false };
  }

  #line(text) {
    return `${text.replace(this.indent, "")}\n`;
  }

  #close(used) {
    this.writer.showPartial("");
    return { used, shown: 0, closed: true };
  }
}

export class OpenList {
  static begins = ({ items }) => items.length > 1 && MARKER.test(items.at(-1).raw);

  #list = null;
  #open = []; // the elements of the items that may change

  constructor(token, tail) {
    this.tail = tail;
  }

  take(rest, isOpen) {
    const tokens = blocksOf(rest, { isOpen });
    const [list, ...behind] = tokens;
    if (list?.type !== "list") return { used: 0, shown: 0, closed: true };
    const next = behind.find(({ type }) => type !== "space");
    const closed = next !== undefined && (isDefinite(next) || behind.filter(({ type }) => type !== "space").length > 1);
    const final = closed ? list.items : finalItems(list.items);
    this.#show(list, final, tokens.links);
    const shown = closed ? list.raw.length : lengthOf(final);
    return { used: shown, shown: list.raw.length - shown, closed };
  }

  #show(list, final, links) {
    for (const item of this.#open) item.remove();
    const element = fragmentOf([list], links).firstElementChild;
    const items = [...element.children];
    this.#open = items.slice(final.length);
    if (this.#list === null) this.tail.before((this.#list = element));
    else this.#list.append(...items);
  }
}

/** An item is final once the next is begun for good. */
function finalItems(items) {
  const isBegun = MARKER.test(items.at(-1).raw);
  return items.slice(0, isBegun ? -1 : -2);
}

const lengthOf = (items) => items.reduce((length, { raw }) => length + raw.length, 0);

export class OpenTable {
  static begins = ({ raw }) => raw.split("\n").length > 2; // its second line has come to its end

  #body = null;
  #open = null; // the row that may change
  #head; // the first two lines

  constructor(token, tail) {
    this.#head = token.raw.split("\n", 2).map((line) => `${line}\n`).join("");
    const fragment = fragmentOf(blocksOf(this.#head), {});
    this.table = fragment.firstElementChild;
    this.isInside = false;
    tail.before(fragment);
  }

  take(rest, isOpen) {
    this.#open?.remove();
    this.#open = null;
    let used = this.isInside ? 0 : this.#head.length;
    this.isInside = true;
    const lines = rest.slice(used).split("\n");
    const last = lines.pop();
    for (const line of lines) {
      const row = this.#rowOf(line);
      if (row === null) return { used, shown: 0, closed: true };
      this.#add(row);
      used += line.length + 1;
    }
    return this.#showPartial(last, used, isOpen);
  }

  #showPartial(line, used, isOpen) {
    this.#open = line === "" ? null : this.#rowOf(line, isOpen);
    if (this.#open) this.#add(this.#open);
    return { used, shown: this.#open ? line.length : 0, closed: false };
  }

  #rowOf(line, isOpen = false) {
    const tokens = blocksOf(this.#head + line, { isOpen });
    if (tokens.length !== 1 || tokens[0].rows?.length !== 1) return null;
    return fragmentOf(tokens, tokens.links).querySelector("tbody tr");
  }

  #add(row) {
    if (this.#body === null) this.table.append((this.#body = el("tbody")));
    this.#body.append(row);
  }
}
