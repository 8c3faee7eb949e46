/**
 * Instructions and parameters for the model: of each conversation, and of new conversations.
 *
 * This browser keeps them.  A conversation without any of its own has those of new conversations, and
 * keeps what it began with.
 */
import { AGENT } from "./api.js";
import { Notes } from "./notes.js";

const NEW = "new"; // stands for all new conversations, and …
const UNSENT = "unsent"; // … for the one that is about to begin
const NUMBERS = ["temperature", "top_p", "max_tokens"];

export class Parameters {
  #notes = new Notes("parameters", 200);

  /** `{promptPrefix, temperature, top_p, max_tokens, reasoning_effort}`, each a text, or left out. */
  of(id) {
    return this.#notes.get(id ?? UNSENT) ?? this.#notes.get(NEW) ?? {};
  }

  set(id, settings) {
    this.#notes.set(id ?? UNSENT, settings);
  }

  setForNew(settings) {
    this.#notes.set(NEW, settings);
  }

  /** A new conversation has an id from now on. */
  begun(id) {
    this.#notes.set(id, this.of(null));
    this.#notes.set(UNSENT, undefined);
  }

  /** The fields of a start; `chosen` is a model, or an agent, which has its own parameters. */
  fieldsOf(id, chosen, efforts) {
    if (chosen?.startsWith(AGENT)) return {};
    const { promptPrefix, reasoning_effort: effort, ...numbers } = this.of(id);
    const given = NUMBERS.filter((name) => numbers[name]).map((name) => [name, Number(numbers[name])]);
    if (efforts.includes(effort)) given.push(["reasoning_effort", effort]);
    return {
      ...(promptPrefix?.trim() && { promptPrefix }),
      ...(given.length > 0 && { model_parameters: Object.fromEntries(given) }),
    };
  }
}
