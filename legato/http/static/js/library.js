/** The user's conversations, as far as they were paged in, and which of them run. */
import * as api from "./api.js";
import { inTurn } from "./in_turn.js";
import { Notes } from "./notes.js";

export const UNTITLED = "New Chat"; // what the server calls a conversation without a title
const LONGEST_TITLE = 80; // characters, as the server cuts a title of its own making
const MOST_PINS = 30; // each may be a request of its own when the list is read

/** A text as a title: on one line, and a long one cut between words. */
export function firstWords(text) {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length <= LONGEST_TITLE ? line : `${line.slice(0, LONGEST_TITLE - 1).replace(/ [^ ]*$/, "")}…`;
}

export class Library {
  #known = new Map(); // conversation id -> conversation
  #interim = new Map(); // conversation id -> the first words of its first question
  #pins = new Notes("pins", MOST_PINS);
  #cursor = null;
  #pages = 0;
  #asks = new Map(); // conversation id -> ids of what a run there asks
  #heard = null; // during a reading: what was heard since its begin, each as a change of what is known
  active = new Set();

  /** `listener`: `changed()`. */
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

  /** Whether a conversation is among those that were read. */
  knows(id) {
    return this.#known.has(id);
  }

  /** Whether a run in the conversation asks something, as far as this page has heard. */
  asks(id) {
    return (this.#asks.get(id)?.size ?? 0) > 0;
  }

  get hasMore() {
    return this.#cursor !== null;
  }

  /** Show the first words of `question` in place of a title, until there is one. */
  suggest(id, question) {
    const title = firstWords(question);
    if (this.#interim.get(id) === title) return;
    this.#interim.set(id, title);
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

  /** Readings follow one another.  News heard during a reading is newer than the reply may be: it is applied again. */
  #read = inTurn(async (read) => {
    this.#heard = [];
    try {
      await read();
    } finally {
      this.#heard = null;
    }
  });

  /** Read the first page again.  What was paged in beyond it stays. */
  refresh() {
    return this.#read(() => this.#refresh());
  }

  async #refresh() {
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

  /** Read the page after. */
  more() {
    return this.#read(() => this.#more());
  }

  async #more() {
    if (!this.hasMore) return;
    const page = await api.conversations(this.#cursor);
    this.#cursor = page.nextCursor ?? null;
    this.#pages += 1;
    this.#add(page);
  }

  #add({ conversations }) {
    for (const conversation of conversations) this.#known.set(conversation.conversationId, conversation);
    this.#hearAgain();
  }

  async rename(id, title) {
    await api.rename(id, title);
    this.renamed(id, title, Date.now());
  }

  async remove(id) {
    await api.remove(id);
    this.#pins.set(id, undefined);
    this.deleted(id);
  }

  /** Delete every conversation, page by page. */
  async removeAll() {
    for (;;) {
      const { conversations } = await api.conversations();
      if (conversations.length === 0) break;
      for (const { conversationId } of conversations) await this.remove(conversationId);
    }
  }

  /** Read which conversations run. */
  readActive() {
    return this.#read(() => this.#readActive());
  }

  async #readActive() {
    this.active = new Set((await api.active()).activeJobIds);
    this.#hearAgain();
  }

  /** Notices may be missing: what runs ask is not known any more. */
  missed() {
    this.#asks.clear();
  }

  // What is heard of other tabs and devices, and of what this page does.

  began(id, at) {
    this.#hear(() => {
      this.active.add(id);
      this.#touch(id, at);
    });
  }

  ended(id, at) {
    this.#asks.delete(id);
    this.#hear(() => {
      this.active.delete(id);
      this.#touch(id, at);
    });
  }

  asked(id, actionId) {
    this.#asks.set(id, (this.#asks.get(id) ?? new Set()).add(actionId));
    this.listener.changed();
  }

  answered(id, actionId) {
    this.#asks.get(id)?.delete(actionId);
    this.listener.changed();
  }

  renamed(id, title, at) {
    this.#hear(() => {
      if (this.#known.has(id)) this.#known.get(id).title = title;
      this.#touch(id, at);
    });
  }

  deleted(id) {
    this.#hear(() => {
      this.#known.delete(id);
      this.active.delete(id);
    });
  }

  #touch(id, at) {
    const conversation = this.#known.get(id);
    if (!conversation || Date.parse(conversation.updatedAt) >= at) return;
    conversation.updatedAt = new Date(at).toISOString();
  }

  #hear(change) {
    this.#heard?.push(change);
    change();
    this.listener.changed();
  }

  #hearAgain() {
    for (const change of this.#heard) change();
    this.listener.changed();
  }
}
