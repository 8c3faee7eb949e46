/**
 * The chips above the composer: words that wait, each with what can be done about them.
 *
 * `actions`: armSteer, cancelSteer, sendUnread, discard, editQueued(turn, text), advance, sendNow,
 * cancelQueued, and giveBack(text) for what was typed into a chip that is gone.
 */
import { arrange, button, el, icon, isComposing, refill } from "./dom.js";

export class ChipsView {
  #chips = new Map(); // id -> chip
  #count = 0;

  /** `list` holds the chips; `said` tells assistive technology how many wait. */
  constructor({ list, said }, actions) {
    Object.assign(this, { list, said, actions });
  }

  /** Show the words that came back, those for the running answer, and the turns after that. */
  show({ unread, steers, turns }) {
    const wanted = [
      ...unread.map((steer) => this.#chip(UnreadChip, steer.clientSteerId, steer)),
      ...steers.map((steer) => this.#chip(SteerChip, steer.clientSteerId ?? steer.steerId, steer)),
      ...turns.map((turn, place) => this.#chip(TurnChip, turn.generationId, { ...turn, place })),
    ];
    const kept = new Set(wanted);
    for (const [id, chip] of this.#chips) if (!kept.has(chip)) this.#remove(id, chip);
    arrange(this.list, wanted.map(({ element }) => element));
    this.list.hidden = wanted.length === 0;
    this.#say(wanted.length);
  }

  /** Show nothing. */
  clear() {
    this.show({ unread: [], steers: [], turns: [] });
  }

  #chip(Chip, name, waiting) {
    const id = `${Chip.name} ${name}`;
    if (!this.#chips.has(id)) this.#chips.set(id, new Chip(id, this.actions));
    this.#chips.get(id).show(waiting);
    return this.#chips.get(id);
  }

  #remove(id, chip) {
    this.#chips.delete(id);
    if (chip.unsaved) this.actions.giveBack(chip.unsaved);
  }

  #say(count) {
    if (count === this.#count) return;
    this.#count = count;
    this.said.textContent = count === 0 ? "Nothing waits." : `Waiting: ${count}.`;
  }
}

class Chip {
  #kind = el("span", { className: "chip-kind" });
  #text = el("span", { className: "chip-text", dir: "auto" });
  #buttons = el("span", { className: "chip-buttons" });
  #editor = null; // the field, while the text is edited

  constructor(id, actions) {
    this.actions = actions;
    this.element = el("li", { className: "chip", data: { id } }, this.#kind, this.#text, this.#buttons);
  }

  show(waiting) {
    this.waiting = waiting;
    const isSent = waiting.isSent ?? true;
    const kind = isSent ? this.kind : "Sending…";
    refill(this.#kind, kind, () => [icon(this.icon), el("span", {}, kind)]);
    this.#text.textContent = this.#text.title = waiting.text;
    refill(this.#buttons, JSON.stringify([isSent, this.key]), () => (isSent ? this.buttons() : []));
  }

  /** What is being written into the chip; "" where nothing was changed. */
  get unsaved() {
    const text = this.#editor?.value ?? "";
    return text.trim() && text !== this.waiting.text ? text : "";
  }

  /** Put an editor of the text in its place; `save` gets what was written. */
  edit(save) {
    const text = this.#editor = el("textarea", { value: this.waiting.text, rows: 2, dir: "auto", aria: { label: "Edit the waiting message" } });
    const close = () => {
      this.#editor = null;
      form.replaceWith(this.#text);
      this.#buttons.hidden = false;
      this.#buttons.querySelector("button")?.focus();
    };
    const form = el("form", { className: "chip-editor" }, text,
      button("Back", close), el("button", { type: "submit", className: "primary small" }, "Save"));
    form.onsubmit = (event) => {
      event.preventDefault();
      close();
      if (text.value.trim()) save(text.value);
    };
    text.onkeydown = (event) => {
      if (isComposing(event)) return;
      if (event.key === "Escape") close();
      else if (event.key === "Enter" && !event.shiftKey) form.requestSubmit();
      else return;
      event.preventDefault(); // this Escape is not a Stop
    };
    this.#buttons.hidden = true;
    this.#text.replaceWith(form);
    text.focus();
  }
}

/** Words for the answer that runs. */
class SteerChip extends Chip {
  icon = "steer";
  kind = "For this answer";

  get key() {
    return this.waiting.preempt;
  }

  buttons() {
    return [
      this.waiting.preempt ? null : button("Now", () => this.actions.armSteer(this.waiting), named("Send now")),
      button("Cancel", () => this.actions.cancelSteer(this.waiting)),
    ];
  }
}

/** Words for an answer that ended before a model call read them. */
class UnreadChip extends Chip {
  icon = "alert";
  kind = "Not read";
  key = "";

  buttons() {
    return [
      button("Send", () => this.actions.sendUnread(this.waiting)),
      button("Discard", () => this.actions.discard(this.waiting)),
    ];
  }
}

/** A turn that begins when those before have ended. */
class TurnChip extends Chip {
  icon = "queue";

  get kind() {
    return this.waiting.place === 0 ? "Next" : "Then";
  }

  get key() {
    return this.waiting.place;
  }

  buttons() {
    const { actions } = this;
    return [
      button("Edit", () => this.edit((text) => actions.editQueued(this.waiting, text))),
      this.waiting.place > 0 ? button("First", () => actions.advance(this.waiting), named("Move to the front")) : null,
      button("Now", () => actions.sendNow(this.waiting), named("Stop the answer and send now")),
      button("Cancel", () => actions.cancelQueued(this.waiting)),
    ];
  }
}

const named = (label) => ({ title: label });
