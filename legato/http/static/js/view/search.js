/** The field of the search and what was found.  `actions`: look(words), more(), open(conversationId, messageId). */
import { pageOf } from "../api.js";
import { piecesOf } from "../search.js";
import { button, el, fill, isComposing } from "./dom.js";

export class SearchView {
  /** `found` takes the place of `all` while something is looked for. */
  constructor({ form, found, said, all }, actions) {
    Object.assign(this, { found, said, all, actions, field: form.elements.words });
    form.onsubmit = (event) => event.preventDefault();
    this.field.oninput = () => actions.look(this.field.value);
    this.field.onkeydown = (event) => {
      if (event.key !== "Escape" || isComposing(event) || this.field.value === "") return;
      event.preventDefault(); // this Escape is not a Stop
      event.stopPropagation();
      this.clear();
    };
    document.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      if (document.querySelector("dialog[open]")) return;
      event.preventDefault();
      actions.begin();
      this.field.focus();
      this.field.select();
    });
  }

  /** Look for nothing any more. */
  clear() {
    this.field.value = "";
    this.actions.look("");
  }

  show({ words, titles, messages, hasMore }) {
    this.#isSearching(true);
    const count = titles.length + messages.length;
    this.said.textContent = count === 0 ? "Nothing found." : `${count}${hasMore ? " and more" : ""} found.`;
    fill(this.found, [
      ...this.#group("Titles", titles.map((each) => this.#itemOf(each, piecesOf(each.title, words)))),
      ...this.#group("Messages", messages.map((each) => this.#itemOf(each, each.excerpt))),
      count === 0 ? el("p", { className: "nothing" }, "Nothing found. A message has to have all the words.") : null,
      hasMore ? button("More", () => this.actions.more(), { className: "quiet more" }) : null,
    ]);
  }

  hide() {
    this.#isSearching(false);
    this.said.textContent = "";
    this.found.replaceChildren();
  }

  #isSearching(isOn) {
    this.found.hidden = !isOn;
    this.all.hidden = isOn;
  }

  #group(name, items) {
    if (items.length === 0) return [];
    return [el("h2", {}, name), el("ul", { className: name.toLowerCase() }, ...items)];
  }

  /** A conversation, or a message: that has a `messageId`, and its conversation's title. */
  #itemOf({ conversationId, messageId, title, isCreatedByUser }, pieces) {
    const link = el("a", { href: pageOf(conversationId), dir: "auto" },
      messageId ? el("span", { className: "where" }, `${isCreatedByUser ? "You" : "Answer"} · ${title}`) : null,
      el("span", { className: "excerpt" }, ...pieces.map(pieceOf)));
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab is the browser's
      event.preventDefault();
      this.actions.open(conversationId, messageId);
    };
    return el("li", { data: { id: messageId ?? conversationId } }, link);
  }
}

const pieceOf = ({ text, marked }) => (marked ? el("mark", {}, text) : text);
