/** What stands around the thread: header, sidebar's drawer, welcome, login, news, notices, status. */
import { pageOf } from "../api.js";
import { endingOf } from "../endings.js";
import { announcementOf } from "../status.js";

const TOAST = 8_000; // ms that a notice stays

export class Shell {
  #toastTimer;
  #said = ""; // what assistive technology was told last
  #wasRunning = false; // that was said of a running answer
  #hasEntered = false; // there was a session since the page was loaded
  #isPutOff = false; // the reader wants to log in later

  /** `$` finds an element of index.html by id.  `actions`: showNews, stay, and logIn(token). */
  constructor($, actions) {
    this.$ = $;
    $("show-news").onclick = () => actions.showNews();
    $("stay").onclick = () => actions.stay();
    $("login-dialog").oncancel = () => (this.#isPutOff = true);
    $("login-later").onclick = () => {
      this.#isPutOff = true;
      $("login-dialog").close();
    };
    // Every way to log in leads back to the conversation that is open.
    const elsewhere = $("login-elsewhere").querySelector("a");
    elsewhere.onclick = () => (elsewhere.search = new URLSearchParams({ next: location.pathname }));
    $("login").querySelector("form").addEventListener("formdata", ({ formData }) => formData.set("next", location.pathname));
    $("login").querySelector("form").addEventListener("submit", (event) => {
      if (!$("login-dialog").open) return; // the server's own page follows
      event.preventDefault();
      actions.logIn(new FormData(event.target).get("token"));
    });
    $("open-sidebar").onclick = () => this.#drawer(true);
    $("close-sidebar").onclick = $("backdrop").onclick = () => this.closeSidebar();
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !document.body.classList.contains("drawer")) return;
      event.preventDefault(); // this Escape is not a Stop
      this.closeSidebar();
    }, { capture: true });
  }

  show({ id, running, turn, news, missing, rows, endings }, title) {
    const { $ } = this;
    const isLoggedOut = document.body.classList.contains("logged-out");
    $("welcome").hidden = isLoggedOut || id !== null || running;
    $("news").hidden = news === undefined;
    $("title").textContent = title;
    document.title = [running ? "●" : "", title && id ? `${title} · Legato` : "Legato"].join(" ").trim();
    $("second-tab").hidden = $("export").hidden = id === null || missing;
    $("second-tab").href = pageOf(id);
    this.#announce(running ? announcementOf(turn) : endOf(rows.at(-1)?.message, endings), running);
  }

  /** For screen readers: how it goes, in a few words, never the tokens themselves. */
  #announce(text, running) {
    if (text === this.#said) return;
    if (running || this.#wasRunning) this.$("status").textContent = text;
    this.#said = text;
    this.#wasRunning = running;
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

  /** There is a session. */
  entered() {
    this.#hasEntered = true;
    this.#isPutOff = false;
    this.$("login-error").textContent = "";
    if (this.$("login-dialog").open) this.$("login-dialog").close();
  }

  /** Ask for a login: above what is being read, or in an empty page.  `unasked`: by no act of the reader. */
  askToLogIn({ unasked = false } = {}) {
    const { $ } = this;
    if (this.#hasEntered) {
      if ($("login-dialog").open || (unasked && this.#isPutOff)) return;
      $("login-dialog").append($("login"));
      $("login-title").textContent = "Please log in again";
      $("login-about").textContent = "Your session has ended. What runs, runs on; nothing is lost.";
      $("login-later").hidden = false;
      $("login-dialog").showModal();
    } else {
      document.body.classList.add("logged-out");
      $("welcome").hidden = true;
    }
    $("login").hidden = false;
    $("login").querySelector("input").focus();
  }

  /** Say why a login failed. */
  refuseLogin(text) {
    this.$("login-error").textContent = text;
  }

  /** Ask before what cannot be undone; resolves to whether to go on. */
  confirm(question, name = "Delete") {
    const dialog = this.$("confirm");
    this.$("confirm-text").textContent = question;
    dialog.querySelector(".danger").textContent = name;
    dialog.returnValue = "cancel"; // what Escape means
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.onclose = () => resolve(dialog.returnValue === "delete");
    });
  }

  /** Show the list on a narrow screen, where it is a drawer. */
  openSidebar() {
    if (this.$("open-sidebar").checkVisibility()) this.#drawer(true);
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

function endOf(message, endings) {
  if (!message || message.isCreatedByUser) return "";
  return `${endingOf(message, endings.of(message.messageId))?.text ?? "Answer complete"}.`;
}
