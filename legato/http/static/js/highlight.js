/**
 * Colours in code whose block is whole.
 *
 * The library and each language are loaded when first needed, and blocks are coloured one by one
 * while the page has nothing else to do.  Code that is very long, or partly selected, stays plain.
 */
import DOMPurify from "../vendor/purify.es.js";

const FOLDER = "../vendor/highlight/";
const LONGEST = 20_000; // characters: more would hold the page up
const SAFE = { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], ADD_URI_SAFE_ATTR: ["class"], RETURN_DOM_FRAGMENT: true };

const ALIASES = {
  "c++": "cpp", html: "xml", js: "javascript", jsx: "javascript", md: "markdown", py: "python", rs: "rust",
  sh: "bash", shell: "bash", svg: "xml", toml: "ini", ts: "typescript", tsx: "typescript", yml: "yaml", zsh: "bash",
};
const LANGUAGES = new Set([
  "bash", "c", "cpp", "css", "diff", "go", "ini", "java", "javascript", "json", "markdown", "python", "rust",
  "sql", "typescript", "xml", "yaml",
]);

const asked = new WeakSet(); // code elements
let queue = Promise.resolve();

/** Colour code elements, soon. */
export function highlight(elements) {
  for (const code of elements) {
    const language = languageOf(code);
    if (asked.has(code) || language === null) continue;
    asked.add(code);
    queue = queue.then(idle).then(() => colour(code, language)).catch((error) =>
      console.warn("code stays without colours", error)); // the library could not be loaded
  }
}

function languageOf({ className, textContent }) {
  const name = /^language-(\S+)$/.exec(className)?.[1].toLowerCase();
  const language = ALIASES[name] ?? name;
  return LANGUAGES.has(language) && textContent.length <= LONGEST ? language : null;
}

async function colour(code, language) {
  const library = await loaded(language);
  if (!code.isConnected || getSelection().containsNode(code, true)) return;
  const { value } = library.highlight(code.textContent, { language, ignoreIllegals: true });
  code.replaceChildren(DOMPurify.sanitize(value, SAFE));
}

async function loaded(language) {
  const { default: library } = await import(`${FOLDER}core.min.js`);
  if (!library.getLanguage(language)) {
    library.registerLanguage(language, (await import(`${FOLDER}${language}.min.js`)).default);
  }
  return library;
}

const idle = () =>
  new Promise((resolve) => (window.requestIdleCallback ? requestIdleCallback(resolve, { timeout: 1_000 }) : setTimeout(resolve)));
