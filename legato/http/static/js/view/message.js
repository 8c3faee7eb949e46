/** One message of the thread.  `actions`: edit, editAnswer, regenerate, continue, choose, answer, logIn. */
import { inspectPageOf } from "../api.js";
import { endingOf, isSaidByEnding } from "../endings.js";
import { textOfMessage } from "../fold.js";
import { statusOf } from "../status.js";
import { AsksView } from "./asks.js";
import { copyButton } from "./copy_button.js";
import { button, el, iconButton, isComposing, refill } from "./dom.js";
import { PartsView } from "./parts.js";

/** A user's message: plain text, and an editor in its place while it is being changed. */
export class QuestionView {
  #text = el("div", { className: "bubble", dir: "auto" });
  #tools = el("div", { className: "tools" });
  element = el("article", { className: "message question", aria: { label: "You" } }, this.#text, this.#tools);
  #row;

  constructor(actions) {
    this.actions = actions;
  }

  update(row, { busy }) {
    this.#row = row;
    this.element.dataset.id = row.message.messageId;
    this.#text.textContent = textOfMessage(row.message);
    refill(this.#tools, keyOf(row, busy), () => [
      ...siblingsOf(row, this.actions, busy),
      copyButton(() => textOfMessage(row.message)),
      iconButton("edit", "Edit and ask again", () => this.#edit(), { disabled: busy }),
    ]);
  }

  updatePlainly({ message }) {
    this.#text.textContent = plainTextOf(message);
  }

  #edit() {
    const { message } = this.#row;
    const save = (text) => this.actions.edit(message, text);
    edit(this.#text, textOfMessage(message), { label: "Edit message", submit: "Ask again", save });
  }
}

/** Put an editor of `value` in `element`'s place, until it is saved or left. */
function edit(element, value, { label, submit, save }) {
  const text = el("textarea", { value, rows: 3, dir: "auto", aria: { label } });
  const opener = document.activeElement;
  const close = () => form.replaceWith(element);
  const leave = () => {
    close();
    opener.focus();
  };
  const send = el("button", { type: "submit", className: "primary" }, submit);
  const cancel = el("button", { type: "button", className: "quiet", onclick: leave }, "Cancel");
  const form = el("form", { className: "editor" }, text, el("div", { className: "editor-buttons" }, cancel, send));
  form.onsubmit = (event) => {
    event.preventDefault();
    close();
    if (text.value.trim()) save(text.value);
  };
  text.onkeydown = (event) => {
    if (isComposing(event)) return;
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && !event.shiftKey) form.requestSubmit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  element.replaceWith(form);
  text.focus();
}

/** An answer: its parts, how it ended, and what can be done with it. */
export class AnswerView {
  #parts = new PartsView();
  #asks; // what the running answer asks the reader
  #status = el("div", { className: "progress" });
  #tools = el("div", { className: "tools" });
  element = el("article", { className: "message answer", aria: { label: "Answer" } }, this.#parts.element);
  #shown = null; // the stored message whose parts stand there already

  constructor(actions) {
    this.actions = actions;
    this.#asks = new AsksView(actions);
    this.element.append(this.#asks.element, this.#status, this.#tools);
  }

  update(row, { busy, turn, seen }) {
    const { message } = row;
    const running = Boolean(message.running);
    this.element.dataset.id = message.messageId;
    this.element.setAttribute("aria-busy", running);
    const waiting = new Set(running ? turn.pending.openAsks.map(({ index }) => index) : []);
    if (running || message !== this.#shown) this.#parts.update(partsOf(message), !running, waiting);
    this.#shown = running ? null : message;
    this.#asks.show(running ? turn.pending.asks : []);
    if (running) this.showProgress(turn);
    else this.#showEnding(row, busy, endingOf(message, seen), seen);
    const key = running ? "running" : keyOf(row, busy) + JSON.stringify([seen, message.createdAt]);
    refill(this.#tools, key, () => (running ? [] : this.#toolsOf(row, busy, seen)));
  }

  updatePlainly({ message }) {
    this.#parts.showPlainly(plainTextOf(message));
    this.#shown = null;
    this.#status.hidden = true;
  }

  /** A part of the running answer grew. */
  grow(parts, position) {
    this.#parts.grow(parts, position, false);
  }

  /** Say how the running answer comes along. */
  showProgress(turn) {
    const { mark, text, action } = statusOf(turn, performance.now());
    this.#status.hidden = false;
    refill(this.#status, `running ${mark} ${action} ${turn.generationId}`, () => [
      markOf(mark),
      timelineOf(turn.generationId, "status"),
      action === "now" ? button("Now", () => turn.retry?.now()) : null,
      action === "login" ? button("Log in", () => this.actions.logIn()) : null,
    ]);
    this.#status.children[1].textContent = text;
  }

  /** Say how the answer ended, and what can be done about it; an answer that is whole needs no word. */
  #showEnding({ message }, busy, ending, seen) {
    this.#status.hidden = ending === null;
    if (ending === null) return;
    refill(this.#status, JSON.stringify([ending, busy, seen.job]), () => [
      markOf(ending.mark),
      timelineOf(seen.job, "status ending", ending.text),
      ending.goesOn ? button("Continue", () => this.actions.continue(message), { disabled: busy }) : null,
      button("Again", () => this.actions.regenerate(message.parentMessageId), { disabled: busy }),
    ]);
  }

  #toolsOf(row, busy, seen) {
    const { message } = row;
    const again = () => this.actions.regenerate(message.parentMessageId);
    return [
      ...siblingsOf(row, this.actions, busy),
      copyButton(() => textOfMessage(message)),
      iconButton("again", "Answer again", again, { disabled: busy }),
      lastText(message) < 0 ? null : iconButton("edit", "Edit the answer", () => this.#edit(message), { disabled: busy }),
      timelineOf(seen.job, "about", aboutOf(message, seen)),
    ];
  }

  #edit(message) {
    const index = lastText(message);
    const save = (text) => this.actions.editAnswer(message, index, text);
    edit(this.#parts.element, message.content[index].text, { label: "Edit the answer", submit: "Go on from here", save });
  }
}

/** Words about a job that lead to its timeline, where the job is known. */
function timelineOf(job, className, text = "") {
  if (!job) return el("span", { className }, text);
  return el("a", { className: `${className} timeline`, href: inspectPageOf(job), title: "Its timeline" }, text);
}

const lastText = ({ content }) => (content ?? []).findLastIndex((part) => part?.type === "text");

const markOf = (mark) => el("span", { className: "mark-of", aria: { hidden: "true" } }, mark);

function partsOf({ content, text }) {
  if (content?.length) return content.map((part) => (isSaidByEnding(part) ? null : part));
  return text ? [{ type: "text", text }] : [];
}

/** All that there is of a message without the form that is expected. */
function plainTextOf(message) {
  try {
    return textOfMessage(message) || JSON.stringify(message.content, null, 2) || "";
  } catch {
    return JSON.stringify(message, null, 2);
  }
}

/** Who answered, and in which figures. */
function aboutOf({ model, sender, usage, createdAt }, { wait, rate, dropped }) {
  const { promptTokens, completionTokens } = usage ?? {};
  return [
    model || sender,
    promptTokens ? `${promptTokens.toLocaleString()} in` : "",
    completionTokens ? `${completionTokens.toLocaleString()} tokens` : "",
    wait === undefined ? "" : `first word ${wait.toFixed(1)} s`,
    rate ? `${rate.toFixed(1)}/s` : "",
    createdAt ? dateOf(createdAt) : "",
    dropped ? `${dropped.toLocaleString()} of the oldest messages left out` : "",
  ].filter(Boolean).join(" · ");
}

/** The time of today, or a date. */
function dateOf(text) {
  const [date, today] = [new Date(text), new Date()];
  if (date.toDateString() === today.toDateString()) return date.toLocaleTimeString([], { timeStyle: "short" });
  return date.toLocaleDateString([], { dateStyle: "medium" });
}

/** What the buttons of a message depend on. */
function keyOf({ siblings, position, message }, busy) {
  const { text, content, unfinished, finish_reason: reason, usage } = message;
  const ids = siblings.map(({ messageId }) => messageId);
  return JSON.stringify([ids, position, busy, text, content, unfinished, reason, usage]);
}

function siblingsOf(row, { choose }, busy) {
  const { siblings, position } = row;
  if (siblings.length < 2) return [];
  const count = el("span", { className: "count" }, `${position + 1}/${siblings.length}`);
  const step = (name, label, by, disabled) => iconButton(name, label, () => choose(row, by), { disabled });
  return [
    el("span", { className: "siblings" },
      step("previous", "Previous version", -1, busy || position === 0), count,
      step("next", "Next version", 1, busy || position === siblings.length - 1)),
  ];
}
