/** Plays a recording: says how many events are shown by now. */
const FRAMES = 90; // as fast as it goes, a recording takes that many frames at least, to be seen at all

export class Playback {
  #frame = null;

  /** `show(count)` is told each step; `stopped()` when it has come to the end, or was stopped. */
  constructor(show, stopped) {
    Object.assign(this, { show, stopped });
  }

  get isPlaying() {
    return this.#frame !== null;
  }

  /** Play from the first `count` events on, at `rate` times the speed; Infinity: each frame a piece. */
  play(count, offsets, rate) {
    this.stop();
    const step = rate === Infinity ? this.#pieces(count, offsets) : this.#timed(count, offsets, rate);
    const next = (now) => {
      const shown = step(now);
      this.show(shown);
      if (shown < offsets.length) this.#frame = requestAnimationFrame(next);
      else this.stop();
    };
    this.#frame = requestAnimationFrame(next);
  }

  stop() {
    if (this.#frame === null) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    this.stopped();
  }

  #pieces(count, offsets) {
    const piece = Math.max(1, Math.ceil(offsets.length / FRAMES));
    return () => (count = Math.min(offsets.length, count + piece));
  }

  #timed(count, offsets, rate) {
    const from = count > 0 ? offsets[count - 1] : (offsets[0] ?? 0);
    let began;
    return (now) => {
      began ??= now;
      while (count < offsets.length && offsets[count] - from <= (now - began) * rate) count += 1;
      return count;
    };
  }
}
