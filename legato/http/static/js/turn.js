/** One generation as a reader sees it: which one it is, the question, and the answer so far. */
import { Fold } from "./fold.js";
import { Pace } from "./pace.js";
import { Pending } from "./pending.js";

const DELTAS = ["on_message_delta", "on_reasoning_delta", "on_run_step_delta"];

export class Turn {
  #fold = new Fold();
  #leaving = new AbortController();
  pace = new Pace();
  pending = new Pending();
  responseMessageId = "answer-to-come";
  sender = "";
  stopping = false;
  connection = "connecting"; // "connecting" | "queued" | "live" | "reconnecting" | "login"
  retry = null; // while reconnecting: {until, now}
  cursor = ""; // of the last event taken
  brought = null; // after a reconnect: the events brought at once, or "state"
  backAt = 0; // when that was
  counted = false; // every token of the answer was counted here

  /**
   * `request`: the user's message; null where only the stream can say.  `own`: asked by this page.
   * `resumeState`: where the answer stands, as far as it is known before the stream is.
   */
  constructor({ request = null, model, generationId, own = false, kept = [], resumeState = null }) {
    Object.assign(this, { request, model, generationId, own });
    this.#fold.replace({ aggregatedContent: kept });
    if (resumeState) this.#replace({ resumeState });
  }

  get signal() {
    return this.#leaving.signal;
  }

  /** Stop following; what runs, runs on. */
  leave() {
    this.#leaving.abort();
  }

  /** The number of the last event taken. */
  get seq() {
    return Number(this.cursor.split(":")[2]) || 0;
  }

  /** Take the reply to a start. */
  begin({ generationId, conversationId, userMessageId, responseMessageId, status, droppedMessages }) {
    this.generationId = generationId;
    this.responseMessageId = responseMessageId ?? this.responseMessageId;
    this.request = { ...this.request, conversationId, messageId: userMessageId ?? this.request.messageId };
    this.dropped = droppedMessages ?? 0;
    if (status === "queued") this.connection = "queued";
  }

  /**
   * Take a frame.  Returns the position of the part that grew, -1 where nothing did, or "all"
   * where the turn itself changed.
   */
  take(frame) {
    if (frame.created) return this.#create(frame);
    if (frame.sync) return this.#replace(frame);
    if (DELTAS.includes(frame.event)) this.pace.note(performance.now());
    const position = this.#fold.apply(frame);
    return this.pending.apply(frame) ? "all" : position;
  }

  /** An answer that goes on begins with what was kept of it. */
  #create(frame) {
    this.counted = true;
    this.dropped = frame.droppedMessages ?? 0;
    if (this.connection === "queued") this.connection = "live";
    this.#fold.replace({ aggregatedContent: frame.keptContent });
    return this.#name(frame, frame.message);
  }

  #replace({ resumeState, pendingEvents = [] }) {
    this.counted = false;
    if (this.brought !== null) this.brought = "state";
    this.#fold.replace(resumeState ?? {});
    this.pending.replace(resumeState ?? {});
    for (const event of pendingEvents) this.#fold.apply(event);
    return this.#name(resumeState ?? {}, resumeState?.userMessage);
  }

  #name({ generationId, responseMessageId, sender }, request) {
    this.generationId = generationId ?? this.generationId;
    this.responseMessageId = responseMessageId ?? this.responseMessageId;
    this.sender = sender ?? this.sender;
    this.request = request ?? this.request;
    return "all";
  }

  get parts() {
    return this.#fold.parts;
  }

  /** The answer as a message of the thread; null while it is not known what it answers. */
  get answer() {
    return this.request && { ...this.#message(), running: true };
  }

  /** The answer as far as it came, for a page that hears no more of it; null without a word. */
  get remains() {
    return this.request && this.parts.some(Boolean) ? { ...this.#message(), unfinished: true } : null;
  }

  #message() {
    return {
      messageId: this.responseMessageId,
      parentMessageId: this.request.messageId,
      isCreatedByUser: false,
      sender: this.sender,
      model: this.model,
      content: this.parts,
    };
  }
}
