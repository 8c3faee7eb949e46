/** Where one writes.  `actions`: send(text, model) and stop(). */
import { AGENT } from "../api.js";
import { el } from "./dom.js";

const REMEMBERED = "legato.model"; // in localStorage: the model chosen last

export class ComposerView {
  #busy = false;

  constructor({ form, text, model, send, stop }, actions) {
    Object.assign(this, { form, text, picker: model, sendButton: send, stopButton: stop, actions });
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
    text.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    };
    text.oninput = () => this.#fit();
    stop.onclick = () => actions.stop();
    model.onchange = () => localStorage.setItem(REMEMBERED, model.value);
  }

  get model() {
    return this.picker.value || undefined;
  }

  /** Offer models and agents; the one chosen last, where it is still there, else the default. */
  offer({ models, default: preferred }, agents) {
    const options = models.map(({ name, provider = "" }) => el("option", { value: name, title: provider }, name));
    const those = agents.map(({ id, name, description }) =>
      el("option", { value: AGENT + id, title: description ?? "" }, name || id));
    this.picker.replaceChildren(...options, ...(those.length ? [el("optgroup", { label: "Agents" }, ...those)] : []));
    const remembered = localStorage.getItem(REMEMBERED);
    const known = [...this.picker.options].some(({ value }) => value === remembered);
    this.picker.value = known ? remembered : (preferred ?? models[0]?.name ?? "");
  }

  /** Send while nothing runs, Stop while something does. */
  show({ running, stopping }) {
    this.#busy = running;
    this.sendButton.hidden = running;
    this.stopButton.hidden = !running;
    this.stopButton.disabled = stopping;
    this.stopButton.lastElementChild.textContent = stopping ? "Stopping…" : "Stop";
    this.#enable();
  }

  /** Put `text` in the field, ready to be sent or changed. */
  fill(text) {
    this.text.value = text;
    this.#fit();
    this.text.focus();
  }

  #send() {
    const text = this.text.value;
    if (this.#busy || !text.trim()) return;
    this.text.value = "";
    this.#fit();
    this.actions.send(text);
  }

  #fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
    this.#enable();
  }

  #enable() {
    this.sendButton.disabled = !this.text.value.trim();
  }
}
