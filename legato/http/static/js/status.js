/** The status line of a running answer: one line, of what the stream itself said.  Pure. */
import { titleOf } from "./asks.js";

const BACK = 8_000; // ms in which a reader is told that the connection is back

/**
 * `{mark, text, action}`: `action` is "now" or "login" where the reader can do something.  `now` is
 * the time, in ms of `performance.now()`.
 */
export function statusOf(turn, now) {
  const at = turn.seq > 0 ? ` at event ${turn.seq.toLocaleString()}` : "";
  if (turn.connection === "login") return line("🔒", "Log in to go on reading", "login");
  if (turn.connection === "reconnecting") return lost(turn.retry, at, now);
  if (turn.stopping) return line("●", "Stopping…");
  if (turn.connection === "queued") return line("◌", "Waits for the answer before it");
  if (turn.pending.openAsks.length > 0) return line("◆", "Waits for you");
  if (!turn.parts.some(Boolean)) return line("●", "Waiting for the first word…");
  if (turn.brought !== null && now - turn.backAt < BACK) return back(turn, now);
  return line("●", ["Live", ...figures(turn, now)].join(" · "));
}

/** The same for screen readers: in few words, and without figures that change all the time. */
export function announcementOf({ stopping, connection, parts, pending }) {
  if (connection === "login") return "Log in to go on reading.";
  if (connection === "reconnecting") return "Connection lost. Reconnecting…";
  if (stopping) return "Stopping…";
  if (connection === "queued") return "Waiting for the answer before it…";
  if (pending.openAsks.length > 0) return `The answer waits for you: ${titleOf(pending.openAsks[0])}`;
  return parts.some(Boolean) ? "Writing…" : "Waiting for the first word…";
}

function line(mark, text, action = null) {
  return { mark, text, action };
}

function lost(retry, at, now) {
  const seconds = retry ? Math.ceil((retry.until - now) / 1000) : 0;
  const again = seconds > 0 ? `again in ${seconds} s` : "trying again";
  return line("◌", `Connection lost${at} · ${again}`, seconds > 0 ? "now" : null);
}

function back(turn, now) {
  const missed = turn.brought === "state" ? "the state of now was brought" : events(turn.brought);
  return line("↻", ["Back", missed, "nothing lost", ...figures(turn, now)].join(" · "));
}

const events = (count) => (count === 1 ? "1 missed event brought" : `${count.toLocaleString()} missed events brought`);

function figures(turn, now) {
  const rate = turn.pace.rate(now);
  return [
    turn.counted && turn.pace.tokens > 0 ? `${turn.pace.tokens.toLocaleString()} tokens` : "",
    rate > 0 ? `${rate.toFixed(1)}/s` : "",
    turn.seq > 0 ? `event ${turn.seq.toLocaleString()}` : "",
  ].filter(Boolean);
}
