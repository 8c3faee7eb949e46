/** The thread: one view for each visible message, kept by id, painted at most once per frame. */
import { arrange, el, icon, paced } from "./dom.js";
import { AnswerView, QuestionView } from "./message.js";
import { ReadingAlong } from "./scrolling.js";

const FIRST = 6; // messages of a conversation that is opened are shown at once: those on the screen; ...
const MORE = 4; // ... and as many above these with each frame after
const SHOWN = 2_500; // ms in which a message that was looked for stands out
const TICK = 500; // ms after which the status line of a running answer is told anew

export class ThreadView {
  #views = new Map(); // message id -> view
  #conversation = null;
  #grown = new Set(); // positions of parts to paint
  #all = false; // everything is to be painted
  #isPartly = false; // the oldest messages are still to be shown
  #older = el("button", { type: "button", className: "quiet older" }, "Earlier messages");
  #ask = paced(() => this.#paint());

  /** `scroller` scrolls, `list` holds the messages, `latest` is the button back to the end. */
  constructor({ scroller, list, latest }, actions) {
    Object.assign(this, { scroller, list, latest, actions });
    this.reading = new ReadingAlong(scroller, () => (latest.hidden = this.reading.isOn));
    latest.onclick = () => this.toEnd();
    const resized = new ResizeObserver(() => this.reading.stay());
    for (const element of [list, scroller]) resized.observe(element);
    this.#older.onclick = () => actions.older();
    const near = { root: scroller, rootMargin: "600px 0px 0px 0px" };
    new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && actions.older(), near).observe(this.#older);
    setInterval(() => this.#tick(), TICK);
  }

  /** Show another conversation, at its end. */
  open(conversation) {
    this.#conversation = conversation;
    this.#views.clear();
    this.#grown.clear();
    this.list.replaceChildren();
    this.reading.toEnd();
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
    this.reading.toEnd();
  }

  /** Bring a message to the top, and say for a moment which it is. */
  toMessage(id) {
    do this.#paintAll();
    while (this.#isPartly && !this.#views.has(id));
    const element = this.#views.get(id)?.element;
    if (!element) return;
    this.reading.leave();
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "start" });
    element.classList.add("found");
    setTimeout(() => element.classList.remove("found"), SHOWN);
  }

  #paint() {
    const [isAll, grown] = [this.#all, [...this.#grown]];
    this.#all = false;
    this.#grown.clear();
    if (isAll) this.#paintAll();
    else this.#paintGrown(grown);
    this.reading.stay();
  }

  /** Time goes by also where nothing comes. */
  #tick() {
    const turn = this.#conversation?.turn;
    if (turn && !document.hidden) this.#views.get(turn.responseMessageId)?.showProgress?.(turn);
  }

  #paintAll() {
    const { rows: all, turn, running: busy, endings } = this.#conversation;
    const rows = all.slice(this.#firstOf(all));
    this.#isPartly = rows.length < all.length;
    const views = rows.map((row) => this.#viewOf(row));
    rows.forEach((row, index) => show(views[index], row, { busy, turn, seen: endings.of(row.message.messageId) }));
    const older = this.#conversation.hasOlder && !this.#isPartly ? [this.#older] : [];
    this.#keepPlace(() =>
      arrange(this.list, [...older, ...views.map(({ element }) => element), ...this.#notices(rows)]));
    const ids = new Set(rows.map(({ message }) => message.messageId));
    for (const id of [...this.#views.keys()]) if (!ids.has(id)) this.#views.delete(id);
    if (this.#isPartly) this.changed();
  }

  /** The place of the first row to show by now: many rows at the top that nobody saw yet come in their turn. */
  #firstOf(rows) {
    if (this.#views.size === 0) return Math.max(0, rows.length - FIRST);
    const known = rows.findIndex(({ message }) => this.#views.has(message.messageId));
    return Math.max(0, known - MORE);
  }

  /** Change what may stand above what is being read, which stays where it is. */
  #keepPlace(change) {
    const first = [...this.list.children].find((each) => each.dataset.id && each.getBoundingClientRect().bottom > 0);
    const before = first?.getBoundingClientRect().top;
    change();
    if (first?.isConnected) this.scroller.scrollTop += first.getBoundingClientRect().top - before;
  }

  #paintGrown(grown) {
    const { turn } = this.#conversation;
    const view = turn && this.#views.get(turn.responseMessageId);
    if (!view?.grow) return;
    if (grown.length === 0) return;
    for (const position of grown) view.grow(turn.parts, position);
    view.showProgress(turn);
  }

  #viewOf({ message }) {
    const View = message.isCreatedByUser ? QuestionView : AnswerView;
    if (!this.#views.has(message.messageId)) this.#views.set(message.messageId, new View(this.actions));
    return this.#views.get(message.messageId);
  }

  #notices(rows) {
    const { notice, missing, running, turn } = this.#conversation;
    const last = rows.at(-1)?.message;
    const notices = [];
    if (missing) notices.push(noticeOf("This conversation does not exist, or is no longer there."));
    if (notice) notices.push(noticeOf(notice));
    if (turn?.dropped) notices.push(droppedOf(turn.dropped));
    if (!running && last?.isCreatedByUser) notices.push(this.#unanswered(last));
    return notices;
  }

  #unanswered({ messageId }) {
    const again = el("button", { type: "button", className: "quiet" }, "Ask again");
    again.onclick = () => this.actions.regenerate(messageId);
    return el("div", { className: "unanswered" }, el("span", {}, "No answer was written."), again);
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

function droppedOf(count) {
  const messages = count === 1 ? "The oldest message" : `The oldest ${count.toLocaleString()} messages`;
  return el("p", { className: "dropped" }, `${messages} did not fit what the model can read, and were left out.`);
}
