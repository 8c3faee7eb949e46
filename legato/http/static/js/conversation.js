/**
 * One open conversation: its stored messages, and the generation that runs in it, if one does.
 *
 * It asks, follows and stops; leaving it only stops following.  Whatever is shown stays shown until
 * the reader decides otherwise: news in another branch is only told of (`news`).  `listener` hears
 * what happened: `changed()`, `grew(position)`, `named(id)`, `unasked(text)`, `loggedOut()`,
 * `failed(error)`.
 */
import * as api from "./api.js";
import { NO_PARENT, pathTo, visibleRows } from "./branches.js";
import { follow } from "./follow.js";
import { inTurn } from "./in_turn.js";
import { Notes } from "./notes.js";
import { Queue } from "./queue.js";
import { Steers } from "./steers.js";
import { Turn } from "./turn.js";

const choices = new Notes("branches", 50, sessionStorage);

export class Conversation {
  #stored = new Map(); // message id -> message, oldest first
  #chosen = new Map(); // parent id -> the answer (or edit) of it that is shown
  #seen = new Set(); // ids of messages that were shown, or were there before this page
  #leaving = new AbortController();
  #older = null; // the cursor of the page before; null where there is none
  #reading = null; // the reading of that page, while it is read
  #hasRead = false;
  #last = ""; // the generation that was followed last
  #begun = Promise.resolve(); // the last start, until its reply
  turn = null;
  notice = "";
  missing = false;

  /** `endings` notes how answers ended; `fieldsOf(id, model)` gives what else a start asks. */
  constructor(id, { endings, fieldsOf }, listener) {
    Object.assign(this, { id, endings, fieldsOf, listener }); // id: null until the first message is sent
    this.#chosen = new Map(choices.get(id) ?? []);
    const changed = () => this.listener.changed();
    this.queue = new Queue(this, changed);
    this.steers = new Steers(this, changed, this.#leaving.signal);
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

  get hasOlder() {
    return this.#older !== null;
  }

  /** An answer is being written where the reader looks. */
  get running() {
    return this.turn !== null && (this.turn.own || this.turn.answer === null || this.#shows(this.turn.answer));
  }

  /** The newest message in another branch that the reader was not shown; undefined if none. */
  get news() {
    return this.messages.findLast(({ messageId }) => !this.#seen.has(messageId));
  }

  /** Whether a generation is, or was, followed here to its end; or it may be the one being started. */
  follows(generationId) {
    const { turn } = this;
    return generationId === this.#last || (turn !== null && (turn.generationId ?? generationId) === generationId);
  }

  /** It was deleted on another device. */
  wasDeleted() {
    this.notice = "This conversation was deleted on another device.";
    this.#changed();
  }

  #shows({ messageId }) {
    return this.rows.some(({ message }) => message.messageId === messageId);
  }

  /** Read what is stored and what waits, and follow what runs. */
  async refresh() {
    if (this.id === null) return;
    await this.#catchUp();
    await this.queue.read();
    await this.steers.resume();
  }

  /** Nothing to do while a turn is followed. */
  #catchUp = inTurn(async () => {
    if (this.turn !== null) return;
    // Asked first: an answer that ends between the two requests is among the messages.
    const { active, generationId, resumeState } = await api.status(this.id);
    await this.#read(active);
    if (this.turn !== null || this.#left) return;
    if (active) this.#follow(new Turn({ generationId, resumeState }));
    this.#changed();
  });

  /** Go on after a login: what was being read is read on from where it stood. */
  async resume() {
    if (this.turn?.connection === "login") this.#follow(this.turn);
    else await this.refresh();
  }

  /** Ask `text` below the last message shown, or below `parent`. */
  ask(text, model, parent = this.rows.at(-1)?.message.messageId ?? NO_PARENT) {
    const request = { messageId: "question-to-come", parentMessageId: parent, text, isCreatedByUser: true };
    return this.#start(new Turn({ request, model, own: true }), {});
  }

  /** Ask `message` (a user's) again: another answer beside those it has. */
  regenerate(message, model) {
    const fields = { isRegenerate: true, overrideParentMessageId: message.messageId };
    return this.#start(new Turn({ request: message, model, own: true }), fields);
  }

  /** Let the answer `message` go on from where it stands. */
  continue(message, model) {
    const kept = (message.content ?? []).filter((part) => part && part.type !== "error");
    return this.#revise(message, model, kept, { isContinued: true });
  }

  /** Let an answer go on from part `index`, rewritten to `text`, as a version beside the first. */
  editAnswer(message, index, text, model) {
    const [{ type }, kept] = [message.content[index], message.content.slice(0, index)];
    kept.push({ type, [type]: text });
    return this.#revise(message, model, kept, { editedContent: { index, [type]: text } });
  }

  /** Ask `text` after the answer that runs, and after all that waits for that. */
  async enqueue(text, model) {
    await this.#hasBegun();
    await this.queue.add(text, { ...answering(model), ...this.fieldsOf(this.id, model) });
    if (this.turn === null) await this.refresh(); // the answer ended meanwhile
  }

  /** Say `text` to the answer that runs, which goes on with that in mind. */
  async steer(text) {
    await this.#hasBegun();
    if (this.turn === null) throw new api.HttpError(409, "The answer has ended.");
    await this.steers.send(text);
  }

  /** Answer an ask of the answer that runs. */
  async answer({ actionId }, said) {
    const { turn, id } = this;
    await api.answer({ conversationId: id, generationId: turn?.generationId, actionId, ...said });
  }

  async #hasBegun() {
    await this.#begun.catch(() => null);
    if (this.id === null) throw new api.HttpError(409, "The message before was not sent.");
  }

  #revise(message, model, kept, fields) {
    const turn = new Turn({ request: this.message(message.parentMessageId), model, own: true, kept });
    if (fields.isContinued) turn.responseMessageId = message.messageId;
    return this.#start(turn, { responseMessageId: message.messageId, ...fields });
  }

