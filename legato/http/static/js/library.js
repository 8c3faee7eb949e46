/** The user's conversations, as far as they were paged in, and which of them run. */
import * as api from "./api.js";
import { Notes } from "./notes.js";

export const UNTITLED = "New Chat"; // what the server calls a conversation without a title
const MOST_PINS = 30; // each may be a request of its own when the list is read
const POLL = 5_000; // ms, while the page is visible

export class Library {
  #known = new Map(); // conversation id -> conversation
  #interim = new Map(); // conversation id -> its first question
  #pins = new Notes("pins", MOST_PINS);
  #cursor = null;
  #pages = 0;
  active = new Set();

  /** `listener`: `changed()`, and `activeChanged(started, ended)` with sets of ids. */
  constructor(listener) {
    this.listener = listener;
  }

  /** The pinned first, then last changed first. */
  get conversations() {
    const order = (a, b) => (b.updatedAt ?? "").localeCompare(a.updatedAt ?? "");
    const all = [...this.#known.values()].sort(order);
    return [...all.filter((each) => this.isPinned(each.conversationId)), ...all.filter((each) => !this.isPinned(each.conversationId))];
  }

  isPinned(id) {
    return this.#pins.get(id) !== undefined;
  }

  /** Keep a conversation at the top of the list, or no longer; this browser keeps the pins. */
  pin(id, isPinned) {
    this.#pins.set(id, isPinned ? true : undefined);
    this.listener.changed();
  }

  get hasMore() {
    return this.#cursor !== null;
  }

  /** Show `question` in place of a title, until there is one. */
  suggest(id, question) {
    if (this.#interim.get(id) === question) return;
    this.#interim.set(id, question);
    if (this.titleOf(id) === UNTITLED) this.listener.changed();
  }

  /** The title to show; undefined for a conversation that is not known. */
  shownTitleOf(id) {
    const title = this.titleOf(id);
    return title === UNTITLED || title === undefined ? (this.#interim.get(id) ?? title) : title;
  }

  titleOf(id) {
    return this.#known.get(id)?.title;
  }

  /** Read the first page again.  What was paged in beyond it stays. */
  async refresh() {
    const page = await api.conversations();
    if (this.#pages <= 1) {
      this.#known.clear();
      this.#cursor = page.nextCursor ?? null;
      this.#pages = 1;
    }
    this.#add(page);
    await this.#readPins();
  }

  /** Read the pinned conversations that no page has brought yet. */
  async #readPins() {
    const missing = this.#pins.ids.filter((id) => !this.#known.has(id));
    const read = missing.map((id) => api.conversation(id).catch((error) => {
      if (![403, 404].includes(error.status)) throw error;
      this.#pins.set(id, undefined); // deleted elsewhere
    }));
    const conversations = (await Promise.all(read)).filter(Boolean);
    if (conversations.length > 0) this.#add({ conversations });
  }

  async more() {
    const page = await api.conversations(this.#cursor);
    this.#cursor = page.nextCursor ?? null;
    this.#pages += 1;
    this.#add(page);
  }

  #add({ conversations }) {
    for (const conversation of conversations) this.#known.set(conversation.conversationId, conversation);
    this.listener.changed();
  }

  async rename(id, title) {
    await api.rename(id, title);
    this.retitle(id, title);
  }

  /** Take a title that is stored already. */
  retitle(id, title) {
    this.#known.set(id, { ...this.#known.get(id), conversationId: id, title });
    this.listener.changed();
  }

  async remove(id) {
    await api.remove(id);
    this.#pins.set(id, undefined);
    this.#known.delete(id);
    this.listener.changed();
  }

  /** Delete every conversation, page by page. */
  async removeAll() {
    for (;;) {
      const { conversations } = await api.conversations();
      if (conversations.length === 0) break;
      for (const { conversationId } of conversations) await this.remove(conversationId);
    }
  }

  /** Ask which conversations run, now and every few seconds while the page is visible. */
  watch(failed) {
    const poll = () => document.hidden || this.poll().catch(failed);
    setInterval(poll, POLL);
    document.addEventListener("visibilitychange", poll);
    poll();
  }

  async poll() {
    const { activeJobIds } = await api.active();
    this.#setActive(new Set(activeJobIds));
  }

  /** Take what this page knows before the next poll does. */
  mark(id, runs) {
    const active = new Set(this.active);
    if (runs) active.add(id);
    else active.delete(id);
    this.active = active;
    this.listener.changed();
  }

  #setActive(active) {
    const started = [...active].filter((id) => !this.active.has(id));
    const ended = [...this.active].filter((id) => !active.has(id));
    this.active = active;
    this.listener.changed();
    if (started.length + ended.length > 0) this.listener.activeChanged(started, ended);
  }
}
