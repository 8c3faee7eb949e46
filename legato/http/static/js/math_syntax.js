/**
 * Formulas in markdown: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` displayed.  Pure.
 *
 * A dollar may be a price, and `\[` an escaped bracket; the rules here are Pandoc's, and one of ours:
 * two words one after the other are prose.
 */
const INLINE = [
  /^\$\$(?!\$)(?:\\[^]|[^\\$]){1,5000}?\$\$(?!\$)/,
  /^\$(?![\s$])((?:\\[^]|[^\\$`]){1,1000}?)(?<!\s)\$(?![$\dA-Z])/,
  /^\\\(([^]{1,1000}?)\\\)/,
  /^\\\[([^]{1,5000}?)\\\]/,
];
const TEX = /[\\^_=+<>{}]/;
const BLOCK = /^ {0,3}(?:\$\$(?!\$)(?:(?!\n[ \t]*\n|\$\$)[^])+\$\$|\\\[(?:(?!\n[ \t]*\n|\\\])[^])+\\\])[ \t]*(?:\n|$)/;
const OPEN_BLOCK = /^ {0,3}(?:\$\$(?!\$)(?:(?!\n[ \t]*\n|\$\$)[^])*|\\\[(?:(?!\n[ \t]*\n|\\\])[^])*)$/;
const BLOCK_BEGIN = /\n {0,3}(?:\$\$|\\\[)/;
const DOLLAR = /^[^\\<!\[`*_$]*\$/; // before anything at which marked itself stops
const LONGEST_OPEN = 300; // characters of a formula in a line that is still being written
const WORD = /[\p{L}\p{N}\\$]/u;

/** The formula at the very start of `text`, or ""; `before` is the character before. */
function formulaAt(text, before) {
  if (!"$\\".includes(text[0])) return "";
  for (const [place, pattern] of INLINE.entries()) {
    const [raw, content = ""] = pattern.exec(text) ?? [];
    if (raw === undefined) continue;
    if (raw[0] === "$" && WORD.test(before)) return "";
    if (place === 3 && !TEX.test(content)) return "";
    return isProse(content) ? "" : raw;
  }
  return "";
}

const ANY = new RegExp(INLINE.map(({ source }) => source.slice(1)).join("|"), "g");

/** `text` as long as before, with letters in place of formulas: no mark in a formula marks anything. */
export const withoutFormulas = (text) =>
  text.replace(ANY, (raw, ...found) => {
    const place = found.findLast((each) => typeof each === "number");
    return formulaAt(raw, text[place - 1] ?? "") === raw ? "a".repeat(raw.length) : raw;
  });

/** Whether text between two delimiters reads as words. */
function isProse(text) {
  const words = text.replace(/\\[a-zA-Z]+\s*|\{[^{}]*\}/g, "#");
  return /[a-zA-Z]{2,}[.,;:!?]?\s+[a-zA-Z]{2,}/.test(words) || /^\d[\d.,]*[\s/-]+[a-zA-Z]{2,}/.test(words);
}

const token = (type, raw, isOpen = false) => ({ type, raw, isOpen });

/** marked's extensions; with the lexer's option `isOpen` a displayed formula may end with the text. */
export const extensions = [
  {
    name: "mathBlock",
    level: "block",
    start(text) {
      const end = text.indexOf("\n\n");
      const found = BLOCK_BEGIN.exec(end < 0 ? text : text.slice(0, end));
      return found ? found.index + 1 : undefined;
    },
    tokenizer(text) {
      const closed = BLOCK.exec(text);
      if (closed) return token("mathBlock", closed[0]);
      const open = this.lexer.options.isOpen && OPEN_BLOCK.exec(text);
      return open ? token("mathBlock", open[0], true) : undefined;
    },
    renderer: (math) => `<p>${markupOf(math)}</p>\n`,
  },
  {
    name: "math",
    level: "inline",
    start(text) {
      const found = DOLLAR.exec(text);
      return found ? found[0].length - 1 : undefined;
    },
    tokenizer(text, tokens) {
      const raw = formulaAt(text, tokens.at(-1)?.raw.at(-1) ?? "");
      return raw ? token("math", raw) : undefined;
    },
    renderer: (math) => markupOf(math),
  },
];

/** A formula as it was written, to be typeset; one that is open is shown without its delimiter. */
function markupOf({ raw, isOpen }) {
  const text = isOpen ? raw.trim().slice(2).replace(/[$\\]$/, "").trim() : raw.trim();
  return `<code class="math${isOpen ? " open" : ""}">${text.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`)}</code>`;
}

/** `{tex, isDisplay}` of a formula with its delimiters. */
export function partsOf(raw) {
  const width = raw.startsWith("$$") || raw[0] === "\\" ? 2 : 1;
  return { tex: raw.slice(width, -width), isDisplay: raw.startsWith("$$") || raw.startsWith("\\[") };
}

const SPANS = /(?<ticks>`+)(?!`)[^]*?(?<!`)\k<ticks>(?!`)|(?<code>`)|(?<opener>\$\$?|\\[([])|\\[^]/g;

/**
 * The text of a paragraph that is being written, parted: `{before, open, formulas}`.
 *
 * `open` is the token of a formula at its end that has not come to its own end, or null.  In
 * `before` a sign of Unicode's private area stands for each whole formula, and for each dollar.
 */
export function partedAtOpen(text) {
  const formulas = [];
  let before = "";
  let at = 0;
  SPANS.lastIndex = 0;
  for (let span; (span = SPANS.exec(text)); ) {
    const { code, opener } = span.groups;
    if (code) break; // the rest is code
    if (!opener) continue;
    const rest = text.slice(span.index);
    const raw = formulaAt(rest, text[span.index - 1] ?? "");
    before += text.slice(at, span.index);
    if (raw === "" && mayBecomeFormula(rest, opener, text[span.index - 1] ?? "")) {
      return { before, open: token("math", rest, true), isShown: opener === "$$" || opener === "\\[", formulas };
    }
    formulas.push(raw || opener);
    before += String.fromCharCode(FIRST + formulas.length - 1);
    at = SPANS.lastIndex = span.index + (raw || opener).length;
    if (formulas.length === MOST) break;
  }
  return { before: before + text.slice(at), open: null, formulas };
}

const FIRST = 0xe000; // of the private area,
const MOST = 6_000; // which has 6,400

/** `text` with all formulas in their places again. */
export const withFormulas = (text, formulas) =>
  text.replace(/[\uE000-\uF8FF]/g, (sign) => formulas[sign.charCodeAt(0) - FIRST] ?? sign);

function mayBecomeFormula(rest, opener, before) {
  const content = rest.slice(opener.length);
  if (opener === "$$" || opener === "\\[") return !content.includes(opener === "$$" ? "$$" : "\\]");
  if (content.length > LONGEST_OPEN || content.includes(opener === "$" ? "$" : "\\)")) return false;
  if (opener === "$" && (WORD.test(before) || /^\s/.test(content))) return false;
  return !isProse(content) && !/^\d[\d.,]*\s+\w*$/.test(content);
}
