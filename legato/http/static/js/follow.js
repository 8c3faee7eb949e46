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
 * Follow until it is over.  `on.frame(payload)` gets every frame but the terminal one;
 * `on.connection("live" | "reconnecting")` says how it goes.
 *
 * Returns `{kind, ...}`: "ended" with `frame` or `error`; "gone" (nothing to follow: read the
 * stored messages); "login"; "refused" with `message`; "left" once `signal` is aborted.
 */
export async function follow(streamId, { on, signal, fetch = window.fetch.bind(window), ...times }) {
  const reader = { streamId, cursor: "", attempt: 0, on, signal, fetch, silence: SILENCE, ...times };
  for (;;) {
    const outcome = await followOnce(reader);
    if (signal.aborted) return { kind: "left" };
    if (outcome.kind !== "cut") return outcome;
    on.connection("reconnecting");
    await pause((outcome.retryAfter ?? 0) * 1000 + pauseBefore(reader.attempt++), signal);
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

function addressOf({ streamId, cursor }) {
  const query = cursor ? { after: cursor } : { resume: "true" };
  return `${streamPath(streamId)}?${new URLSearchParams(query)}`;
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
    for (const event of parser.push(value)) {
      const outcome = takeEvent(event, reader);
      if (outcome) return bytes.cancel().then(() => outcome, () => outcome);
    }
  }
}

function takeEvent({ event, data, id }, reader) {
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

/** Wait `duration` ms, less where the network comes back or the reader leaves. */
function pause(duration, signal) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const finish = () => (done.abort(), clearTimeout(timer), resolve());
    const timer = setTimeout(finish, duration);
    window.addEventListener("online", finish, { signal: done.signal });
    signal.addEventListener("abort", finish, { signal: done.signal });
    if (signal.aborted) finish();
  });
}
