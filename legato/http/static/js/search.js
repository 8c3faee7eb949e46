/** A search as it is written: asked after a pause, and what came too late is dropped. */
import * as api from "./api.js";
import { inTurn } from "./in_turn.js";

const PAUSE = 200; // ms after the last key

export class Search {
  #words = "";
  #timer;
  #asking = new AbortController();

  /** `listener`: `found({words, titles, messages, hasMore})`, `cleared()`, `failed(error)`. */
  constructor(listener) {
    this.listener = listener;
  }

  /** Look for `words`; without words there is no search. */
  look(words) {
    if (words.trim() === this.#words) return;
    this.#words = words.trim();
    this.#asking.abort();
    clearTimeout(this.#timer);
    if (this.#words === "") this.listener.cleared();
    else this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  async #ask() {
    this.#asking = new AbortController();
    const [words, { signal }] = [this.#words, this.#asking];
    try {
      const [{ conversations }, page] = await Promise.all([api.titled(words, signal), api.found(words, null, signal)]);
      this.#found = { words, titles: conversations, messages: [], hasMore: false };
      this.#add(page);
    } catch (error) {
      if (!signal.aborted) this.listener.failed(error);
    }
  }

  /** Read the page after. */
  more = inTurn(async () => {
    const { signal } = this.#asking;
    if (this.#cursor === null || signal.aborted) return;
    try {
      this.#add(await api.found(this.#found.words, this.#cursor, signal));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });

  #found;
  #cursor = null;

  #add({ messages, nextCursor }) {
    this.#cursor = nextCursor ?? null;
    this.#found = { ...this.#found, messages: [...this.#found.messages, ...messages], hasMore: this.#cursor !== null };
    this.listener.found(this.#found);
  }
}

/** `text` in pieces like those of an excerpt: the beginnings of words that are in `words` are marked. */
export function piecesOf(text, words) {
  const wanted = words.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (wanted.length === 0) return [{ text }];
  const longest = [...wanted].sort((a, b) => b.length - a.length).join("|");
  const parts = text.split(new RegExp(`((?<![a-z0-9])(?:${longest}))`, "giu"));
  return parts.map((part, place) => ({ text: part, marked: place % 2 === 1 })).filter((piece) => piece.text);
}
