/** One message of the thread.  `actions`: copy, edit, regenerate, choose. */
import { textOfMessage } from "../fold.js";
import { el, icon, iconButton, refill } from "./dom.js";
import { PartsView } from "./parts.js";

/** A user's message: plain text, and an editor in its place while it is being changed. */
export class QuestionView {
  #text = el("div", { className: "bubble" });
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
      copyButton(row.message),
      iconButton("edit", "Edit and ask again", () => this.#edit(), { disabled: busy }),
    ]);
  }

  updatePlainly({ message }) {
    this.#text.textContent = plainTextOf(message);
  }

  #edit() {
    const text = el("textarea", { value: textOfMessage(this.#row.message), rows: 3, aria: { label: "Edit message" } });
    const close = () => form.replaceWith(this.#text);
    const send = el("button", { type: "submit", className: "primary" }, "Ask again");
    const cancel = el("button", { type: "button", className: "quiet", onclick: close }, "Cancel");
    const form = el("form", { className: "editor" }, text, el("div", { className: "editor-buttons" }, cancel, send));
    form.onsubmit = (event) => {
      event.preventDefault();
      close();
      if (text.value.trim()) this.actions.edit(this.#row.message, text.value);
    };
    text.onkeydown = (event) => {
      if (event.key === "Escape") close();
      else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) form.requestSubmit();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    this.#text.replaceWith(form);
    text.focus();
  }
}

/** An answer: its parts, how it ended, and what can be done with it. */
export class AnswerView {
  #parts = new PartsView();
  #status = el("p", { className: "progress" });
  #tools = el("div", { className: "tools" });
  element = el("article", { className: "message answer", aria: { label: "Answer" } }, this.#parts.element, this.#status, this.#tools);
  #shown = null; // the stored message whose parts stand there already

  constructor(actions) {
    this.actions = actions;
  }

  update(row, { busy, turn }) {
    const { message } = row;
    const running = Boolean(message.running);
    this.element.dataset.id = message.messageId;
    this.element.setAttribute("aria-busy", running);
    if (running || message !== this.#shown) this.#parts.update(partsOf(message), !running);
    this.#shown = running ? null : message;
    this.showProgress(running ? turn : null);
    const key = running ? "running" : keyOf(row, busy);
    refill(this.#tools, key, () => (running ? [] : this.#toolsOf(row, busy)));
  }

  updatePlainly({ message }) {
    this.#parts.showPlainly(plainTextOf(message));
    this.#shown = null;
    this.showProgress(null);
  }

  /** A part of the running answer grew. */
  grow(parts, position) {
    this.#parts.grow(parts, position, false);
  }

  /** Say how the running answer comes along; null for one that does not run. */
  showProgress(turn) {
    this.#status.hidden = turn === null;
    if (turn === null) return;
    this.#status.replaceChildren(el("span", { className: "dots" }), progressOf(turn));
  }

  #toolsOf(row, busy) {
    const { message } = row;
    const again = () => this.actions.regenerate(message.parentMessageId);
    return [
      ...siblingsOf(row, this.actions, busy),
      copyButton(message),
      iconButton("again", "Answer again", again, { disabled: busy }),
      ...endingOf(message),
      el("span", { className: "about" }, aboutOf(message)),
    ];
  }
}

/** What the reader of a running answer is told. */
export function progressOf({ stopping, connection, parts }) {
  if (connection === "reconnecting") return "Connection lost. Reconnecting…";
  if (stopping) return "Stopping…";
  return parts.some(Boolean) ? "Writing…" : "Waiting for the first word…";
}

function partsOf({ content, text }) {
  if (content?.length) return content;
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

const ENDINGS = {
  length: "reached its length limit",
  max_answer_bytes: "reached its size limit",
  content_filter: "cut by the content filter",
};

function endingOf({ unfinished, content, finish_reason: reason }) {
  const failed = content?.some((part) => part?.type === "error");
  const text = ENDINGS[reason] ?? (unfinished ? (failed ? "interrupted" : "stopped") : null);
  return text ? [el("span", { className: "ending" }, text)] : [];
}

function aboutOf({ model, sender, usage }) {
  const tokens = usage?.completionTokens ? `${usage.completionTokens.toLocaleString()} tokens` : "";
  return [model || sender, tokens].filter(Boolean).join(" · ");
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

function copyButton(message) {
  if (!navigator.clipboard) return null; // a page served without TLS from another machine
  const button = iconButton("copy", "Copy", async () => {
    await navigator.clipboard.writeText(textOfMessage(message));
    button.replaceChildren(icon("done"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1500);
  });
  return button;
}
