/**
 * The end of a text that is still being written, as it will probably go on: open marks are closed,
 * marks that say nothing yet are left out.  So no mark appears only to vanish with the next word.
 */
import { partedAtOpen, withFormulas } from "./math_syntax.js";

const LONGEST = 20_000; // characters of a paragraph: in a longer one the end is not worth the time

/** A last line that may become anything: a rule, an item, a heading, a fence, a formula. */
const UNDECIDED = /(^|\n) {0,3}(?:[-=*_+]{1,2}|`{1,2}|~{1,2}|\d{1,9}[.)]?|#{1,6}|[$\\]|\|[ \t]*)$/;
/** The first two lines of a table, before which no row stands; a long line is no head of a table. */
const OPEN_HEAD = /(?<=^|(?:^|\n)(?! {0,3}\|)[^\n]*\n) {0,3}\|[^\n]{0,200}(?:\n {0,3}\|?[ :|-]*)?$/;
const OPEN_LINK = /(?<![\p{L}\p{N}\]])!?\[((?:\\[^]|[^[\]\\])*)(?:\](?:\([^()\s]*(?:\s[^()]*)?)?)?$|!?\[$|[\\!]$/u;

/** Everything in a line that marks, or hides marks: escapes, code, addresses, and runs of marks. */
const MARKS = /\\[^]|(?<ticks>`+)(?!`)(?:[^]*?(?<!`)\k<ticks>(?!`))?|\]\([^()\s]*\)|<[^<>\s]+>|(?<run>\*+|_+|~+)/g;
const WORD = /[\p{L}\p{N}]/u;

/** `text` without a last line of which nothing can be said yet. */
export const decided = (text) => text.replace(OPEN_HEAD, "").replace(UNDECIDED, "$1");

/** Let the last words below `tokens` read as if they were whole.  `inline(text)`: the tokens of a line's text. */
export function mend(tokens, inline) {
  const leaf = lastLeaf({ tokens });
  if (leaf === null || leaf.text.length > LONGEST || /[\uE000-\uF8FF]/.test(leaf.text)) return;
  const { before, open, isShown, formulas } = partedAtOpen(leaf.text);
  const whole = withFormulas(closed(open ? before.trimEnd() : before), formulas);
  if (whole === leaf.text) return;
  leaf.tokens = inline(whole);
  if (isShown) leaf.tokens.push({ type: "text", raw: " ", text: " " }, open);
}

/** The last token below `token` that has a text of its own; null where that is code, or nothing. */
function lastLeaf(token) {
  if (["paragraph", "text", "heading"].includes(token.type)) return token;
  if (token.type === "table") return [token.header, ...token.rows].at(-1).findLast(({ text }) => text !== "") ?? null;
  const last = (token.items ?? token.tokens ?? []).findLast(({ type }) => type !== "space");
  return last === undefined ? null : lastLeaf(last);
}

/** A line's text with all that is open at its end closed: a link is its words, until it is whole. */
function closed(line) {
  const text = line.replace(OPEN_LINK, "$1");
  const open = []; // {mark, count}, the innermost last
  for (const { 0: found, index, groups: { ticks, run } } of text.matchAll(MARKS)) {
    const end = index + found.length;
    if (ticks === found) return text.slice(0, index) + closedCode(text.slice(index), ticks) + closing(open);
    if (!run) continue;
    const left = take(run, open, text[index - 1] ?? " ", text[end] ?? " ");
    if (left > 0 && end === text.length) return text.slice(0, end - left).trimEnd() + closing(open);
  }
  return open.length > 0 ? text.trimEnd() + closing(open) : text;
}

/** Take a run of marks: some close what is open, the others open.  Returns how many do neither. */
function take(run, open, before, after) {
  const isInWord = WORD.test(before) && WORD.test(after);
  let left = run.length;
  while (left > 0 && !/\s/.test(before) && !(isInWord && run[0] === "_")) {
    const place = open.findLastIndex(({ mark }) => mark === run[0]);
    if (place < 0) break;
    const count = Math.min(left, open[place].count);
    open.length = place + 1;
    open[place].count -= count;
    if (open[place].count === 0) open.pop();
    left -= count;
  }
  if (left === 0 || isInWord || /\s/.test(after) || run === "~") return left;
  open.push({ mark: run[0], count: left });
  return 0;
}

const closing = (open) => open.reduceRight((marks, { mark, count }) => marks + mark.repeat(count), "");

/** Code that begins `text`, closed; "" where there is no code yet. */
function closedCode(text, ticks) {
  const code = text.slice(ticks.length).replace(/[\s`]+$/, "");
  return code === "" ? "" : ticks + code + ticks;
}
