/**
 * Read a stream of server-sent events, however often the connection is lost.
 *
 * The cursor (the `id:` of the last event taken) goes back to the server on every reconnect, which
 * answers with exactly what was missed.
 */
import { errorOf } from "./api.js";
import { EventStreamParser } from "./sse.js";

const SILENCE = 45_000; // ms without a byte: the server's heartbeat comes every 15 s
const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 30_000; // ms

/** How long to wait before try `attempt` (from 0): exponential backoff with full jitter, in ms. */
export function pauseBefore(attempt, random = Math.random) {
  return random() * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt);
}

/**
 * Read until there is an outcome, as `{kind, ...}`: what `take(event)` returns unless null; "gone"
 * (404 or 204); "login"; "refused" with `message`; "left" once `signal` is aborted.
 *
 * `addressOf(cursor)` is asked before each connection.  `on.connection` and `on.brought`: see
 * follow.js; `on.read(cursor)` is told after each read up to where everything was taken.
 */
export async function reconnecting({ addressOf, take, on, signal, ...options }) {
  const fetch = window.fetch.bind(window);
  const reader = { cursor: "", attempt: 0, fetch, silence: SILENCE, pauseBefore, addressOf, take, on, signal, ...options };
  for (;;) {
    reader.isBack = reader.cursor !== "";
    const outcome = await readOnce(reader);
    if (signal.aborted) return { kind: "left" };
    if (outcome.kind !== "cut") return outcome;
    await pause((outcome.retryAfter ?? 0) * 1000 + reader.pauseBefore(reader.attempt++), signal, (retry) =>
      on.connection("reconnecting", retry));
    if (signal.aborted) return { kind: "left" };
  }
}

/** One connection, from request to outcome, refusal or cut. */
async function readOnce(reader) {
  const watchdog = new Watchdog(reader.silence);
  try {
    const signal = AbortSignal.any([reader.signal, watchdog.signal]);
    const response = await reader.fetch(reader.addressOf(reader.cursor), { signal, cache: "no-store" });
    if (!response.ok) return await refusal(response);
    if (response.status === 204) return { kind: "gone" }; // the cursor is the ending's own
    reader.on.connection("live");
    return await readBody(response.body, reader, watchdog);
  } catch (error) {
    if (error instanceof FrameError) throw error.cause;
    return { kind: "cut" }; // the network, the watchdog, or whoever left
  } finally {
    watchdog.stop();
  }
}

async function refusal(response) {
  if (response.status === 404) return { kind: "gone" };
  if (response.status === 401) return { kind: "login" };
  const { status, message, retryAfter } = await errorOf(response);
  if (status >= 500 || status === 429) return { kind: "cut", retryAfter };
  return { kind: "refused", message };
}

async function readBody(body, reader, watchdog) {
  const parser = new EventStreamParser();
  const bytes = body.getReader();
  for (;;) {
    const { value, done } = await bytes.read();
    if (done) return { kind: "cut" };
    watchdog.feed();
    const events = parser.push(value);
    if (reader.isBack && events.length > 0) tellBrought(events.length, reader);
    for (const event of events) {
      const outcome = takeEvent(event, reader);
      if (outcome) return bytes.cancel().then(() => outcome, () => outcome);
    }
    if (parser.lastId) reader.cursor = parser.lastId; // a heartbeat may bring a newer one
    reader.on.read?.(reader.cursor);
  }
}

function tellBrought(count, reader) {
  reader.isBack = false;
  reader.on.brought?.(count);
}

function takeEvent(event, reader) {
  const outcome = reader.take(event);
  if (outcome) return outcome;
  if (event.id) reader.cursor = event.id;
  reader.attempt = 0; // an event, not a mere connection, shows that it works again
  return null;
}

/** Has as its `cause` what went wrong where an event was taken: our bug, not the network's. */
export class FrameError extends Error {}

/** Aborts its signal after `limit` ms without food. */
class Watchdog {
  #controller = new AbortController();
  #timer;

  constructor(limit) {
    this.limit = limit;
    this.feed();
  }

  get signal() {
    return this.#controller.signal;
  }

  feed() {
    this.stop();
    this.#timer = setTimeout(() => this.#controller.abort(), this.limit);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** Wait `duration` ms, less where the network comes back, the reader leaves, or somebody calls
    `now` of what `told` is told. */
function pause(duration, signal, told) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const finish = () => (done.abort(), clearTimeout(timer), resolve());
    const timer = setTimeout(finish, duration);
    window.addEventListener("online", finish, { signal: done.signal });
    signal.addEventListener("abort", finish, { signal: done.signal });
    told({ until: performance.now() + duration, now: finish });
    if (signal.aborted) finish();
  });
}
