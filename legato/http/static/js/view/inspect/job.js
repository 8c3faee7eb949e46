/** One job: what is known of it, its track, and its moments in words. */
import { pageOf } from "../../api.js";
import { standingOf } from "../../inspect/moments.js";
import { arrange, el, fill, setText } from "../dom.js";
import { readersOf, timeOf } from "./jobs.js";
import { TrackView } from "./track.js";

export class JobView {
  #track = new TrackView();
  #moments = new Map(); // key -> row
  #body = el("tbody");
  #id = null;

  /** `parts`: elements of inspect.html.  `goTo(seq)`: an event is to be looked at. */
  constructor(parts, goTo) {
    Object.assign(this, { parts, goTo });
    parts.track.append(this.#track.element);
    parts.moments.append(this.#body);
  }

  show({ job, user, now, moments, at, samples }) {
    const { parts } = this;
    if (job.generationId !== this.#id) this.#moments.clear();
    this.#id = job.generationId;
    setText(parts.title, job.agentId ?? job.model);
    setText(parts.standing, standingOf(job));
    fill(parts.facts, factsOf(job, user));
    this.#track.update({ job, now, moments, at, samples });
    arrange(this.#body, moments.map((moment) => this.#rowOf(moment, job)));
    parts.conversation.hidden = job.conversationId === null || !/^[0-9a-f-]{36}$/.test(job.conversationId);
    parts.conversation.href = pageOf(job.conversationId);
  }

  /** Point to the time of the event that is looked at; null where nobody knows. */
  point(at) {
    this.#track.point(at);
  }

  /** One row for each moment, made once: a click on a button that is replaced meanwhile is lost. */
  #rowOf(moment, job) {
    const key = `${moment.kind} ${moment.seq} ${moment.text}`;
    const row = this.#moments.get(key) ?? el("tr", {}, el("td", { className: "number" }), el("td", { className: "number" }), el("td"));
    this.#moments.set(key, row);
    const [after, event, text] = row.children;
    after.textContent = moment.at === null ? "?" : `${((moment.at - job.createdAt) / 1000).toFixed(2)} s`;
    if (moment.seq !== null && event.childElementCount === 0) {
      const go = () => this.goTo(moment.seq);
      event.append(el("button", { type: "button", className: "link", onclick: go, aria: { label: `Go to event ${moment.seq}` } }, moment.seq.toLocaleString()));
    }
    if (text.childElementCount === 0) text.append(el("span", { className: "dot-of", data: { kind: moment.kind }, aria: { hidden: "true" } }), moment.text);
    return row;
  }
}

function factsOf(job, user) {
  const { counts } = job;
  return [
    ...fact("Generation", el("code", {}, job.generationId)),
    ...(job.user === user ? [] : fact("User", job.user)),
    ...fact("Model", job.model),
    ...fact("Began", timeOf(job.createdAt)),
    ...(job.askedAt && job.firstWordAt ? fact("First word", `${((job.firstWordAt - job.askedAt) / 1000).toFixed(2)} s after the model was asked`) : []),
    ...fact("Events", job.events.toLocaleString()),
    ...(counts ? fact("Tools, asks, steers", [counts.toolCalls, counts.asks, counts.steers].join(", ")) : []),
    ...(counts && job.stage !== "ended" ? fact("Readers", lagOf(counts)) : []),
    ...fact("Epoch", `${job.epoch}`),
  ];
}

/** Who reads, and how far the slowest is behind. */
function lagOf({ readers, waitingBytes, lagged }) {
  return [
    readersOf(readers),
    waitingBytes > 0 ? `${waitingBytes.toLocaleString()} bytes wait for the slowest` : readers > 0 ? "all have everything" : "",
    lagged > 0 ? `a reader had to ask again ${lagged === 1 ? "once" : `${lagged.toLocaleString()} times`}` : "",
  ].filter(Boolean).join(", ");
}

const fact = (name, value) => [el("dt", {}, name), el("dd", {}, value)];
