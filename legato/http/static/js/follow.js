/**
 * Follow one conversation's stream to its terminal frame, however often the connection is lost.
 *
 * The cursor (the `id:` of the last frame taken) goes back to the server on every reconnect, which
 * answers with exactly what was missed.  A body that ends without a terminal frame was cut, however
 * clean the end looks.
 */
import { streamPath } from "./api.js";
import { FrameError, pauseBefore, reconnecting } from "./reconnect.js";

export { pauseBefore };

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
export function follow(streamId, { on, beginning = false, ...options }) {
  const addressOf = (cursor) => addressIn(streamPath(streamId), cursor, beginning);
  return reconnecting({ addressOf, take: (event) => takeEvent(event, on), on, ...options });
}

function addressIn(path, cursor, beginning) {
  if (cursor) return `${path}?${new URLSearchParams({ after: cursor })}`;
  return beginning ? path : `${path}?resume=true`;
}

function takeEvent({ event, data, id }, on) {
  if (id) on.seen?.(id);
  on.event?.({ event, data, id });
  if (event !== "message" && event !== "error") return null; // a later version's
  const payload = JSON.parse(data);
  if (event === "error") return { kind: "ended", error: String(payload.error) };
  if (payload.final) return { kind: "ended", frame: payload };
  try {
    on.frame(payload);
  } catch (cause) {
    throw new FrameError("a frame could not be taken", { cause });
  }
  return null;
}
