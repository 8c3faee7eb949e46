/** One generation as a reader sees it: which one it is, the question, and the answer so far. */
import { Fold } from "./fold.js";

export class Turn {
  #fold = new Fold();
  generationId; // until the server has named it, undefined
  responseMessageId = "answer-to-come";
  sender = "";
  stopping = false;
  connection = "connecting"; // "connecting" | "live" | "reconnecting"

  /** `request` is the user's message, or null where only the stream can say. */
  constructor(request, model) {
    this.request = request;
    this.model = model;
  }

  /** Take the reply to a start. */
  begin({ generationId, conversationId, userMessageId, responseMessageId }) {
    this.generationId = generationId;
    this.responseMessageId = responseMessageId ?? this.responseMessageId;
    this.request = { ...this.request, conversationId, messageId: userMessageId ?? this.request.messageId };
  }

  /** Whether a sync frame is about another generation than this one. */
  isReplacedBy({ resumeState }) {
    return Boolean(this.generationId && resumeState?.generationId !== this.generationId);
  }

  /**
   * Take a frame.  Returns the position of the part that grew, -1 where nothing did, or "all"
   * where the turn itself changed.
   */
  take(frame) {
    if (frame.created) return this.#create(frame);
    if (frame.sync) return this.#replace(frame);
    return this.#fold.apply(frame);
  }

  /** An answer that goes on begins with what was kept of it. */
  #create(frame) {
    this.#fold.replace({ aggregatedContent: frame.keptContent });
    return this.#name(frame, frame.message);
  }

  #replace({ resumeState, pendingEvents = [] }) {
    this.#fold.replace(resumeState ?? {});
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
    if (!this.request) return null;
    return {
      messageId: this.responseMessageId,
      parentMessageId: this.request.messageId,
      isCreatedByUser: false,
      sender: this.sender,
      model: this.model,
      content: this.parts,
      running: true,
    };
  }
}
