/**
 * Follow one conversation's stream to its terminal frame, however often the connection is lost.
 *
 * The cursor (the `id:` of the last frame taken) goes back to the server on every reconnect, which
 * answers with exactly what was missed.  A body that ends without a terminal frame was cut, however
 * clean the end looks.
 */
import { errorOf, streamPath } from "./api.js";
import { EventStreamParser } from "./sse.js";

const SILENCE = 45_000; // ms without a byte: the server's heartbeat comes every 15 s
const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 30_000; // ms

/** How long to wait before try `attempt` (from 0): exponential backoff with full jitter, in ms. */
export function pauseBefore(attempt, random = Math.random) {
  return random() * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt);
}

/**
 * Follow until it is over, from `cursor` on; where that is "", from a snapshot, or all from the
 * `beginning`.
 *
 * `on.frame(payload)` gets every frame but the terminal one, `on.seen(cursor)` the cursor of every
 * event.  `on.connection("live" | "reconnecting", retry)` says how it goes: the next try is at
 * `retry.until` (of `performance.now()`), or when `retry.now()` is called.  `on.brought(count)` is
 * told after a reconnect how many events the first read brought, `on.event(event)` every event as
 * it came, the last one included.  `pauseBefore(attempt)`: how long to wait after a cut, in ms.
 *
 * Returns `{kind, ...}`: "ended" with `frame` or `error`; "gone" (nothing to follow: read the
 * stored messages); "login"; "refused" with `message`; "left" once `signal` is aborted.
 */
export async function follow(streamId, { on, signal, fetch = window.fetch.bind(window), ...options }) {
  const reader = { streamId, cursor: "", beginning: false, attempt: 0, on, signal, fetch, silence: SILENCE, pauseBefore, ...options };
  for (;;) {
    reader.isBack = reader.cursor !== "";
    const outcome = await followOnce(reader);
    if (signal.aborted) return { kind: "left" };
    if (outcome.kind !== "cut") return outcome;
    await pause((outcome.retryAfter ?? 0) * 1000 + reader.pauseBefore(reader.attempt++), signal, (retry) =>
      on.connection("reconnecting", retry));
    if (signal.aborted) return { kind: "left" };
  }
}

/** One connection, from request to terminal frame, refusal or cut. */
async function followOnce(reader) {
  const watchdog = new Watchdog(reader.silence);
  try {
    const signal = AbortSignal.any([reader.signal, watchdog.signal]);
    const response = await reader.fetch(addressOf(reader), { signal, cache: "no-store" });
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

function addressOf({ streamId, cursor, beginning }) {
  const address = streamPath(streamId);
  if (cursor) return `${address}?${new URLSearchParams({ after: cursor })}`;
  return beginning ? address : `${address}?resume=true`;
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
  }
}

function tellBrought(count, reader) {
  reader.isBack = false;
  reader.on.brought?.(count);
}

function takeEvent({ event, data, id }, reader) {
  if (id) reader.on.seen?.(id);
  reader.on.event?.({ event, data, id });
  if (event !== "message" && event !== "error") return null; // a later version's
  const payload = JSON.parse(data);
  if (event === "error") return { kind: "ended", error: String(payload.error) };
  if (payload.final) return { kind: "ended", frame: payload };
  try {
    reader.on.frame(payload);
  } catch (cause) {
    throw new FrameError("a frame could not be taken", { cause }); // our bug, not the network's
  }
  if (id) reader.cursor = id;
  reader.attempt = 0; // a frame, not a mere connection, shows that it works again
  return null;
}

class FrameError extends Error {}

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
