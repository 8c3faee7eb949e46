/** Reading along at the end of what grows, until the reader looks elsewhere. */
const AT_END = 4; // px: positions of a scrolled element are rounded

const UPWARDS = ["ArrowUp", "PageUp", "Home"];

export class ReadingAlong {
  #top = 0; // where the last scroll left the element
  #height = 0; // of the content, then
  #room = 0; // of the element, then
  #touchedAt = 0;
  isOn = true;

  /** `changed` is told when the reader leaves the end, or comes back to it. */
  constructor(scroller, changed = () => {}) {
    Object.assign(this, { scroller, changed });
    const listen = (name, listener) => scroller.addEventListener(name, listener, { passive: true });
    listen("scroll", () => this.#scrolled());
    listen("wheel", ({ deltaY }) => deltaY < 0 && this.#leave());
    listen("touchstart", ({ touches }) => (this.#touchedAt = touches[0].clientY));
    listen("touchmove", ({ touches }) => touches[0].clientY > this.#touchedAt && this.#leave());
    listen("keydown", (event) => {
      const upwards = UPWARDS.includes(event.key) || (event.key === " " && event.shiftKey);
      if (upwards && !event.target.closest("textarea, input, select")) this.#leave();
    });
  }

  /** Go to the end, and stay there. */
  toEnd() {
    this.#turn(true);
    this.stay();
  }

  /** Look elsewhere than at the end. */
  leave() {
    this.#turn(false);
  }

  /** Something grew: go along, if the reader does. */
  stay() {
    if (!this.isOn) return;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#note();
  }

  /** What was unpinned before there was anything to scroll stays pinned. */
  #leave() {
    if (this.scroller.scrollTop > 0) this.#turn(false);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const isMoved = scrollHeight < this.#height || clientHeight > this.#room; // by what shrank, or by room below
    const isUp = scrollTop < this.#top - 1 && !isMoved;
    if (isUp) this.#turn(false);
    else if (scrollHeight - scrollTop - clientHeight < AT_END) this.#turn(true);
    this.#note();
  }

  #note() {
    this.#top = this.scroller.scrollTop;
    this.#height = this.scroller.scrollHeight;
    this.#room = this.scroller.clientHeight;
  }

  #turn(isOn) {
    if (this.isOn === isOn) return;
    this.isOn = isOn;
    this.changed();
  }
}
