/** What was typed and not yet sent, by conversation: kept across reloads, for the newest 50. */
import { Notes } from "./notes.js";

const NEW = "new"; // stands for a conversation without an id

export class Drafts {
  #notes = new Notes("drafts", 50);

  get(id) {
    return this.#notes.get(id ?? NEW) ?? "";
  }

  set(id, text) {
    this.#notes.set(id ?? NEW, text || undefined);
  }
}
