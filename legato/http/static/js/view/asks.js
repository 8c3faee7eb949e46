/**
 * A card for each question of a running answer to the reader.  `actions`: answer(ask, said), which
 * resolves to what was wrong, or "".
 */
import { isGranted, messagesOf, outcomeOf, titleOf } from "../asks.js";
import { arrange, button, el, fill, icon, isComposing } from "./dom.js";
import { FormView } from "./form.js";
import { indented } from "./json.js";

export class AsksView {
  #cards = new Map(); // action id -> card
  element = el("div", { className: "asks" });

  constructor(actions) {
    this.actions = actions;
  }

  /** Show `asks` in their order; those that were answered say how. */
  show(asks) {
    const ids = new Set(asks.map(({ actionId }) => actionId));
    for (const id of [...this.#cards.keys()]) if (!ids.has(id)) this.#cards.delete(id);
    arrange(this.element, asks.map((ask) => this.#cardOf(ask).show(ask)));
  }

  #cardOf(ask) {
    const Card = CARDS[ask.payload.type] ?? ElicitationCard;
    if (!this.#cards.has(ask.actionId)) this.#cards.set(ask.actionId, new Card(ask, this.actions));
    return this.#cards.get(ask.actionId);
  }
}

/** The frame of a card: the question, `contents`, buttons or an open form, and what went wrong. */
class Card {
  #error = el("p", { className: "ask-error", role: "alert" });
  #place = el("div", { className: "ask-place" }); // of the buttons, or of a form in their place
  #isBusy = false;
  #isClosed = false;

  constructor(ask, actions, ...contents) {
    Object.assign(this, { ask, actions });
    this.title = titleOf(ask);
    this.element = el("div", { className: "ask", role: "group", aria: { label: this.title } },
      el("p", { className: "ask-title", dir: "auto" }, icon("ask"), el("strong", {}, this.title)),
      ...contents, this.#place, this.#error);
    this.showChoices();
  }

  show({ resolution }) {
    if (resolution && !this.#isClosed) this.#close(resolution);
    return this.element;
  }

  showChoices() {
    fill(this.#place, this.choices());
  }

  /** Show `form` in place of the buttons, with `name` to send what `read` gives, and a way back. */
  open(form, name, read, first) {
    const back = button("Back", () => this.leave());
    const submit = el("button", { type: "submit", className: "primary small" }, name);
    const whole = el("form", { className: "ask-form" }, form, el("div", { className: "editor-buttons" }, back, submit));
    whole.onsubmit = (event) => {
      event.preventDefault();
      this.send(read);
    };
    whole.onkeydown = (event) => {
      if (event.key !== "Escape" || isComposing(event)) return;
      event.preventDefault(); // this Escape is not a Stop
      this.leave();
    };
    fill(this.#place, [whole]);
    first?.focus();
  }

  leave() {
    this.#error.textContent = "";
    this.showChoices();
    this.#place.querySelector("button")?.focus();
  }

  /** Send what `read` gives; what is wrong with that is said in the card. */
  async send(read) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#error.textContent = "";
    this.#error.textContent = await this.#sent(read);
    this.#isBusy = false;
  }

  async #sent(read) {
    try {
      return await this.actions.answer(this.ask, read());
    } catch (error) {
      if (error instanceof SyntaxError) return `Not JSON: ${error.message}`;
      throw error;
    }
  }

  #close(resolution) {
    this.#isClosed = true;
    this.element.classList.add("closed");
    fill(this.element, [
      el("p", { className: "ask-title", dir: "auto" }, icon(isGranted(resolution) ? "done" : "close"), el("span", {}, this.title),
        el("strong", { className: "ask-outcome" }, outcomeOf(resolution))),
    ]);
  }
}

/** Leave for a tool: as asked, for all of the conversation, with other arguments, or not. */
class ApprovalCard extends Card {
  #arguments;

  constructor(ask, actions) {
    const [{ description, arguments: args }] = ask.payload.action_requests;
    const shown = el("pre", { tabIndex: 0, role: "region", aria: { label: "Arguments" } }, indented(args));
    super(ask, actions, description ? el("p", { className: "ask-about", dir: "auto" }, description) : null, shown);
    this.#arguments = shown;
  }

  choices() {
    const allowed = this.ask.payload.review_configs?.[0]?.allowed_decisions ?? [];
    const choices = [
      ["approve", "Allow", () => this.send(() => this.#decided({ decision: "approve" })), "primary small"],
      ["approve", "Always in this conversation", () => this.send(() => this.#decided({ decision: "approve", always: true }))],
      ["edit", "Edit", () => this.#edit()],
      ["reject", "Deny", () => this.#deny()],
    ];
    return choices.filter(([decision]) => allowed.includes(decision)).map(([, name, onclick, className]) =>
      button(name, onclick, className && { className }));
  }

  #decided(decision) {
    return { decisions: [{ tool_call_id: this.#request.tool_call_id, ...decision }] };
  }

  get #request() {
    return this.ask.payload.action_requests[0];
  }

  #edit() {
    const text = el("textarea", { value: indented(this.#request.arguments), rows: 5, spellcheck: false, aria: { label: "Arguments, as JSON" } });
    const read = () => this.#decided({ decision: "edit", editedArguments: objectOf(text.value) });
    this.open(text, "Allow with these", read, text);
    this.#arguments.hidden = true; // they stand in the field
  }

  leave() {
    this.#arguments.hidden = false;
    super.leave();
  }

  #deny() {
    const reason = el("input", { type: "text", maxLength: 4096, dir: "auto", aria: { label: "Reason" }, placeholder: "Why not? The model reads that." });
    this.open(reason, "Deny", () => this.#decided({ decision: "reject", reason: reason.value.trim() }), reason);
  }
}

/** A question of the model: one of its options, or free text. */
class QuestionCard extends Card {
  choices() {
    const { options = [], tool_call_id: call } = this.ask.payload;
    const text = el("textarea", { rows: 1, dir: "auto", required: true, aria: { label: `Answer to: ${this.title}` } });
    const form = el("form", { className: "ask-line" }, text, el("button", { type: "submit", className: "primary small" }, "Answer"));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.send(() => ({ answer: text.value }));
    };
    text.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      form.requestSubmit();
    };
    const dismiss = () => this.send(() => ({ decisions: [{ tool_call_id: call, decision: "reject" }] }));
    return [
      ...options.map((option) => button(option, () => this.send(() => ({ answer: option })))),
      button("No answer", dismiss),
      form,
    ];
  }
}

/** A call of a tool that another client runs: its arguments, and a way to go on without it. */
class ClientToolCard extends Card {
  constructor(ask, actions) {
    super(ask, actions, el("pre", { tabIndex: 0, role: "region", aria: { label: "Arguments" } }, indented(ask.payload.arguments)));
  }

  choices() {
    const { tool_call_id: call } = this.ask.payload;
    const skip = () => this.send(() => ({ decisions: [{ tool_call_id: call, decision: "reject" }] }));
    return [button("Go on without it", skip)];
  }
}

/** Input for a tool: a form made of the schema of what is asked for. */
class ElicitationCard extends Card {
  constructor(ask, actions) {
    const [, ...more] = messagesOf(ask.payload);
    super(ask, actions, ...more.map((message) => el("p", { className: "ask-about", dir: "auto" }, message)), ...linksOf(ask.payload));
  }

  choices() {
    const { responseSchema, tool_call_id: call } = this.ask.payload;
    const fields = new FormView(responseSchema);
    const send = el("button", { type: "submit", className: "primary small" }, "Send");
    const refuse = button("Refuse", () =>
      this.send(() => ({ decisions: [{ tool_call_id: call, decision: "reject" }] })));
    const form = el("form", { className: "ask-form" }, fields.element, el("div", { className: "editor-buttons" }, refuse, send));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.send(() => ({ answer: fields.value }));
    };
    return [form];
  }
}

const CARDS = { tool_approval: ApprovalCard, ask_user_question: QuestionCard, elicitation: ElicitationCard, client_tool: ClientToolCard };

/** Addresses that a tool asks to visit: shown whole, since a name may say something else. */
function linksOf({ requests = {} }) {
  const addresses = Object.values(requests).map((request) => request?.params?.url);
  return addresses.filter((url) => /^https?:/.test(url ?? "")).map((url) =>
    el("p", { className: "ask-about" }, el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url)));
}

function objectOf(text) {
  const value = JSON.parse(text);
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new SyntaxError("arguments are an object, such as {}.");
  return value;
}
