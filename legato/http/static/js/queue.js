/** The turns that wait in a conversation.  The server keeps them; this is what is known of them. */
import * as api from "./api.js";

export class Queue {
  #turns = []; // the next one first
  #sending = []; // what is on its way to the server: its text, and the server's reply to come
  #reading = Promise.resolve(); // the last reading begun
  #starting = Promise.resolve(); // the start of the turn written last

  /** `conversation`: has `id` and `message(id)`; `changed` is told when something else is to be shown. */
  constructor(conversation, changed) {
    Object.assign(this, { conversation, changed });
  }

  /** The turns that have not begun; `isSent` is false of those that the server may not have. */
  get waiting() {
    const turns = this.#turns.filter(({ userMessageId }) => !this.conversation.message(userMessageId));
    return [...turns, ...this.#sending.map(({ name, text }) => ({ generationId: name, text, isSent: false }))];
  }

  /** Read what waits; one reading after the other, so that the newest is shown last. */
  read() {
    this.#reading = this.#reading.then(() => this.#read(), () => this.#read());
    return this.#reading;
  }

  async #read() {
    if (this.conversation.id === null) return;
    const turns = await this.#listed();
    // A turn may be listed before the reply to its own start has said which one it is.
    const sending = this.#sending;
    const replies = await Promise.allSettled(sending.map(({ reply }) => reply));
    const known = new Set(turns.map(({ generationId }) => generationId));
    const listed = new Set(sending.filter((_, place) => known.has(replies[place].value?.generationId)));
    this.#sending = this.#sending.filter((each) => !listed.has(each));
    this.#turns = turns;
    this.changed();
  }

  async #listed() {
    try {
      return (await api.queue(this.conversation.id)).queue;
    } catch (error) {
      if (error.status !== 404) throw error;
      return [];
    }
  }

  /** Ask `text` after all that waits, and after what was written before and is on its way. */
  async add(text, fields) {
    const start = () => api.start({ text, ...fields, conversationId: this.conversation.id, on_busy: "enqueue" });
    const reply = (this.#starting = this.#starting.then(start, start));
    const sent = { name: api.newName(), text, reply };
    this.#sending.push(sent);
    this.changed();
    try {
      await reply;
      await this.read();
    } finally {
      this.#sending = this.#sending.filter((each) => each !== sent);
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
