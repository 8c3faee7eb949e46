/** All events of one job, as its stream tells them, and the answer as it was at each of them. */
import { Fold } from "../fold.js";
import { follow } from "../follow.js";

export class Recording {
  #fold = new Fold();
  #folded = 0; // how many events the fold has taken
  #leaving = new AbortController();
  events = []; // {seq, cursor, name, data, frame}, oldest first
  outcome = null; // of `follow`, once it is over

  /** `changed` is told when there are more events, or the stream is over. */
  constructor(id, changed) {
    Object.assign(this, { id, changed });
  }

  /** Read all there is, and go on live until the ending. */
  async read() {
    const on = { frame() {}, connection() {}, event: (event) => this.#take(event) };
    this.outcome = await follow(this.id, { on, signal: this.#leaving.signal, beginning: true });
    if (!this.#leaving.signal.aborted) this.changed();
  }

  leave() {
    this.#leaving.abort();
  }

  get isOver() {
    return this.outcome !== null;
  }

  #take({ event, data, id }) {
    this.events.push({ seq: seqOf(id), cursor: id, name: event, data, frame: JSON.parse(data) });
    this.changed();
  }

  /** The parts of the answer after the first `count` events. */
  partsAfter(count) {
    if (count < this.#folded) {
      this.#fold = new Fold();
      this.#folded = 0;
    }
    while (this.#folded < count) fold(this.#fold, this.events[this.#folded++].frame);
    return this.#fold.parts;
  }
}

/** The number of the event at `cursor`, which is `job:epoch:number`. */
export const seqOf = (cursor) => Number(cursor.split(":")[2]) || 0;

/** Take any frame of a stream. */
export function fold(into, frame) {
  if (frame.created) into.replace({ aggregatedContent: frame.keptContent });
  else if (frame.sync) into.replace(frame.resumeState ?? {});
  else if (!frame.final) into.apply(frame);
}
