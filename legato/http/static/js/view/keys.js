/** API keys: made, shown once, and revoked. */
import * as api from "../api.js";
import { inTurn } from "../in_turn.js";
import { button, el, fill } from "./dom.js";

const DAY = 86_400_000; // ms

export class KeysView {
  #key = ""; // the new key, while it is shown

  /** `confirm(question, name)` resolves to whether to go on; `failed(error)`. */
  constructor($, { confirm, failed }) {
    Object.assign(this, { dialog: $("keys-dialog"), confirm, failed });
    const find = (selector) => this.dialog.querySelector(selector);
    Object.assign(this, { form: find("form"), list: find("ul"), made: find(".made"), wrong: find(".ask-error") });
    $("open-keys").onclick = () => this.#open();
    find("[value=close]").onclick = () => this.dialog.close();
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.#attempt(() => this.#make());
    };
    this.dialog.onclose = () => this.#show("");
  }

  #open() {
    this.form.reset();
    this.dialog.showModal();
    this.#attempt(() => this.#read());
  }

  #read = inTurn(async () => {
    const { keys } = await api.keys();
    const items = keys.map((key) => el("li", { data: { id: key.id } }, aboutOf(key), button("Revoke", () => this.#revoke(key))));
    fill(this.list, items.length > 0 ? items : [el("li", {}, "You have no keys.")]);
  });

  async #make() {
    const { name, days } = this.form.elements;
    const expiresAt = days.value ? new Date(Date.now() + days.value * DAY).toISOString() : undefined;
    const { key } = await api.makeKey(name.value.trim(), expiresAt);
    this.form.reset();
    this.#show(key);
    await this.#read();
  }

  async #revoke({ id, name }) {
    if (!(await this.confirm(`Revoke “${name}”? Programs with this key are refused from now on.`, "Revoke"))) return;
    await this.#attempt(async () => {
      await api.revokeKey(id);
      await this.#read();
    });
  }

  /** Show a new key; "" forgets the key that was shown. */
  #show(key) {
    this.#key = key;
    this.made.hidden = key === "";
    this.wrong.textContent = "";
    fill(this.made, key === "" ? [] : [
      el("p", {}, "Copy the key now: nobody can show it again."),
      el("code", {}, key),
      navigator.clipboard ? button("Copy", () => navigator.clipboard.writeText(this.#key)) : null,
    ]);
  }

  async #attempt(act) {
    this.wrong.textContent = "";
    try {
      await act();
    } catch (error) {
      if (error instanceof api.HttpError && !error.needsLogin) this.wrong.textContent = error.message;
      else this.failed(error);
    }
  }
}

function aboutOf({ name, keyPrefix, createdAt, lastUsedAt, expiresAt }) {
  const facts = [
    `${keyPrefix}…`,
    `made ${dateOf(createdAt)}`,
    lastUsedAt ? `used ${dateOf(lastUsedAt)}` : "never used",
    expiresAt ? `until ${dateOf(expiresAt)}` : "",
  ];
  return el("div", {}, el("strong", { dir: "auto" }, name), el("span", { className: "field-about" }, facts.filter(Boolean).join(" · ")));
}

const dateOf = (text) => new Date(text).toLocaleDateString([], { dateStyle: "medium" });
