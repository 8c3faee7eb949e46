/** Small facts that outlive a page: kept in the browser, the newest of each kind, by id. */
const PREFIX = "legato.";

/** Log-out leaves nothing of a person's words behind. */
export function forgetAll() {
  for (const store of [localStorage, sessionStorage]) {
    for (const key of Object.keys(store)) if (key.startsWith(PREFIX) && key !== `${PREFIX}theme`) store.removeItem(key);
  }
}

/** At most `most` facts; `store` is localStorage (all tabs) or sessionStorage (this tab). */
export class Notes {
  #text = null; // as the browser keeps them, and as a map: read anew only after a change
  #facts = new Map();

  constructor(name, most, store = localStorage) {
    Object.assign(this, { key: PREFIX + name, most, store });
  }

  get(id) {
    return this.#read().get(id);
  }

  /** The ids of all facts, the newest last. */
  get ids() {
    return [...this.#read().keys()];
  }

  /** Undefined forgets. */
  set(id, fact) {
    const facts = new Map(this.#read());
    facts.delete(id);
    if (fact !== undefined) facts.set(id, fact); // the newest is the last
    try {
      this.store.setItem(this.key, JSON.stringify([...facts].slice(-this.most)));
    } catch (error) {
      console.warn("the browser keeps no more notes", error); // full, or forbidden: nothing depends on it
    }
  }

  #read() {
    const text = this.store.getItem(this.key);
    if (text === this.#text) return this.#facts;
    this.#text = text;
    try {
      this.#facts = new Map(JSON.parse(text) ?? []);
    } catch {
      this.#facts = new Map(); // of another version, or changed by hand
    }
    return this.#facts;
  }
}
