/**
 * Formulas typeset as MathML by temml, which is loaded with the first formula.
 *
 * A formula keeps its place empty until it is typeset, so nobody sees it change.  A formula that
 * temml cannot read, or that is very long, is shown as it was written.
 */
import DOMPurify from "../vendor/purify.es.js";
import { partsOf } from "./math_syntax.js";
import { el } from "./view/dom.js";

const FOLDER = new URL("../vendor/temml/", import.meta.url);
const OPTIONS = { throwOnError: true, trust: false, maxExpand: 1000, maxSize: [40, 400] }; // em, pt
const LONGEST = 3_000; // characters
const REMEMBERED = 300; // formulas: those of the open block are shown anew with each word
const SLICE = 8; // ms of typesetting, before the page may do something else

const SAFE = {
  ALLOWED_TAGS: [
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts", "mroot",
    "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
    "munderover", "none", "semantics",
  ],
  ALLOWED_ATTR: [
    "accent", "accentunder", "class", "columnalign", "columnspan", "depth", "display", "displaystyle", "fence", "form",
    "height", "largeop", "linethickness", "lspace", "mathbackground", "mathcolor", "mathsize", "mathvariant", "maxsize",
    "minsize", "movablelimits", "notation", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "style",
    "symmetric", "voffset", "width",
  ],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
/** Of styles, those that temml needs inside of a formula: nothing is placed elsewhere, or loaded. */
const STYLES = /^(?:padding|margin|border|color$|background-color$|font-weight$|math-|text-align$|width$|height$|display$)/;

const purify = DOMPurify(window);
purify.addHook("beforeSanitizeAttributes", ({ style }) => {
  for (const name of [...(style ?? [])]) if (!STYLES.test(name)) style.removeProperty(name);
});

const typesetBefore = new Map(); // a formula as it was written -> its element
const waiting = new Set(); // elements of formulas
let temml = null;
let loading = null; // the promise of temml
let slicing = null; // the typesetting of what waits
let spent = 0; // ms of typesetting since other things had a turn

/** Have temml loaded, for a formula that is there or begins. */
export function loadMath() {
  loading ??= load().catch((error) => console.warn("formulas stay as they are written", error));
  return loading;
}

/** Typeset formulas, each the text of a `code.math`: at once, or soon where that takes long. */
export function typeset(codes) {
  for (const code of codes) {
    const isCheap = typesetBefore.has(code.textContent) || (temml !== null && spent < SLICE);
    if (isCheap) replace(code);
    else waiting.add(code);
  }
  if (waiting.size > 0) slicing ??= loadMath().then(typesetWaiting).finally(() => (slicing = null));
}

async function load() {
  const loaded = (element) => new Promise((resolve, reject) => {
    Object.assign(element, { onload: resolve, onerror: () => reject(new Error(`${element.src ?? element.href} is missing`)) });
    document.head.append(element);
  });
  await Promise.all([
    loaded(el("script", { src: new URL("temml.min.js", FOLDER) })),
    loaded(el("link", { rel: "stylesheet", href: new URL("Temml-Local.css", FOLDER) })),
  ]);
  temml = window.temml;
}

/** Typeset what waits, in slices. */
async function typesetWaiting() {
  for (const code of waiting) {
    waiting.delete(code);
    if (!code.isConnected) continue; // the open block was shown anew since
    if (spent >= SLICE) await turn();
    replace(code);
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

function replace(code) {
  const source = code.textContent;
  const element = typesetBefore.get(source) ?? remember(source, elementOf(source));
  if (element === null) code.classList.add("plain");
  else code.replaceWith(element.cloneNode(true));
}

function remember(source, element) {
  typesetBefore.set(source, element);
  if (typesetBefore.size > REMEMBERED) typesetBefore.delete(typesetBefore.keys().next().value);
  return element;
}

/** The element of a formula; null where it is to be shown as it was written. */
function elementOf(source) {
  if (temml === null || source.length > LONGEST) return null;
  const begun = performance.now();
  try {
    const { tex, isDisplay } = partsOf(source);
    const holder = document.createElement("span");
    temml.render(tex, holder, { ...OPTIONS, displayMode: isDisplay });
    const fragment = purify.sanitize(holder.firstChild, SAFE);
    const properties = { className: isDisplay ? "math display" : "math", dir: "ltr", data: { source } };
    return el("span", isDisplay ? { ...properties, tabIndex: 0 } : properties, fragment);
  } catch {
    return null; // no TeX
  } finally {
    note(performance.now() - begun);
  }
}

function note(duration) {
  if (spent === 0) setTimeout(() => (spent = 0));
  spent += duration;
}
