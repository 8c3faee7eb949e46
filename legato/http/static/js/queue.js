/** The turns that wait in a conversation.  The server keeps them; this is what is known of them. */
import * as api from "./api.js";

export class Queue {
  #turns = []; // the next one first
  #sending = []; // texts on their way to the server

  /** `conversation`: has `id` and `message(id)`; `changed` is told when something else is to be shown. */
  constructor(conversation, changed) {
    Object.assign(this, { conversation, changed });
  }

  /** The turns that have not begun; `isSent` is false of those that the server may not have. */
  get waiting() {
    const turns = this.#turns.filter(({ userMessageId }) => !this.conversation.message(userMessageId));
    return [...turns, ...this.#sending];
  }

  async read() {
    if (this.conversation.id === null) return;
    try {
      this.#turns = (await api.queue(this.conversation.id)).queue;
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#turns = [];
    }
    this.changed();
  }

  /** Ask `text` after all that waits. */
  async add(text, fields) {
    const turn = { generationId: api.newName(), text, isSent: false };
    this.#sending.push(turn);
    this.changed();
    try {
      await api.start({ text, ...fields, conversationId: this.conversation.id, on_busy: "enqueue" });
      await this.read();
    } finally {
      this.#sending = this.#sending.filter((each) => each !== turn);
      this.changed();
    }
  }

  /** Change the text of a waiting turn. */
  edit({ generationId }, text) {
    return this.#change(() => api.editQueued(generationId, text));
  }

  /** End a waiting turn. */
  cancel(turn) {
    return this.#change(() => api.changeQueue("cancel", this.conversation.id, turn.generationId));
  }

  /** Have a waiting turn begin next; `now`: what runs is stopped for it. */
  advance(turn, { now = false } = {}) {
    const change = now ? "now" : "front";
    return this.#change(() => api.changeQueue(change, this.conversation.id, turn.generationId));
  }

  async #change(change) {
    try {
      await change();
    } finally {
      await this.read(); // also where the turn had begun before
    }
  }
}
