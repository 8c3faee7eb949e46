/**
 * How an answer ended, in words for people.
 *
 * The stored message says whether an answer is whole, failed, or was cut by a limit.  Who stopped an
 * answer, and at which event, only readers of the stream know; a browser notes what its pages saw.
 */
import { Notes } from "./notes.js";

const RESTARTED = "The server ended while this was being answered."; // the server's own words
const RESTART = "The server was restarted"; // the page's
const BROKEN = "The generation failed inside Legato";

const LIMITS = {
  length: ["Cut at the model's length limit", true],
  max_answer_bytes: ["Cut at the server's size limit", true],
  max_recursion: ["Cut at the limit of model calls", true],
  content_filter: ["Cut by the provider's content filter", false],
};

/** What this browser's pages saw of endings, by the answer's id: the newest 200. */
export class Endings {
  #notes = new Notes("endings", 200);

  /** This page asks for a stop; its other tabs read that, too. */
  stopping(id) {
    this.#add(id, { stopped: "here" });
  }

  /** Note the final frame of `id`, at event `seq`; `facts`: what else was seen. */
  ended(id, { aborted, unsaved, generationId: job }, seq, facts) {
    const before = this.of(id);
    const stopped = aborted ? { stopped: before.stopped ?? "elsewhere" } : { stopped: undefined };
    this.#add(id, { ...stopped, unsaved, seq, job, ...facts });
  }

  of(id) {
    return this.#notes.get(id) ?? {};
  }

  #add(id, facts) {
    this.#notes.set(id, { ...this.of(id), ...facts });
  }
}

/** Whether a part says nothing but what the ending says. */
export const isSaidByEnding = (part) => part?.type === "error" && part.error.startsWith(RESTARTED);

/**
 * The ending of a stored answer as `{mark, text, goesOn}`, or null for an answer that is whole.
 * `goesOn`: whether the answer can be continued from where it stands.
 */
export function endingOf(message, seen = {}) {
  const [mark, text, goesOn] = mannerOf(message, seen);
  const unsaved = seen.unsaved ? ["Not stored: copy it before you leave"] : [];
  const words = [text, ...unsaved].filter(Boolean);
  if (words.length === 0) return null;
  const place = text === RESTART ? " · kept to event" : " at event";
  const at = seen.seq && text ? `${place} ${seen.seq.toLocaleString()}` : "";
  return { mark, text: words.join(" · ") + at, goesOn: Boolean(goesOn) && !seen.unsaved };
}

function mannerOf({ unfinished, content, finish_reason: reason }, { stopped }) {
  if (!unfinished) return LIMITS[reason] ? ["▲", ...LIMITS[reason]] : ["▲", "", false];
  const goesOn = (content ?? []).some((part) => part?.type === "text" || part?.type === "think");
  const failure = content?.findLast((part) => part?.type === "error")?.error;
  if (failure === undefined) return ["■", STOPPED[stopped] ?? "Stopped", goesOn];
  if (failure.startsWith(RESTARTED)) return ["▲", RESTART, goesOn];
  return ["▲", failure.startsWith(BROKEN) ? "Legato failed" : "The provider failed", goesOn];
}

const STOPPED = { here: "Stopped by you", elsewhere: "Stopped by you on another device" };
