/**
 * What happens in all of the user's conversations, on whichever device: `/api/events`, read while
 * the page is visible.  A hidden page reads nothing, and later hears exactly what it missed.
 */
import { EVENTS } from "./api.js";
import { FrameError, reconnecting } from "./reconnect.js";

export class Notices {
  #cursor = "";
  #reading = null; // the AbortController of the connection; null while nothing is read
  #isSettled = false;
  #settle;

  /** Settled once it is known from where on notices come, or that none come: what is read after
      that misses nothing. */
  settled = new Promise((resolve) => (this.#settle = resolve));

  /** `on`: a function for each kind of notice, told its facts; `reset()` where notices may be
      missing, and everything is to be read anew; `login()` where the session has ended. */
  constructor(on, options = {}) {
    Object.assign(this, { on, options });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#leave() : this.begin()));
  }

  /** Read, unless that is done already, or nobody looks. */
  begin() {
    if (document.hidden) this.#nothingComes();
    if (document.hidden || this.#reading) return;
    this.#reading = new AbortController();
    this.#read(this.#reading);
  }

  async #read(leaving) {
    const { kind } = await reconnecting({
      addressOf: (cursor) => (cursor ? `${EVENTS}?${new URLSearchParams({ after: cursor })}` : EVENTS),
      take: (event) => this.#take(event),
      on: {
        connection: (state) => state === "live" || this.#nothingComes(),
        read: (cursor) => (this.#cursor = cursor),
      },
      cursor: this.#cursor,
      signal: leaving.signal,
      ...this.options,
    });
    if (this.#reading === leaving) this.#reading = null;
    this.#nothingComes();
    if (kind === "login") this.on.login();
  }

  #take({ event, data }) {
    const isFirst = !this.#isSettled && event === "reset";
    try {
      if (!isFirst) this.on[event]?.(JSON.parse(data));
    } catch (cause) {
      throw new FrameError("a notice could not be taken", { cause });
    }
    this.#nothingComes();
    return null;
  }

  /** Whoever waits need not wait any longer. */
  #nothingComes() {
    this.#isSettled = true;
    this.#settle();
  }

  #leave() {
    this.#reading?.abort();
    this.#reading = null;
  }
}
