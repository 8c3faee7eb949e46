/** Elements without markup strings: nothing here can become HTML by accident. */

/** An element with properties (`data` and `aria` are objects of their own) and children. */
export function el(tag, { data = {}, aria = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  fill(element, children);
  return element;
}

/** Make `children` an element's own; null stands for none. */
export function fill(element, children) {
  element.replaceChildren(...children.filter((child) => child !== null));
}

/** Set an element's text, but leave the same text alone: a live region would say it once more. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Whether a key belongs to an input method, which may be at work: 229 stands for that in Safari. */
export const isComposing = (event) => event.isComposing || event.keyCode === 229;

const keys = new WeakMap(); // element -> what it was filled for

/** Fill `element` with what `make` gives, but leave it alone while `key` stays: a click on a
    button that is replaced between press and release is lost. */
export function refill(element, key, make) {
  if (keys.get(element) === key) return;
  keys.set(element, key);
  fill(element, make());
}

const SVG = "http://www.w3.org/2000/svg";

/** One of the icons of icons.svg, which each page has. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A button that is only an icon; `label` is its name for everybody who does not see it. */
export function iconButton(name, label, onclick, { disabled = false, ...properties } = {}) {
  const button = el("button", { type: "button", className: "icon-button", title: label, ...properties }, icon(name));
  button.setAttribute("aria-label", label);
  if (disabled) button.setAttribute("aria-disabled", "true"); // keeps the focus, unlike `disabled`
  else button.onclick = onclick;
  return button;
}

/** A small button with a name. */
export const button = (name, onclick, { className = "quiet small", ...properties } = {}) =>
  el("button", { type: "button", className, onclick, ...properties }, name);

/** Bring `parent`'s children into the order of `wanted`, moving as little as possible. */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, position) => {
    if (parent.children[position] !== child) parent.insertBefore(child, parent.children[position] ?? null);
  });
}

const SHARE = 4; // one part painting, three parts anything else

/**
 * A function that asks for `paint` to run, once, before the next frame is drawn.  A paint that
 * takes long makes the next one wait in proportion, so that a huge answer does not freeze the page.
 */
export function paced(paint) {
  let asked = false;
  let earliest = 0;
  const frame = () => {
    const begin = performance.now();
    if (begin < earliest) return void requestAnimationFrame(frame);
    asked = false;
    paint();
    earliest = begin + SHARE * (performance.now() - begin);
  };
  return () => {
    if (!asked) requestAnimationFrame(frame);
    asked = true;
  };
}
