/** The moments of a job, in words and with their times.  Pure. */
import { outcomeOf, titleOf } from "../asks.js";

/**
 * The moments of a job, oldest first: `{kind, text, at, seq}`.  `at`: ms since 1970, null where nobody
 * knows; `seq`: the event that says so, null where none does.  `events`: as a recording has them;
 * empty for a job whose words are not shown.
 */
export function momentsOf(job, events, times) {
  const told = events.flatMap((event) => momentOf(event).map((moment) => ({ ...moment, seq: event.seq, at: times.at(event.seq) })));
  const known = [
    { kind: "start", text: "Started", seq: null, at: job.createdAt },
    events[0]?.seq > 1 && times.at(1) !== null && { kind: "queue", text: "Began to wait in the queue", seq: null, at: times.at(1) },
    job.askedAt && { kind: "asked", text: "The model was asked", seq: null, at: job.askedAt },
    job.firstWordAt && { kind: "word", text: "First word", seq: null, at: job.firstWordAt },
    job.endedAt && !told.some(({ isLast }) => isLast) && { kind: KIND_OF_END[job.status] ?? "end", text: ENDED[job.status] ?? "Ended", seq: null, at: job.endedAt },
  ].filter(Boolean);
  return inOrder(known, told);
}

const KIND_OF_END = { error: "failure", aborted: "stop" };
const ENDED = { complete: "Complete", error: "Failed", aborted: "Stopped" };

/** Bring what has only a time between what has a place in the log. */
function inOrder(known, told) {
  const all = [...told];
  for (const moment of known) {
    const place = all.findIndex(({ at }) => at !== null && at > moment.at);
    all.splice(place < 0 ? all.length : place, 0, moment);
  }
  const start = all.findIndex(({ kind }) => kind === "start");
  return [...all.splice(start, 1), ...all];
}

function momentOf({ name, frame }) {
  if (name === "error") return [{ kind: "failure", text: `Never began: ${frame.error}`, isLast: true }];
  if (frame.created) return [{ kind: "stored", text: "The question is stored" }];
  if (frame.sync) return [{ kind: "stored", text: "A snapshot stands for all before" }];
  if (frame.final) return [{ kind: kindOfEnd(frame), text: endOf(frame), isLast: true }];
  return KINDS[frame.event]?.(frame.data) ?? [];
}

const KINDS = {
  on_run_step: ({ stepDetails }) => (stepDetails?.tool_calls ?? []).map(({ name }) => ({ kind: "tool", text: `Tool called: ${name}` })),
  on_run_step_completed: ({ result }) => [{ kind: "tool", text: `Tool answered: ${result.tool_call.name}` }],
  on_agent_update: ({ agent_update }) => [{ kind: "tool", text: `Another agent goes on: ${agent_update.agentId}` }],
  on_pending_action: (ask) => [{ kind: "ask", text: `Asked: ${titleOf(ask)}`, opens: 1 }],
  on_action_resolved: (resolution) => [{ kind: "ask", text: outcomeOf(resolution), opens: -1 }],
  on_steer_updated: ({ status }) => [{ kind: "steer", text: status === "pending" ? "Words for this answer came" : "Words came back unread" }],
  on_steer_applied: () => [{ kind: "steer", text: "The model read the words" }],
};

const kindOfEnd = ({ aborted, failed }) => (aborted ? "stop" : failed ? "failure" : "end");

/** Whether a job waits for somebody now. */
export const isWaiting = ({ stage }) => stage === "asking" || stage === "parked";

/**
 * The times in which something was asked and not answered, as `{from, to}`; `to` is null where it is
 * not yet.  Where no moment says since when a job waits, it may be since the last that is known of it.
 */
export function waitsOf(moments, job) {
  const known = askedIn(moments);
  if (known.some(({ to }) => to === null) || !isWaiting(job)) return known;
  return [...known, { from: known.at(-1)?.to ?? job.firstWordAt ?? job.askedAt ?? job.createdAt, to: null }];
}

function askedIn(moments) {
  const waits = [];
  let open = 0;
  for (const { opens = 0, at } of moments) {
    if (open === 0 && opens > 0) waits.push({ from: at, to: null });
    open += opens;
    if (open === 0 && opens < 0) waits.at(-1).to = at;
  }
  return waits.filter(({ from }) => from !== null);
}

function endOf({ aborted, failed, unsaved }) {
  const end = aborted ? "Stopped" : failed ? `Failed: ${failed.message}` : "Complete";
  return unsaved ? `${end} · not stored` : end;
}

/** How a job stands, in a few words. */
export function standingOf({ stage, status, unsaved, isStored }) {
  const stored = unsaved ? " · not stored" : isStored ? " · stored" : " · being stored";
  if (stage === "ended") return (ENDED[status] ?? "Ended") + stored;
  return STAGES[stage] ?? stage;
}

const STAGES = {
  queued: "Waits in the queue",
  opening: "Is being stored",
  answering: "Live",
  asking: "Waits for you",
  parked: "Waits for you, parked",
  ending: "Is ending",
};
