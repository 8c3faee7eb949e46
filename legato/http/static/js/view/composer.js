/**
 * The field for a question, or for words while an answer runs.  `actions`: send(text), steer(text),
 * stop(), and draft(text) for what was typed.
 */
import { AGENT } from "../api.js";
import { el, isComposing } from "./dom.js";

const REMEMBERED = "legato.model"; // in localStorage: the model chosen last

export class ComposerView {
  #busy = false;
  #efforts = new Map(); // model -> what it takes as effort

  constructor({ form, text, model, send, steer, stop, keys }, actions) {
    Object.assign(this, { form, text, picker: model, keys, actions });
    Object.assign(this, { sendButton: send, steerButton: steer, stopButton: stop });
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
    text.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event) || isPhone()) return;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) this.#steer();
      else this.#send();
    };
    steer.onclick = () => this.#steer();
    text.oninput = () => {
      this.#fit();
      actions.draft(text.value);
    };
    stop.onclick = () => actions.stop();
    model.onchange = () => localStorage.setItem(REMEMBERED, model.value);
  }

  get model() {
    return this.picker.value || undefined;
  }

  /** Whether `name` can be chosen. */
  offers(name) {
    return [...this.picker.options].some(({ value }) => value === name);
  }

  /** The efforts that a model can be asked for. */
  effortsOf(model) {
    return this.#efforts.get(model) ?? [];
  }

  choose(name) {
    this.picker.value = name;
    localStorage.setItem(REMEMBERED, name);
  }

  /** Offer models and agents; the one chosen last, where it is still there, else the default. */
  offer({ models, default: preferred }, agents) {
    this.#efforts = new Map(models.map(({ name, efforts }) => [name, efforts ?? []]));
    const options = models.map(({ name, description }) => optionOf(name, name, description));
    const those = agents.map(({ id, name, description }) =>
      optionOf(AGENT + id, name || id, description));
    this.picker.replaceChildren(...options, ...(those.length ? [el("optgroup", { label: "Agents" }, ...those)] : []));
    const remembered = localStorage.getItem(REMEMBERED);
    this.picker.value = this.offers(remembered) ? remembered : (preferred ?? models[0]?.name ?? "");
  }

  /** Send while nothing runs; Stop while something does, and for what is written Queue and Steer. */
  show({ running, stopping }) {
    this.#busy = running;
    this.sendButton.lastElementChild.textContent = running ? "Queue" : "Send";
    this.stopButton.hidden = !running;
    this.stopButton.disabled = stopping;
    this.stopButton.lastElementChild.textContent = stopping ? "Stopping…" : "Stop";
    this.#enable();
  }

  /** Show the draft of another conversation. */
  load(draft) {
    this.text.value = draft;
    this.#fit();
  }

  /** Give `text` back, which was not sent, before whatever was typed meanwhile. */
  giveBack(text) {
    this.load([text, this.text.value].filter((each) => each.trim()).join("\n\n"));
    this.actions.draft(this.text.value);
    this.text.focus();
  }

  #send() {
    const text = this.#take();
    if (text) this.actions.send(text);
  }

  /** What was written is for the answer that runs, if one does. */
  #steer() {
    const text = this.#take();
    if (text && this.#busy) this.actions.steer(text);
    else if (text) this.actions.send(text);
  }

  #take() {
    const text = this.text.value;
    if (!text.trim()) return "";
    this.load("");
    return text;
  }

  #fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
    this.#enable();
  }

  #enable() {
    const isEmpty = !this.text.value.trim();
    this.sendButton.disabled = isEmpty;
    this.sendButton.hidden = this.#busy && isEmpty;
    this.steerButton.hidden = !this.#busy || isEmpty;
    this.keys.dataset.state = this.#busy && !isEmpty ? "busy" : "idle";
  }
}

/** A model or an agent, with its description behind its name: an option shows a title to a mouse only. */
function optionOf(value, name, description) {
  return el("option", { value, title: description ?? "" }, description ? `${name} · ${description}` : name);
}

/** On a phone's keyboard Enter makes a new line; there is a button to send. */
const isPhone = () => matchMedia("(hover: none) and (pointer: coarse)").matches;
