/**
 * Server-sent events, parsed incrementally.  Pure: bytes in, events out.
 *
 * Lines end in LF, CR or CRLF; a read may end anywhere, inside a CRLF or a character included.
 * An event is `{event, data, id}`; `id` is the last one seen, as the standard has it.
 */
export class EventStreamParser {
  #decoder = new TextDecoder();
  #line = ""; // what has come of a line whose end has not
  #afterCR = false; // the last character was CR: an LF now would be the rest of a CRLF
  #event = "";
  #data = [];
  #id = "";
  lastId = ""; // of the last event, or of an `id:` that stood alone

  /** Take one read's bytes; return the events that are complete with them. */
  push(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    const fresh = this.#afterCR && text.startsWith("\n") ? text.slice(1) : text;
    this.#afterCR = fresh.endsWith("\r");
    const lines = fresh.split(/\r\n|\r|\n/);
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop();
    return lines.flatMap((line) => this.#takeLine(line));
  }

  #takeLine(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return []; // a comment: the heartbeat
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    this.#takeField(name, value);
    return [];
  }

  #takeField(name, value) {
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }

  #dispatch() {
    const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    const complete = this.#data.length > 0;
    this.lastId = this.#id;
    this.#event = "";
    this.#data = [];
    return complete ? [event] : [];
  }
}
