/**
 * Words for a running answer, from the moment they are sent until somebody read them.
 *
 * The browser notes what its pages sent.  A reply that was lost is asked for again under the same
 * name, also after a reload, so that no words are read twice.  Words that come back unread stay
 * noted until the reader sends or discards them.
 */
import * as api from "./api.js";
import { inTurn } from "./in_turn.js";
import { Notes } from "./notes.js";

const notes = new Notes("steers", 50);

export class Steers {
  /** `conversation`: has `id` and `turn`; `changed` is told when something else is to be shown. */
  constructor(conversation, changed, signal) {
    Object.assign(this, { conversation, changed, signal });
  }

  /** The words that no model call has read yet, oldest first.  `isSent` is false where the server may not have them. */
  get waiting() {
    const { turn } = this.conversation;
    if (turn === null) return [];
    return [...turn.pending.steers, ...this.#untold(turn)];
  }

  /** The words that came back unread. */
  get unread() {
    return this.#noted.filter(({ isUnread }) => isUnread);
  }

  /** Have the model call cut for `text`; resolves when the words are kept. */
  async send(text) {
    const { turn } = this.conversation;
    const steer = { clientSteerId: api.newName(), text, generationId: turn.generationId };
    this.#note([...this.#noted, steer]);
    await this.#deliver(steer);
  }

  /** Take waiting words back. */
  async cancel(steer) {
    await api.cancelSteer(this.#named(steer));
  }

  /** Have the model call cut for words that wait. */
  async arm(steer) {
    await api.armSteer(this.#named(steer));
  }

  /** Forget words that came back. */
  discard({ clientSteerId }) {
    this.#forget(clientSteerId);
  }

  /** Take the last frame of `turn`: all words are settled that the stream told of. */
  ended(turn, { pendingSteers = [] }) {
    const isOpen = ({ clientSteerId, isUnread }) => isUnread || !turn.pending.knows(clientSteerId);
    const back = pendingSteers.map((steer) => this.#unread(steer, turn.generationId));
    this.#note([...this.#noted.filter(isOpen), ...back]);
  }

  /** Find out what became of words whose reply this page does not know. */
  async resume() {
    const { turn } = this.conversation;
    const open = this.#noted.filter((steer) => !steer.isUnread && !this.#underway.has(steer.clientSteerId));
    for (const steer of open) {
      if (turn?.pending.knows(steer.clientSteerId)) this.#forget(steer.clientSteerId);
      else if (steer.generationId === turn?.generationId) await this.#deliver(steer);
      else await this.#ask(steer);
    }
  }

  #underway = new Set(); // names of the words that are being delivered
  #say = inTurn((body) => api.steer(body, this.signal)); // so that the order stays

  async #deliver(steer) {
    const { clientSteerId: name, text, generationId } = steer;
    const body = { conversationId: this.conversation.id, generationId, clientSteerId: name, text, preempt: true };
    this.#underway.add(name);
    try {
      this.#settle(steer, await this.#say(body));
    } catch (error) {
      if (this.signal.aborted) return; // the next page finds out
      this.#forget(name);
      throw error;
    } finally {
      this.#underway.delete(name);
    }
  }

  async #ask(steer) {
    try {
      this.#settle(steer, await api.receipt(this.conversation.id, steer.clientSteerId));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#settle(steer, { status: "returned" }); // the server never had it, or forgot it
    }
  }

  #settle(steer, { status }) {
    if (status === "queued") return; // the stream tells what becomes of it
    this.#forget(steer.clientSteerId);
    if (status === "returned") this.#note([...this.#noted, this.#unread(steer, steer.generationId)]);
  }

  /** Noted words of `turn` that the stream has not told of. */
  #untold({ generationId, pending }) {
    const untold = this.#noted.filter((steer) =>
      steer.generationId === generationId && !steer.isUnread && !pending.knows(steer.clientSteerId));
    return untold.map((steer) => ({ ...steer, isSent: false }));
  }

  #unread({ clientSteerId, steerId, text }, generationId) {
    return { clientSteerId: clientSteerId ?? steerId, text, generationId, isUnread: true };
  }

  #named({ steerId }) {
    return { conversationId: this.conversation.id, generationId: this.conversation.turn?.generationId, steerId };
  }

  get #noted() {
    return (this.conversation.id && notes.get(this.conversation.id)) || [];
  }

  #forget(name) {
    this.#note(this.#noted.filter(({ clientSteerId }) => clientSteerId !== name));
  }

  #note(steers) {
    const last = new Map(steers.map((steer) => [steer.clientSteerId, steer])); // one entry for each name
    notes.set(this.conversation.id, last.size > 0 ? [...last.values()] : undefined);
    this.changed();
  }
}
