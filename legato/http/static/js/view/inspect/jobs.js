/** The list of jobs, each a link to its timeline. */
import { inspectPageOf } from "../../api.js";
import { isWaiting, standingOf } from "../../inspect/moments.js";
import { arrange, el } from "../dom.js";
import { TrackView } from "./track.js";

export class JobsView {
  #rows = new Map(); // generation id -> RowView

  /** `open(id)` is told which job is wanted. */
  constructor({ list, empty }, open) {
    Object.assign(this, { list, empty, open });
  }

  /** `user`: who reads; `now`: ms since 1970, by the server's clock. */
  show(jobs, { current, user, now }) {
    const rows = jobs.map((job) => {
      const row = this.#rows.get(job.generationId) ?? new RowView(job.generationId, this.open);
      row.update(job, { isCurrent: job.generationId === current, user, now });
      return [job.generationId, row];
    });
    this.#rows = new Map(rows);
    arrange(this.list, rows.map(([, { element }]) => element));
    this.empty.hidden = jobs.length > 0;
  }
}

class RowView {
  #name = el("span", { className: "job-name" });
  #when = el("span", { className: "job-when" });
  #standing = el("span", { className: "job-standing" });
  #track = new TrackView();

  constructor(id, open) {
    const href = inspectPageOf(id);
    const onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(id);
    };
    const line = el("span", { className: "job-line" }, this.#name, this.#when);
    this.link = el("a", { href, onclick }, line, this.#track.element, this.#standing);
    this.element = el("li", {}, this.link);
  }

  update(job, { isCurrent, user, now }) {
    const { model, agentId, createdAt, events, counts, stage } = job;
    this.#name.textContent = [agentId ?? model, job.user === user ? "" : job.user].filter(Boolean).join(" · ");
    this.#when.textContent = timeOf(createdAt);
    const readers = counts && stage !== "ended" ? readersOf(counts.readers) : "";
    this.#standing.textContent = [standingOf(job), `${events.toLocaleString()} events`, readers].filter(Boolean).join(" · ");
    if (isCurrent) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
    this.element.classList.toggle("live", stage !== "ended");
    this.element.classList.toggle("waits", isWaiting(job));
    this.#track.update({ job, now });
  }
}

export const readersOf = (count) => (count === 1 ? "1 reader" : `${count.toLocaleString()} readers`);

/** The time of day, with seconds. */
export const timeOf = (at) => new Date(at).toLocaleTimeString([], { timeStyle: "medium" });
