/** What is copied of an answer: formulas as they were written, not the letters of their picture. */
import { el } from "./view/dom.js";

document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed || event.target.closest?.("textarea, input")) return;
  const copy = copyOf(selection);
  if (copy === null) return;
  event.clipboardData.setData("text/plain", copy.text);
  event.clipboardData.setData("text/html", copy.html);
  event.preventDefault();
});

/** `{text, html}` of a selection with formulas; null where the browser's own copy is right. */
function copyOf(selection) {
  const range = selection.getRangeAt(0).cloneRange();
  const [first, last] = [formulaAround(range.startContainer), formulaAround(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const box = el("div", { className: "unseen" }, range.cloneContents());
  const formulas = box.querySelectorAll(".math[data-source]");
  if (formulas.length === 0) return null;
  for (const formula of formulas) formula.replaceWith(el("span", { className: "copied" }, formula.dataset.source));
  document.body.append(box); // only what is laid out has lines and columns
  const copy = { text: box.innerText, html: box.innerHTML };
  box.remove();
  return copy;
}

const formulaAround = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(".math[data-source]");
