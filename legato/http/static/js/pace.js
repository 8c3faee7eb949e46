/** How fast the words come.  Times are milliseconds of one clock, and handed in. */
const WINDOW = 5_000; // ms of which the rate is told
const SLICE = 500; // ms

export class Pace {
  #slices = []; // [when a slice began, its tokens], oldest first
  tokens = 0;
  asked; // when the question was sent
  first; // when the first word came
  last;

  /** A token came. */
  note(now) {
    this.tokens += 1;
    this.first ??= now;
    this.last = now;
    const newest = this.#slices.at(-1);
    if (newest && now - newest[0] < SLICE) newest[1] += 1;
    else this.#slices.push([now, 1]);
    while (now - this.#slices[0][0] > WINDOW) this.#slices.shift();
  }

  /** Tokens a second over the last seconds; 0 where it is too early to say. */
  rate(now) {
    const recent = this.#slices.filter(([began]) => now - began <= WINDOW);
    const span = Math.min(WINDOW, now - (this.first ?? now));
    if (span < 1_000) return 0;
    return (1000 * recent.reduce((sum, [, tokens]) => sum + tokens, 0)) / span;
  }

  /** Of a whole answer: seconds to its first word, tokens a second from there. */
  get summary() {
    if (this.asked === undefined || this.first === undefined) return {};
    const seconds = (this.last - this.first) / 1000;
    const rate = seconds >= 0.5 ? { rate: (this.tokens - 1) / seconds } : {};
    return { wait: (this.first - this.asked) / 1000, ...rate };
  }
}
