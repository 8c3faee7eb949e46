/**
 * One open conversation: its stored messages, and the generation that runs in it, if one does.
 *
 * It asks, follows and stops; leaving it only stops following.  `listener` is told what happened:
 * `changed()`, `grew(position)`, `named(id)`, `ended(id)`, `failed(error)`.
 */
import * as api from "./api.js";
import { NO_PARENT, pathTo, visibleRows } from "./branches.js";
import { follow } from "./follow.js";
import { Turn } from "./turn.js";

export class Conversation {
  #stored = new Map(); // message id -> message, oldest first
  #chosen = new Map(); // parent id -> the answer (or edit) of it that is shown
  #leaving = new AbortController();
  turn = null;
  notice = "";
  missing = false;

  constructor(id, listener) {
    this.id = id; // null until the first message is sent
    this.listener = listener;
  }

  get messages() {
    const all = new Map(this.#stored);
    for (const message of [this.turn?.request, this.turn?.answer]) {
      if (message) all.set(message.messageId, message);
    }
    return [...all.values()];
  }

  get rows() {
    return visibleRows(this.messages, this.#chosen);
  }

  message(id) {
    return this.messages.find(({ messageId }) => messageId === id);
  }

  get running() {
    return this.turn !== null;
  }

  /** Read what is stored and follow what runs; nothing to do while a turn is followed. */
  async refresh() {
    if (this.running || this.id === null) return;
    // Asked first: an answer that ends between the two requests is among the messages.
    const { active } = await api.status(this.id);
    await this.#read(active);
    if (this.running || this.#left) return;
    if (active) this.#run(new Turn(null));
    this.listener.changed();
  }

  /** Ask `text` below the last message shown, or below `parent`. */
  ask(text, model, parent = this.rows.at(-1)?.message.messageId ?? NO_PARENT) {
    const request = { messageId: "question-to-come", parentMessageId: parent, text };
    return this.#start({ ...request, isCreatedByUser: true }, model, {});
  }

  /** Ask `message` (a user's) again: another answer beside those it has. */
  regenerate(message, model) {
    const fields = { isRegenerate: true, overrideParentMessageId: message.messageId };
    return this.#start(message, model, fields);
  }

  async #start(request, model, fields) {
    if (this.running) throw new api.HttpError(409, "An answer is being written. Stop it first.");
    const turn = new Turn(request, model);
    this.turn = turn;
    this.notice = "";
    this.#reveal(turn);
    this.listener.changed();
    try {
      const { text, parentMessageId } = request;
      const conversationId = this.id ?? undefined;
      const asked = { text, ...answering(model), conversationId, parentMessageId, ...fields };
      this.#started(turn, await api.start(asked));
    } catch (error) {
      this.turn = null;
      this.listener.changed();
      throw error;
    }
  }

  #started(turn, reply) {
    if (this.#left) return; // it runs on without this page
    turn.begin(reply);
    const isNew = this.id === null;
    this.id = reply.conversationId;
    if (isNew) this.listener.named(this.id);
    if (turn.stopping) this.#requestStop();
    this.#run(turn);
  }

  async #run(turn) {
    this.turn = turn;
    this.#reveal(turn);
    this.listener.changed();
    const on = {
      frame: (frame) => this.#take(frame),
      connection: (state) => this.#connection(state),
    };
    try {
      this.#over(await follow(this.id, { on, signal: this.#leaving.signal }));
    } catch (error) {
      this.turn = null;
      this.listener.failed(error);
    }
  }

  #take(frame) {
    if (frame.sync && this.turn.isReplacedBy(frame)) {
      this.turn = new Turn(null);
      this.#read(true).then(() => this.listener.changed(), this.listener.failed);
    }
    const change = this.turn.take(frame);
    if (change === "all") {
      this.#reveal(this.turn);
      this.listener.changed();
    } else if (change >= 0) this.listener.grew(change);
  }

  #connection(state) {
    if (state === this.turn.connection) return;
    this.turn.connection = state;
    this.listener.changed();
  }

  #over({ kind, frame, error, message }) {
    if (kind === "left") return;
    if (frame) this.#keep([frame.requestMessage, frame.responseMessage]);
    this.notice = message ?? readable(error) ?? "";
    this.turn = null;
    this.listener.changed();
    if (kind === "login") this.listener.failed(new api.HttpError(401, "Your session has ended."));
    else this.#settle(kind);
  }

  /** After an ending: what is stored is the truth, and another turn may run already. */
  async #settle(kind) {
    this.listener.ended(this.id);
    try {
      if (kind === "ended") await this.refresh();
      else await this.#read(false);
      this.listener.changed();
    } catch (error) {
      this.listener.failed(error);
    }
  }

  /** Stop the generation, for every reader of it.  How it ended is said by the stream. */
  async stop() {
    if (!this.running || this.turn.stopping) return;
    this.turn.stopping = true;
    this.listener.changed();
    if (this.turn.generationId || this.turn.connection !== "connecting") await this.#requestStop();
  }

  async #requestStop() {
    const { turn } = this;
    try {
      await api.stop(this.id, turn.generationId);
    } catch (error) {
      turn.stopping = false;
      this.listener.changed();
      if (error.status !== 404) this.listener.failed(error); // 404: it ended by itself just now
    }
  }

  /** Show the sibling of `row` that is `step` away. */
  choose({ parent, siblings, position }, step) {
    const sibling = siblings[position + step];
    if (sibling) this.#chosen.set(parent, sibling.messageId);
    this.listener.changed();
  }

  /** Stop following; what runs, runs on. */
  leave() {
    this.#leaving.abort();
  }

  get #left() {
    return this.#leaving.signal.aborted;
  }

  async #read(isActive) {
    try {
      this.#keep(await api.messages(this.id));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.missing = !isActive; // a first message may be on its way to the storage
    }
  }

  #keep(messages) {
    for (const message of messages) {
      if (message) this.#stored.set(message.messageId, message);
    }
  }

  /** Bring the turn into view, whichever branch was shown. */
  #reveal({ answer }) {
    if (!answer) return;
    const path = pathTo(this.messages, answer);
    for (const [parent, messageId] of path) this.#chosen.set(parent, messageId);
  }
}

/** An error frame's text: a sentence, or JSON that carries one. */
function readable(error) {
  try {
    const { message, type } = JSON.parse(error);
    return message ?? type ?? error;
  } catch {
    return error;
  }
}

/** Who answers, as a start names it: an agent by its id, or a model. */
function answering(chosen) {
  return chosen?.startsWith(api.AGENT) ? { agent_id: chosen.slice(api.AGENT.length) } : { model: chosen };
}
