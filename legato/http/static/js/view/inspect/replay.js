/** The replay of one recording: a slider over its events, the answer as it was, and the way on by hand. */
import { curlOf } from "../../inspect/curl.js";
import { scheduleOf } from "../../inspect/event_times.js";
import { Playback } from "../../inspect/playback.js";
import { paced } from "../dom.js";
import { PartsView } from "../parts.js";
import { ReadingAlong } from "../scrolling.js";

export class ReplayView {
  #recording = null;
  #times = null;
  #count = 0; // events that are shown
  #isAtEnd = true; // new events are shown as they come
  #shown = 0; // events that the parts on the page are of
  #parts = new PartsView();
  #reading;
  #playback = new Playback((count) => this.goTo(count), () => this.#drawButtons());
  #draw = paced(() => this.#drawNow());

  /**
   * `parts`: elements of inspect.html.  `address`: of the stream, `user`: who reads; `moved` is told
   * when another event is looked at.
   */
  constructor(parts, { moved }) {
    Object.assign(this, { parts, moved });
    parts.answer.append(this.#parts.element);
    this.#reading = new ReadingAlong(parts.answer);
    parts.slider.oninput = () => this.#byHand(Number(parts.slider.value));
    parts.back.onclick = () => this.#byHand(this.#count - 1);
    parts.on.onclick = () => this.#byHand(this.#count + 1);
    for (const button of parts.rates) button.onclick = () => this.#play(button);
    parts.copy.onclick = () => this.#copy();
    parts.copy.hidden = !navigator.clipboard; // a page served without TLS from another machine
  }

  /** Show another recording, from its end on. */
  open(recording, { address, user }) {
    this.#playback.stop();
    Object.assign(this, { address, user });
    this.#recording = recording;
    this.#isAtEnd = true;
    this.#count = this.#shown = 0;
    this.#renew();
    this.changed(null);
  }

  /** The recording or the times of its events have changed. */
  changed(times) {
    this.#times = times ?? this.#times;
    if (this.#isAtEnd && !this.#playback.isPlaying) this.#count = this.#events.length;
    this.#draw();
  }

  /** The event that is looked at; undefined before the first. */
  get event() {
    return this.#events[this.#count - 1];
  }

  /** Look at the log after its first `count` events. */
  goTo(count) {
    this.#count = Math.max(0, Math.min(this.#events.length, count));
    this.#isAtEnd = this.#count === this.#events.length;
    this.#draw();
  }

  /** Look at the event with the number `seq`. */
  goToEvent(seq) {
    this.#byHand(this.#events.findIndex((event) => event.seq === seq) + 1);
  }

  get #events() {
    return this.#recording?.events ?? [];
  }

  #byHand(count) {
    this.#playback.stop();
    this.goTo(count);
  }

  #play(button) {
    const isThis = button.getAttribute("aria-pressed") === "true";
    this.#playback.stop();
    if (isThis) return this.#drawButtons();
    if (this.#count === this.#events.length) this.goTo(0);
    const { offsets, isShortened } = scheduleOf(this.#events, this.#times);
    this.parts.shortened.hidden = !isShortened;
    this.#playback.play(this.#count, offsets, Number(button.dataset.rate));
    this.#drawButtons(button);
  }

  #drawButtons(pressed = null) {
    for (const button of this.parts.rates) button.setAttribute("aria-pressed", button === pressed);
  }

  #drawNow() {
    const { parts } = this;
    const { event } = this;
    parts.slider.max = this.#events.length;
    parts.slider.value = this.#count;
    parts.slider.setAttribute("aria-valuetext", this.#placeInWords());
    parts.place.textContent = this.#placeInWords();
    parts.event.textContent = event ? JSON.stringify(event.frame, null, 2) : "";
    parts.curl.textContent = curlOf(this.address, event?.cursor ?? "", this.user);
    parts.trust.textContent = TRUST[this.#times?.trust ?? "unknown"];
    if (this.#count < this.#shown) this.#renew();
    this.#shown = this.#count;
    this.#parts.update(this.#recording?.partsAfter(this.#count) ?? [], Boolean(event?.frame.final));
    this.#reading.stay();
    this.moved();
  }

  #placeInWords() {
    const { event } = this;
    if (event === undefined) return "Before the first event";
    const at = this.#times?.at(event.seq) ?? null;
    const first = this.#times?.at(this.#events[0].seq) ?? null;
    const after = at === null || first === null ? "" : ` · ${((at - first) / 1000).toFixed(1)} s`;
    return `Event ${event.seq.toLocaleString()} of ${this.#events.at(-1).seq.toLocaleString()}${after}`;
  }

  /** An answer that gets shorter is made anew. */
  #renew() {
    const before = this.#parts;
    this.#parts = new PartsView();
    before.element.replaceWith(this.#parts.element);
  }

  async #copy() {
    await navigator.clipboard.writeText(this.parts.curl.textContent);
    this.parts.copied.textContent = "Copied";
    setTimeout(() => (this.parts.copied.textContent = ""), 2000);
  }
}

const TRUST = {
  known: "Played with the server's own times, to a tenth of a second in a short answer.",
  partly: "The first events are another process's, and their times are not known: those are played evenly.",
  unknown: "The times of these events are not known: they are played evenly, 20 a second.",
};
