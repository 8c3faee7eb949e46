/**
 * When each event of a job came.  Pure.
 *
 * The server notes moments: from the time `at` on, for `resolution` ms, the log grew up to an event.
 * Within a moment the events are spread evenly.  Events of another process have no time; they are
 * played evenly.
 */
export const EVENLY = 50; // ms between events without a time
const LONGEST_PAUSE = 5_000; // ms of a pause in a replay; a run may wait a day for an answer

export class EventTimes {
  /** `times`: as `GET /api/jobs/:id` has them, or null. */
  constructor(times) {
    const { moments = [], resolution = 0, unknown = 0 } = times ?? {};
    Object.assign(this, { moments, resolution, unknown });
  }

  /** How far the times can be trusted: "known", "partly" or "unknown". */
  get trust() {
    if (this.moments.length === 0) return "unknown";
    return this.unknown > 0 ? "partly" : "known";
  }

  /** When event `seq` came, in ms since 1970; null where nobody knows. */
  at(seq) {
    if (seq <= this.unknown) return null;
    const place = this.#place(seq);
    if (place === this.moments.length) return null; // newer than what the server has told
    const [at, last] = this.moments[place];
    const before = place > 0 ? this.moments[place - 1][1] : this.unknown;
    const [next] = this.moments[place + 1] ?? [Infinity];
    return at + (Math.min(this.resolution, next - at) * (seq - before - 1)) / (last - before);
  }

  /** The first moment that reaches `seq`; behind the last where none does. */
  #place(seq) {
    let [low, high] = [0, this.moments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.moments[middle][1] < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** For each event the ms from the first one in a replay, and whether a pause was made shorter. */
export function scheduleOf(events, times) {
  let [offset, before, isShortened] = [0, null, false];
  const offsets = events.map(({ seq }, place) => {
    const at = times.at(seq);
    const gap = place === 0 ? 0 : at === null || before === null ? EVENLY : Math.max(0, at - before);
    isShortened ||= gap > LONGEST_PAUSE;
    offset += Math.min(gap, LONGEST_PAUSE);
    before = at;
    return offset;
  });
  return { offsets, isShortened };
}
