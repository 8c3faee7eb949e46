/**
 * Two readers of the same job: one reads through, the other's connection is cut at random places
 * again and again.  The events of both are compared, and the answers that they add up to.
 */
import { Fold } from "../fold.js";
import { follow } from "../follow.js";
import { cutting } from "./cutting.js";
import { fold, seqOf } from "./recording.js";

const LEAST = 500; // bytes between two cuts, on average
const CUTS = 20; // about as many, in a log that is there already
const FRAME = 150; // bytes of an event, about
const PAUSE = 400; // ms until the cut reader comes back, at most: a few times a second is no burden

/** One reader, with all that came. */
export class Reader {
  #fold = new Fold();
  events = []; // {seq, name, data}
  bytes = 0;
  cuts = 0;
  outcome = null;

  take({ event, data, id }) {
    this.events.push({ seq: seqOf(id), name: event, data });
    this.bytes += new TextEncoder().encode(data).length;
    if (event === "message") fold(this.#fold, JSON.parse(data));
  }

  get parts() {
    return this.#fold.parts;
  }
}

export class Proof {
  #leaving = new AbortController();
  #checked = 0; // events compared so far
  #had = -1; // events that the cut reader had when it came last
  #patience = 1; // grows while the cut reader does not come on: a single event may be long
  through = new Reader();
  cut = new Reader();
  difference = null; // the first one, in words
  verdict = null; // {isEqual, text}, once both readers have ended

  /** `events`: how many the job has by now.  `changed` is told of all progress. */
  constructor(id, events, changed) {
    Object.assign(this, { id, changed, mean: Math.max(LEAST, (events * FRAME) / CUTS) });
  }

  /** Read to the end, twice; resolves with the verdict, or null where it was left before. */
  async run({ fetch = window.fetch.bind(window), random = Math.random } = {}) {
    const cutFetch = cutting(fetch, { random, mean: () => this.#nextMean(), cut: () => (this.cut.cuts += 1) });
    await Promise.all([
      this.#read(this.through, { fetch }),
      this.#read(this.cut, { fetch: cutFetch, pauseBefore: () => random() * PAUSE }),
    ]);
    if (this.#leaving.signal.aborted) return null;
    this.verdict = verdictOf(this.through, this.cut, this.difference ?? differenceOfEnds(this.through, this.cut));
    this.changed();
    return this.verdict;
  }

  leave() {
    this.#leaving.abort();
  }

  #nextMean() {
    const { length } = this.cut.events;
    this.#patience = length > this.#had ? 1 : 2 * this.#patience;
    this.#had = length;
    return this.mean * this.#patience;
  }

  async #read(reader, options) {
    const connection = (state) => (reader === this.through && state === "reconnecting" ? (reader.cuts += 1) : 0);
    const on = { frame() {}, connection, event: (event) => this.#take(reader, event) };
    reader.outcome = await follow(this.id, { on, signal: this.#leaving.signal, beginning: true, ...options });
  }

  #take(reader, event) {
    reader.take(event);
    this.#compare();
    this.changed();
  }

  /** Compare what both have by now. */
  #compare() {
    const [one, other] = [this.through.events, this.cut.events];
    while (this.difference === null && this.#checked < Math.min(one.length, other.length)) {
      this.difference = differenceOf(one, other, this.#checked++);
    }
  }
}

/** In which way the two logs differ at `place`; null where they do not. */
function differenceOf(one, other, place) {
  const [a, b] = [one[place], other[place]];
  const before = place > 0 ? one[place - 1].seq : 0;
  if (a.seq <= before) return `event ${a.seq} came after event ${before} to the reader that reads through`;
  if (a.seq !== b.seq) return `after event ${before} one reader has event ${a.seq}, the cut one event ${b.seq}`;
  if (a.name !== b.name || a.data !== b.data) return `event ${a.seq} is not the same to both`;
  return null;
}

function differenceOfEnds(one, other) {
  const [a, b] = [one.events.length, other.events.length];
  if (a !== b) return `one reader has ${a} events, the cut one ${b}`;
  if (one.outcome.kind !== other.outcome.kind) return `one reader's stream is ${one.outcome.kind}, the cut one's ${other.outcome.kind}`;
  return JSON.stringify(one.parts) === JSON.stringify(other.parts) ? null : "the answers are not the same";
}

function verdictOf(through, cut, difference) {
  if (difference !== null) return { isEqual: false, text: `Different: ${difference}.` };
  if (through.events.length === 0) return { isEqual: false, text: "Nothing to compare: the server does not have this log any more." };
  const times = (count) => (count === 0 ? "never" : count === 1 ? "once" : `${count.toLocaleString()} times`);
  const [events, bytes] = [through.events.length.toLocaleString(), through.bytes.toLocaleString()];
  return {
    isEqual: true,
    text: `Equal: both readers have the same ${events} events, ${bytes} bytes, and the same answer. `
      + `One was cut ${times(cut.cuts)}, the other ${times(through.cuts)}.`,
  };
}
