/** A job as a track: its phases, how thick the events came, and a mark for each moment. */
import { waitsOf } from "../../inspect/moments.js";
import { arrange, el, fill } from "../dom.js";

const SLICES = 120; // of a track
const SVG = "http://www.w3.org/2000/svg";

export class TrackView {
  #phases = ["waiting", "thinking", "writing"].map((name) => el("span", { className: `phase ${name}` }));
  #waits = el("span"); // times in which something is asked
  #marks = el("span", { className: "marks" });
  #cursor = el("span", { className: "track-cursor", hidden: true });
  #density = document.createElementNS(SVG, "path");
  #readers = document.createElementNS(SVG, "path");
  #scale = null;
  element;

  constructor() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${SLICES} 1`);
    svg.setAttribute("preserveAspectRatio", "none");
    this.#density.setAttribute("class", "density");
    this.#readers.setAttribute("class", "readers-line");
    svg.append(this.#density, this.#readers);
    // The list of moments says the same in words.
    this.element = el("span", { className: "track", aria: { hidden: "true" } }, ...this.#phases, this.#waits, svg, this.#marks, this.#cursor);
  }

  /**
   * `moments`: marks for them; `at`: the times of all events that are known; `samples`: readers as
   * `{at, readers}`.
   */
  update({ job, now, moments = [], at = [], samples = [] }) {
    const scale = (this.#scale = scaleOf(job, now));
    const { askedAt, firstWordAt } = job;
    const ends = [askedAt ?? firstWordAt ?? scale.end, firstWordAt ?? scale.end, scale.end];
    let begin = scale.start;
    this.#phases.forEach((phase, place) => {
      put(phase, scale.of(begin), scale.of(ends[place]) - scale.of(begin));
      begin = Math.max(begin, ends[place]);
    });
    fill(this.#waits, waitsOf(moments, job).map(({ from, to }) => phaseOf("asking", scale, from, to ?? scale.end)));
    arrange(this.#marks, moments.filter((moment) => moment.at !== null).map((moment) => markOf(moment, scale)));
    this.#density.setAttribute("d", densityOf(at, scale));
    this.#readers.setAttribute("d", stepsOf(samples, scale));
  }

  /** Point to the time that is looked at; null: to none. */
  point(at) {
    this.#cursor.hidden = at === null || this.#scale === null;
    if (!this.#cursor.hidden) put(this.#cursor, this.#scale.of(at));
  }
}

function scaleOf({ createdAt, endedAt, stage }, now) {
  const start = createdAt;
  const end = Math.max(start + 1, endedAt ?? (stage === "ended" ? start + 1 : now));
  return { start, end, of: (at) => Math.min(1, Math.max(0, (at - start) / (end - start))) };
}

function put(element, left, width = null) {
  element.style.left = `${100 * left}%`;
  if (width !== null) element.style.width = `${100 * Math.max(0, width)}%`;
}

function phaseOf(name, scale, from, to) {
  const phase = el("span", { className: `phase ${name}` });
  put(phase, scale.of(from), scale.of(to) - scale.of(from));
  return phase;
}

function markOf({ kind, at }, scale) {
  const mark = el("span", { className: "mark-at", data: { kind } });
  put(mark, scale.of(at));
  return mark;
}

/** Bars: of each slice, how many events came in it, beside the fullest slice. */
function densityOf(at, scale) {
  const slices = new Array(SLICES).fill(0);
  for (const time of at) slices[Math.min(SLICES - 1, Math.floor(SLICES * scale.of(time)))] += 1;
  const most = Math.max(1, ...slices);
  return slices.map((count, place) => (count ? `M${place} 1V${1 - count / most}h0.8V1z` : "")).join("");
}

/** A line in steps: how many read, as far as this page looked. */
function stepsOf(samples, scale) {
  const most = Math.max(1, ...samples.map(({ readers }) => readers)) * 1.1;
  return samples.map(({ at, readers }, place) => {
    const [x, y] = [SLICES * scale.of(at), 1 - readers / most];
    return place === 0 ? `M${x} ${y}` : `H${x}V${y}`;
  }).join("");
}
