/** A button that copies text, and shows for a moment that it did. */
import { icon, iconButton } from "./dom.js";

const SHOWN = 1_500; // ms

/**
 * `textOf` gives the text when the button is pressed.  Null where the browser lends no clipboard:
 * to a page that comes from another machine without TLS.
 */
export function copyButton(textOf, label = "Copy") {
  if (!navigator.clipboard) return null;
  const button = iconButton("copy", label, async () => {
    await navigator.clipboard.writeText(textOf());
    button.replaceChildren(icon("done"));
    setTimeout(() => button.replaceChildren(icon("copy")), SHOWN);
  });
  return button;
}
