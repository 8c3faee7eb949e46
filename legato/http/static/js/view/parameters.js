/** The dialog for instructions and parameters, and its button. */
import { el } from "./dom.js";

const FIELDS = ["promptPrefix", "temperature", "top_p", "max_tokens", "reasoning_effort"];

export class ParametersView {
  /** `actions`: settings() that are open, efforts() of the model, save(settings, isForNew). */
  constructor($, actions) {
    Object.assign(this, { dialog: $("parameters"), opener: $("open-parameters"), actions });
    this.form = this.dialog.querySelector("form");
    this.opener.onclick = () => this.#open();
    this.dialog.onclose = () => this.dialog.returnValue === "save" && this.#save();
  }

  /** Say on the button whether something is set. */
  show() {
    const isSet = Object.values(this.actions.settings()).some(Boolean);
    const name = "Instructions and parameters";
    this.opener.setAttribute("aria-label", isSet ? `${name}, changed` : name);
    this.opener.classList.toggle("is-set", isSet);
  }

  #open() {
    const settings = this.actions.settings();
    const efforts = this.actions.efforts();
    const effort = this.form.elements.reasoning_effort;
    effort.replaceChildren(el("option", { value: "" }, "the model's own"), ...efforts.map((each) => el("option", { value: each }, each)));
    effort.closest("label").hidden = efforts.length === 0;
    for (const name of FIELDS) this.form.elements[name].value = settings[name] ?? "";
    this.form.elements.isForNew.checked = false;
    this.dialog.returnValue = ""; // what Escape means
    this.dialog.showModal();
  }

  #save() {
    const { elements } = this.form;
    const settings = { ...this.actions.settings() };
    for (const name of FIELDS) if (!elements[name].closest("[hidden]")) settings[name] = elements[name].value || undefined;
    this.actions.save(settings, elements.isForNew.checked);
    this.show();
  }
}
