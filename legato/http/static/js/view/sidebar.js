/** The list of conversations.  `actions`: open, rename, remove, pin, more. */
import { pageOf } from "../api.js";
import { groupOf } from "../days.js";
import { arrange, el, iconButton, isComposing } from "./dom.js";

export class SidebarView {
  #items = new Map(); // conversation id -> ItemView

  constructor({ list, more }, actions) {
    Object.assign(this, { list, more, actions });
    more.onclick = () => actions.more();
  }

  /** Show `conversations`, last changed first; `active` are the ids of those that run. */
  show({ conversations, active, current, hasMore }) {
    const ids = new Set(conversations.map(({ conversationId }) => conversationId));
    for (const id of [...this.#items.keys()]) if (!ids.has(id)) this.#items.delete(id);
    const items = conversations.map((conversation) => this.#itemOf(conversation));
    const groups = conversations.map(({ isPinned, updatedAt }) => (isPinned ? "Pinned" : groupOf(updatedAt ?? Date.now())));
    items.forEach((item, index) => {
      const { conversationId } = conversations[index];
      item.update(conversations[index], active.has(conversationId), conversationId === current);
      item.head(groups[index] === groups[index - 1] ? null : groups[index]);
    });
    arrange(this.list, items.map(({ element }) => element));
    this.more.hidden = !hasMore;
  }

  #itemOf({ conversationId }) {
    if (!this.#items.has(conversationId)) this.#items.set(conversationId, new ItemView(this.actions));
    return this.#items.get(conversationId);
  }
}

class ItemView {
  #title = el("span", { className: "title", dir: "auto" });
  #dot = el("span", { className: "dot", role: "img", aria: { label: "running" } });
  #link = el("a", {}, this.#dot, this.#title);
  #pin = iconButton("pin", "Pin", () => {
    this.actions.pin(this.id, !this.isPinned);
    this.#pin.focus(); // the item may have moved
  });
  element = el("li", {}, this.#link);

  constructor(actions) {
    this.actions = actions;
    this.#link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab is the browser's
      event.preventDefault();
      actions.open(this.id);
    };
    this.element.append(
      this.#pin,
      iconButton("edit", "Rename", () => this.#rename()),
      iconButton("delete", "Delete", () => actions.remove(this.id, this.title)),
    );
  }

  /** Begin a group of this name; null: the item before is of the same group. */
  head(group) {
    if (group === null) delete this.element.dataset.group;
    else this.element.dataset.group = group;
  }

  update({ conversationId, title, asks, isPinned }, isActive, isCurrent) {
    this.isPinned = isPinned;
    this.#pin.ariaLabel = this.#pin.title = isPinned ? "Unpin" : "Pin";
    this.#pin.ariaPressed = isPinned;
    this.id = conversationId;
    this.title = title;
    this.element.dataset.id = conversationId;
    this.#link.href = pageOf(conversationId);
    this.#link.toggleAttribute("aria-current", isCurrent);
    if (isCurrent) this.#link.setAttribute("aria-current", "page");
    this.#link.title = title;
    this.#title.textContent = title;
    this.#dot.hidden = !isActive;
    this.#dot.classList.toggle("asks", asks);
    this.#dot.setAttribute("aria-label", asks ? "waits for your answer" : "running");
  }

  #rename() {
    const input = el("input", { className: "rename", dir: "auto", value: this.title, maxLength: 200, aria: { label: "Title" } });
    let open = true;
    const close = (save) => {
      if (!open) return; // removing a focused input blurs it: once is enough
      open = false;
      input.replaceWith(this.#link);
      const title = input.value.trim();
      if (save && title && title !== this.title) this.actions.rename(this.id, title);
      this.#link.focus();
    };
    input.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.stopPropagation();
      if (!isComposing(event)) close(event.key === "Enter");
    };
    input.onblur = () => close(true);
    this.#link.replaceWith(input);
    input.select();
  }
}
