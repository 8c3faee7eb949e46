/** The turns that wait in a conversation.  The server keeps them; this is what is known of them. */
import * as api from "./api.js";
import { inTurn } from "./in_turn.js";

export class Queue {
  #turns = []; // the next one first
  #sending = []; // the starts that the list has not shown: {name, text, userMessageId}

  /** `conversation`: has `id` and `message(id)`; `changed` is told when something else is to be shown. */
  constructor(conversation, changed) {
    Object.assign(this, { conversation, changed });
  }

  /** The turns that have not begun; `isSent` is false of those that the server may not have. */
  get waiting() {
    const sending = this.#sending.map(({ name, ...each }) => ({ ...each, generationId: name, isSent: false }));
    return [...this.#turns, ...sending].filter(({ userMessageId }) => !this.conversation.message(userMessageId));
  }

  /** Read what waits; the newest reply is shown last. */
  read = inTurn(() => this.#read());

  async #read() {
    if (this.conversation.id === null) return;
    this.#turns = await this.#listed();
    const listed = new Set(this.#turns.map(({ clientRequestId }) => clientRequestId));
    this.#sending = this.#sending.filter(({ name }) => !listed.has(name)); // also those without a reply yet
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
    const sent = { name: api.newName(), text };
    this.#sending.push(sent);
    this.changed();
    try {
      sent.userMessageId = (await this.#start(sent, fields)).userMessageId;
      await this.read();
    } catch (error) {
      if (this.#sending.includes(sent)) throw error; // otherwise the list has shown that the server has it
    } finally {
      this.#sending = this.#sending.filter((each) => each !== sent);
      this.changed();
    }
  }

  #start = inTurn(({ name, text }, fields) =>
    api.start({ text, ...fields, conversationId: this.conversation.id, on_busy: "enqueue", clientRequestId: name }));

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