  #start(turn, fields) {
    this.#begun = this.#startNow(turn, fields);
    return this.#begun;
  }

  async #startNow(turn, fields) {
    if (this.running) throw new api.HttpError(409, "An answer is being written. Stop it first.");
    this.turn?.leave(); // one in another branch: it is told of when it has ended
    this.turn = turn;
    this.notice = "";
    this.#reveal(turn.answer);
    turn.pace.asked = performance.now();
    try {
      const { text, parentMessageId } = turn.request;
      const conversationId = this.id ?? undefined;
      const who = { ...answering(turn.model), ...this.fieldsOf(this.id, turn.model) };
      const asked = { text, ...who, conversationId, parentMessageId, ...fields };
      this.#started(turn, await api.start({ ...asked, on_busy: "enqueue" }));
    } catch (error) {
      this.turn = null;
      this.#changed();
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
    this.#follow(turn);
  }

  async #follow(turn) {
    this.turn = turn;
    if (turn.own) this.#reveal(turn.answer);
    else this.#changed();
    const on = {
      frame: (frame) => this.#take(turn, frame),
      seen: (cursor) => (turn.cursor = cursor),
      brought: (count) => Object.assign(turn, { brought: count, backAt: performance.now() }),
      connection: (state, retry) => this.#connection(turn, state, retry),
    };
    const signal = AbortSignal.any([this.#leaving.signal, turn.signal]);
    try {
      const place = { cursor: turn.cursor, beginning: turn.own };
      this.#over(turn, await follow(turn.generationId ?? this.id, { on, signal, ...place }));
    } catch (error) {
      this.turn = null;
      this.listener.failed(error);
    }
  }

  #take(turn, frame) {
    const change = turn.take(frame);
    if (change === "all" && turn.own) this.#reveal(turn.answer);
    else if (change === "all") this.#changed();
    else if (change >= 0) this.listener.grew(change);
  }

  #connection(turn, state, retry = null) {
    turn.retry = retry;
    if (state === "reconnecting") turn.brought = null;
    if (state === turn.connection || (state === "live" && turn.connection === "queued")) return;
    turn.connection = state;
    this.#changed();
  }

  #over(turn, { kind, frame, error, message }) {
    if (kind === "left") return;
    if (kind === "login") return this.#loggedOut(turn);
    this.turn = null;
    this.#last = turn.generationId;
    if (frame) this.#end(turn, frame);
    else if (error === undefined) this.#keep([turn.request, turn.remains]);
    else if (turn.own && !this.#stored.has(turn.request.messageId)) this.listener.unasked(turn.request.text);
    this.notice = message ?? readable(error) ?? "";
    this.#changed();
    this.#settle(kind);
  }

  /** The answer stands where it was; `resume` reads on. */
  #loggedOut(turn) {
    this.#connection(turn, "login");
    this.listener.loggedOut();
  }

  #end(turn, frame) {
    const { requestMessage, responseMessage } = frame;
    this.#keep([requestMessage, responseMessage]);
    const facts = { dropped: turn.dropped || undefined, ...(turn.counted ? turn.pace.summary : {}) };
    if (responseMessage) this.endings.ended(responseMessage.messageId, frame, turn.seq, facts);
    this.steers.ended(turn, frame); // the last, since that shows what is known by then
  }

  /** After an ending: what is stored is the truth, and another turn may run already. */
  async #settle(kind) {
    try {
      if (kind === "ended") await this.refresh();
      else await this.#read(false);
      this.#changed();
    } catch (error) {
      this.listener.failed(error);
    }
  }

  /** Stop the generation, for every reader of it.  How it ended is said by the stream. */
  async stop() {
    if (!this.running || this.turn.stopping) return;
    this.turn.stopping = true;
    this.#changed();
    if (this.turn.generationId || this.turn.connection !== "connecting") await this.#requestStop();
  }

  async #requestStop() {
    const { turn } = this;
    this.endings.stopping(turn.responseMessageId);
    try {
      await api.stop(this.id, turn.generationId);
    } catch (error) {
      turn.stopping = false;
      this.#changed();
      if (error.status !== 404) this.listener.failed(error); // 404: it ended by itself just now
    }
  }

  /** Show the sibling of `row` that is `step` away. */
  choose({ parent, siblings, position }, step) {
    const sibling = siblings[position + step];
    if (sibling) this.#chosen.set(parent, sibling.messageId);
    this.#changed();
  }

  /** Show the branch of the news. */
  showNews() {
    this.#reveal(this.news);
  }

  /** Stay in the branch that is shown. */
  stay() {
    for (const { messageId } of this.messages) this.#seen.add(messageId);
    this.#changed();
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
      this.#keepPage(await api.messages(this.id));
      if (this.rows[0]?.message.isCreatedByUser === false) await this.readOlder(); // its question
      this.missing = false;
    } catch (error) {
      if (error.status !== 404) throw error;
      this.missing = !isActive && this.#stored.size === 0; // a first message may be on its way to the storage
    }
    if (!this.#hasRead) for (const id of this.#stored.keys()) this.#seen.add(id);
    this.#hasRead = true;
  }

  /** Read all pages. */
  async readAll() {
    while (this.hasOlder) await this.readOlder();
  }

  /** Show a message, in whichever branch and however far above; false where there is none. */
  async find(id) {
    while (this.message(id) === undefined && this.hasOlder && !this.#left) await this.readOlder();
    const message = this.message(id);
    if (message !== undefined) this.#reveal(message);
    return message !== undefined && !this.#left;
  }

  /** Read the page of messages before, if there is one. */
  async readOlder() {
    if (this.#older === null) return;
    this.#reading ??= this.#readOlder().finally(() => (this.#reading = null));
    await this.#reading;
  }

  async #readOlder() {
    const { messages, nextCursor } = await api.messages(this.id, this.#older);
    const newer = this.#stored;
    this.#stored = new Map();
    this.#keep([...messages, ...newer.values()]);
    for (const { messageId } of messages) this.#seen.add(messageId);
    this.#older = nextCursor ?? null;
    this.#changed();
  }

  /** Keep the newest page; where it does not reach what is known already, instead of that. */
  #keepPage({ messages, nextCursor }) {
    const isApart = nextCursor && !messages.some(({ messageId }) => this.#stored.has(messageId));
    if (isApart) this.#stored.clear();
    if (isApart || !this.#hasRead) this.#older = nextCursor ?? null;
    this.#keep(messages);
  }

  #keep(messages) {
    for (const message of messages) {
      if (message) this.#stored.set(message.messageId, message);
    }
  }

  /** Bring `message` into view, whichever branch was shown. */
  #reveal(message) {
    for (const [parent, id] of message ? pathTo(this.messages, message) : []) {
      this.#chosen.delete(parent);
      this.#chosen.set(parent, id);
    }
    this.#changed();
  }

  /** What is shown from now on is what was chosen, so that no news can take its place. */
  #changed() {
    for (const { parent, message } of this.rows) {
      this.#chosen.delete(parent); // the choice made last is the last
      this.#chosen.set(parent, message.messageId);
      this.#seen.add(message.messageId);
    }
    const lasting = [...this.#chosen].filter((pair) => !pair.some((id) => id.endsWith("-to-come")));
    if (this.id !== null && !this.#left) choices.set(this.id, lasting);
    this.listener.changed();
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
