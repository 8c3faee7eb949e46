/** Keeps the keyboard's place: an element that leaves while it has the focus hands the focus on. */

/** `fallback` gives the element that is focused where the same control is no longer there. */
export function keepFocus(fallback) {
  let last = null; // {element, label, home}: what had the focus
  document.addEventListener("focusin", ({ target }) => (last = describe(target)));
  document.addEventListener("pointerdown", ({ target }) => {
    if (!target.closest("a, button, input, textarea, select, summary, [tabindex]")) last = null; // it is meant
  });
  const look = () => {
    if (last === null || canHold(last.element)) return;
    if (document.activeElement !== document.body && canHold(document.activeElement)) return;
    const next = successor(last) ?? firstOf([...document.querySelectorAll("dialog[open]")].at(-1)) ?? fallback();
    last = null;
    next.focus({ preventScroll: true });
  };
  const watched = { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "disabled", "open"] };
  new MutationObserver(look).observe(document.body, watched);
}

function describe(element) {
  return {
    element,
    label: element.getAttribute("aria-label") ?? element.textContent,
    home: element.closest("[data-id]"),
    ...placeOf(element.closest("[data-id]")),
  };
}

const placeOf = (home) => ({ parent: home?.parentElement, place: [...(home?.parentElement?.children ?? [])].indexOf(home) });

const canHold = (element) => element.isConnected && !element.disabled && !element.closest("[hidden]");

/** The first control of the dialog on top, which is the last in the file; nothing else takes the focus meanwhile. */
const firstOf = (dialog) => [...(dialog?.querySelectorAll("button, input, textarea, select") ?? [])].find(canHold);

/** The control of the same name, of the same message or conversation, or of that in its place. */
function successor({ label, home, parent, place }) {
  const root = home?.isConnected ? home : parent?.children[place];
  return [...(root?.querySelectorAll("button, a, textarea") ?? [])].find((each) =>
    canHold(each) && (each.getAttribute("aria-label") ?? each.textContent) === label);
}
