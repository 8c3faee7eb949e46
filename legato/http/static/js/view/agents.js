/** The editor of agents: a list of one's own, and a form for one. */
import { bodyOf, toolsOf } from "../agent_fields.js";
import * as api from "../api.js";
import { inTurn } from "../in_turn.js";
import { button, el, fill } from "./dom.js";

const TEXTS = ["name", "description", "model", "instructions"];
const EMPTY = { id: null, tools: [], approval: {} };

export class AgentsView {
  #agent = EMPTY; // what is being edited
  #offered = { models: [], default: "", tools: [] };

  /** `changed(id)` is told of the agent that was saved, or of null; `confirm` and `failed` as elsewhere. */
  constructor($, { confirm, failed, changed }) {
    Object.assign(this, { dialog: $("agents-dialog"), confirm, failed, changed });
    const find = (selector) => this.dialog.querySelector(selector);
    Object.assign(this, { list: find("ul"), form: find("form"), tools: find(".tools-of"), wrong: find(".ask-error") });
    Object.assign(this, { overview: find(".overview"), removing: find(".danger") });
    $("open-agents").onclick = () => this.#open();
    find("[value=new]").onclick = () => this.#edit(null);
    find("[value=close]").onclick = () => this.dialog.close();
    find("[value=back]").onclick = () => this.#overview();
    this.removing.onclick = () => this.#remove();
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.#attempt(() => this.#save());
    };
  }

  #open() {
    this.dialog.showModal();
    this.#overview();
  }

  #overview() {
    this.#turn(false);
    this.#attempt(() => this.#list());
  }

  #list = inTurn(async () => {
    const { data } = await api.agents();
    const own = data.filter(({ author }) => author !== undefined); // told to the author alone
    const items = own.map(({ id, name, description }) => el("li", { data: { id } },
      el("div", {}, el("strong", { dir: "auto" }, name || id), el("span", { className: "field-about" }, description)),
      button("Edit", () => this.#edit(id), { ariaLabel: `Edit ${name || id}` })));
    fill(this.list, items.length > 0 ? items : [el("li", {}, "You have no agents.")]);
  });

  /** Open the form for an agent, or with null for a new one. */
  #edit(id) {
    this.#attempt(() => this.#openForm(id));
  }

  #openForm = inTurn(async (id) => {
    const agent = id === null ? EMPTY : await api.agent(id);
    const [{ models, default: preferred }, tools] = await Promise.all([api.models(), api.tools()]);
    this.#agent = agent;
    const { elements } = this.form;
    const names = new Set([...models.map(({ name }) => name), ...(agent.model ? [agent.model] : [])]);
    elements.model.replaceChildren(...[...names].map((name) => el("option", { value: name }, name)));
    for (const name of TEXTS) elements[name].value = agent[name] ?? (name === "model" ? preferred : "");
    fill(this.tools, toolsOf(agent, tools).map(rowOf));
    this.tools.closest("fieldset").hidden = this.tools.children.length === 0;
    this.removing.hidden = agent.id === null;
    this.#turn(true);
    elements.name.focus();
  });

  async #save() {
    const { elements } = this.form;
    const tools = [...this.tools.children].map((row) => ({
      name: row.dataset.tool,
      isTicked: row.querySelector("[name=has]").checked,
      asks: row.querySelector("[name=asks]").checked,
    }));
    const texts = Object.fromEntries(TEXTS.map((name) => [name, elements[name].value]));
    const { id } = await api.saveAgent(this.#agent.id, bodyOf(this.#agent, { ...texts, tools }));
    this.changed(id);
    this.dialog.close();
  }

  async #remove() {
    const { id, name } = this.#agent;
    if (!(await this.confirm(`Delete “${name || id}”? Its answers stay.`))) return;
    await this.#attempt(async () => {
      await api.removeAgent(id);
      this.changed(null);
      this.#overview();
    });
  }

  #turn(isEditing) {
    this.wrong.textContent = "";
    this.form.hidden = !isEditing;
    this.overview.hidden = isEditing;
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

function rowOf({ name, description, isTicked, asks }) {
  const has = el("input", { type: "checkbox", name: "has", checked: isTicked });
  const asking = el("input", { type: "checkbox", name: "asks", checked: asks, disabled: !isTicked });
  has.onchange = () => (asking.disabled = !has.checked);
  return el("div", { data: { tool: name }, className: "tool-row" },
    el("label", { className: "check" }, has, el("code", {}, name)),
    el("span", { className: "field-about" }, description),
    el("label", { className: "check" }, asking, "asks before each call"));
}
