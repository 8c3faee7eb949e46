/** What stands around the thread: header, sidebar's drawer, welcome, login, notices, status. */
import { pageOf } from "../api.js";
import { progressOf } from "./message.js";

const TOAST = 8_000; // ms that a notice stays

export class Shell {
  #toastTimer;
  #said = ""; // what assistive technology was told last

  /** `$` finds an element of index.html by id. */
  constructor($) {
    this.$ = $;
    $("open-sidebar").onclick = () => this.#drawer(true);
    $("close-sidebar").onclick = $("backdrop").onclick = () => this.closeSidebar();
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !document.body.classList.contains("drawer")) return;
      event.preventDefault(); // this Escape is not a Stop
      this.closeSidebar();
    }, { capture: true });
  }

  show({ id, running, turn, missing, rows }, title) {
    const { $ } = this;
    const isLoggedOut = document.body.classList.contains("logged-out");
    $("welcome").hidden = isLoggedOut || id !== null || running;
    $("title").textContent = title;
    document.title = [running ? "●" : "", title && id ? `${title} · Legato` : "Legato"].join(" ").trim();
    $("second-tab").hidden = id === null || missing;
    $("second-tab").href = pageOf(id);
    this.#announce(running ? progressOf(turn) : endOf(rows.at(-1)?.message));
  }

  /** For screen readers: how it goes, in a few words, never the tokens themselves. */
  #announce(text) {
    if (text === this.#said) return;
    const wasRunning = this.#said.endsWith("…");
    this.#said = text;
    if (text.endsWith("…") || wasRunning) this.$("status").textContent = text;
  }

  /** Say something for a few seconds. */
  say(text) {
    const { $ } = this;
    $("toast").textContent = text;
    $("toast").hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => this.hush(), TOAST);
  }

  /** What was said is over. */
  hush() {
    this.$("toast").hidden = true;
  }

  askToLogIn() {
    document.body.classList.add("logged-out");
    this.$("login").hidden = false;
    this.$("welcome").hidden = true;
  }

  /** Ask before what cannot be undone; resolves to whether to go on. */
  confirm(question) {
    const dialog = this.$("confirm");
    this.$("confirm-text").textContent = question;
    dialog.returnValue = "cancel"; // what Escape means
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.onclose = () => resolve(dialog.returnValue === "delete");
    });
  }

  closeSidebar() {
    this.#drawer(false);
  }

  #drawer(open) {
    document.body.classList.toggle("drawer", open);
    this.$("backdrop").hidden = !open;
    if (open) this.$("close-sidebar").focus();
  }
}

function endOf(message) {
  if (!message || message.isCreatedByUser) return "";
  return message.unfinished ? "Answer stopped." : "Answer complete.";
}
