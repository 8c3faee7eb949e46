/** The thread: one view for each visible message, kept by id, painted at most once per frame. */
import { arrange, el, icon, paced } from "./dom.js";
import { AnswerView, QuestionView } from "./message.js";

const NEAR = 80; // px from the end that still count as reading along

export class ThreadView {
  #views = new Map(); // message id -> view
  #conversation = null;
  #grown = new Set(); // positions of parts to paint
  #all = false; // everything is to be painted
  #follows = true; // the reader reads along at the end
  #ask = paced(() => this.#paint());

  /** `scroller` scrolls, `list` holds the messages, `latest` is the button back to the end. */
  constructor({ scroller, list, latest }, actions) {
    Object.assign(this, { scroller, list, latest, actions });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    latest.onclick = () => this.toEnd();
    new ResizeObserver(() => this.#stay()).observe(list);
  }

  /** Show another conversation, at its end. */
  open(conversation) {
    this.#conversation = conversation;
    this.#views.clear();
    this.#grown.clear();
    this.list.replaceChildren();
    this.#follows = true;
    this.changed();
  }

  /** Something changed that is more than a part that grew. */
  changed() {
    this.#all = true;
    this.#ask();
  }

  grew(position) {
    this.#grown.add(position);
    this.#ask();
  }

  toEnd() {
    this.#follows = true;
    this.#stay();
  }

  #paint() {
    if (this.#all) this.#paintAll();
    else this.#paintGrown();
    this.#all = false;
    this.#grown.clear();
    this.#stay();
  }

  #paintAll() {
    const { rows, turn, running: busy } = this.#conversation;
    const views = rows.map((row) => this.#viewOf(row));
    rows.forEach((row, index) => show(views[index], row, { busy, turn }));
    arrange(this.list, [...views.map(({ element }) => element), ...this.#notices(rows)]);
    const ids = new Set(rows.map(({ message }) => message.messageId));
    for (const id of [...this.#views.keys()]) if (!ids.has(id)) this.#views.delete(id);
  }

  #paintGrown() {
    const { turn } = this.#conversation;
    const view = turn && this.#views.get(turn.responseMessageId);
    if (!view?.grow) return;
    if (this.#grown.size === 0) return;
    for (const position of this.#grown) view.grow(turn.parts, position);
    view.showProgress(turn);
  }

  #viewOf({ message }) {
    const View = message.isCreatedByUser ? QuestionView : AnswerView;
    if (!this.#views.has(message.messageId)) this.#views.set(message.messageId, new View(this.actions));
    return this.#views.get(message.messageId);
  }

  #notices(rows) {
    const { notice, missing, running } = this.#conversation;
    const last = rows.at(-1)?.message;
    const notices = [];
    if (missing) notices.push(noticeOf("This conversation does not exist, or is no longer there."));
    if (notice) notices.push(noticeOf(notice));
    if (!running && last?.isCreatedByUser) notices.push(this.#unanswered(last));
    return notices;
  }

  #unanswered({ messageId }) {
    const again = el("button", { type: "button", className: "quiet" }, "Ask again");
    again.onclick = () => this.actions.regenerate(messageId);
    return el("div", { className: "unanswered" }, el("span", {}, "No answer was written."), again);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR;
    this.latest.hidden = this.#follows;
  }

  #stay() {
    if (this.#follows && this.list.firstChild) this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

/** Show a row; a message that cannot be shown as it should be takes no other message with it. */
function show(view, row, state) {
  try {
    view.update(row, state);
  } catch (error) {
    console.warn("a message could not be shown, and is shown as text", error);
    view.updatePlainly(row);
  }
}

function noticeOf(text) {
  const notice = el("div", { className: "notice", role: "alert" }, icon("alert"), el("p", {}, text));
  return notice;
}
