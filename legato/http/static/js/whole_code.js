/** What blocks of code get when they are whole: colours, and a button that copies them. */
import { highlight } from "./highlight.js";
import { copyButton } from "./view/copy_button.js";
import { el } from "./view/dom.js";

/** Finish code elements; one that was finished before stays as it is. */
export function finishCode(elements) {
  for (const code of elements) if (!hasTools(code)) addTools(code);
  highlight(elements);
}

const hasTools = ({ parentElement }) => parentElement.previousElementSibling?.className === "code-tools";

/** The tools stand before the block, not in it: a block scrolls, and its tools stay in its corner. */
function addTools(code) {
  const copying = copyButton(() => code.textContent, "Copy code");
  if (copying) code.parentElement.before(el("div", { className: "code-tools" }, copying));
}
