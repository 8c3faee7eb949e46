/**
 * One view for each kind of content part.  `update(part, {complete, last, waits})` shows its state;
 * `waits`: something is asked about the part.
 */
import { GrowingMarkdown } from "../growing.js";
import { ReadingAlong } from "./scrolling.js";
import { el, fill, icon } from "./dom.js";
import { indented } from "./json.js";

class TextView {
  element = el("div", { className: "part text markdown" });
  #markdown = new GrowingMarkdown(this.element);

  update({ text }, { complete, last }) {
    this.#markdown.update(text, complete, last && !complete);
  }
}

/** Reasoning: open while it is what grows, closed once the answer begins; a click decides for good. */
class ThinkView {
  #label = el("span");
  #text = document.createTextNode("");
  #decided = false;
  #reading;

  constructor() {
    const summary = el("summary", { onclick: () => (this.#decided = true) }, icon("chevron"), this.#label);
    const box = el("div", { className: "thoughts", tabIndex: 0, dir: "auto", role: "region", aria: { label: "Reasoning" } }, this.#text);
    this.#reading = new ReadingAlong(box);
    this.element = el("details", { className: "part think" }, summary, box);
  }

  update({ think }, { complete, last }) {
    const grows = last && !complete;
    this.#label.textContent = grows ? "Reasoning…" : "Reasoning";
    if (think.startsWith(this.#text.data)) this.#text.appendData(think.slice(this.#text.length));
    else this.#text.data = think;
    if (!this.#decided) this.element.open = grows;
    if (grows) this.#reading.stay();
  }
}

class ToolCallView {
  #name = el("code");
  #state = el("span", { className: "tool-state" });
  #args = el("pre");
  #output = el("pre", { className: "tool-output", hidden: true });

  constructor() {
    const summary = el("summary", {}, icon("chevron"), icon("tool"), this.#name, this.#state);
    this.element = el("details", { className: "part tool" }, summary, this.#args, this.#output);
  }

  update({ tool_call: { name, args, output } }, { complete, waits }) {
    this.#name.textContent = name || "tool";
    this.#state.textContent = output !== undefined ? "" : complete ? "no result" : waits ? "waits for you" : "calling…";
    this.#args.textContent = indented(args);
    this.#output.hidden = output === undefined;
    this.#output.textContent = output ?? "";
  }
}

/** Another agent goes on from here. */
class AgentUpdateView {
  #name = el("span");
  element = el("div", { className: "part agent-update" }, icon("chevron"), this.#name);

  update({ agent_update }) {
    this.#name.textContent = agent_update.agentId;
  }
}

/** The user's words while the answer was written, where the model read them. */
class SteerView {
  #text = el("div", { className: "bubble", dir: "auto" });
  element = el("div", { className: "part steer", role: "group", aria: { label: "You, meanwhile" } }, this.#text);

  update({ steer }) {
    this.#text.textContent = steer;
  }
}

class ErrorView {
  #text = el("p");
  element = el("div", { className: "part notice" }, icon("alert"), this.#text);

  update({ error }) {
    this.#text.textContent = error;
  }
}

/** A kind that a later version of the server may send. */
class OtherView {
  element = el("pre", { className: "part other" });

  update(part) {
    this.element.textContent = JSON.stringify(part, null, 2);
  }
}

const VIEWS = {
  text: TextView,
  think: ThinkView,
  tool_call: ToolCallView,
  agent_update: AgentUpdateView,
  steer: SteerView,
  error: ErrorView,
};

/** The parts of one answer, in order; only those that changed are touched. */
export class PartsView {
  element = el("div", { className: "parts" });
  #waiting = new Set();
  #views = []; // by position: {type, part, view}

  /** Show all `parts`; holes take no room.  `waiting`: the positions about which something is asked. */
  update(parts, complete, waiting = this.#waiting) {
    this.#waiting = waiting;
    this.#views.length = Math.min(this.#views.length, parts.length);
    parts.forEach((part, position) => part && this.#show(parts, position, complete));
    const shown = new Set(this.#views.map((each) => each?.view.element));
    for (const child of [...this.element.children]) if (!shown.has(child)) child.remove();
  }

  /** Show `text` in place of all parts. */
  showPlainly(text) {
    this.#views = [];
    fill(this.element, [el("pre", { className: "part other" }, text)]);
  }

  /** Show the part at `position`, which grew or is new. */
  grow(parts, position, complete) {
    if (this.#views[position]?.type === parts[position].type) this.#show(parts, position, complete);
    else this.update(parts, complete); // a new part tells those before it that they are done
  }

  #show(parts, position, complete) {
    const part = parts[position];
    const last = parts.findLastIndex(Boolean) === position;
    this.#viewOf(part.type, position).update(part, { complete, last, waits: this.#waiting.has(position) });
  }

  #viewOf(type, position) {
    const known = this.#views[position];
    if (known?.type === type) return known.view;
    known?.view.element.remove();
    const view = new (VIEWS[type] ?? OtherView)();
    this.#views[position] = { type, view };
    const next = this.#views.slice(position + 1).find(Boolean);
    this.element.insertBefore(view.element, next?.view.element ?? null);
    return view;
  }
}
