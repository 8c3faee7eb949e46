/** The page of jobs: which one is open, and who tells whom. */
import * as api from "../api.js";
import { inTurn } from "../in_turn.js";
import { paced, setText } from "../view/dom.js";
import { JobView } from "../view/inspect/job.js";
import { JobsView } from "../view/inspect/jobs.js";
import { ProofView } from "../view/inspect/proof.js";
import { ReplayView } from "../view/inspect/replay.js";
import { EventTimes } from "./event_times.js";
import { momentsOf } from "./moments.js";
import { Proof } from "./proof.js";
import { Recording } from "./recording.js";

const LIVE = 1_000; // ms between two looks while something runs
const IDLE = 15_000; // ms where nothing does
const SAMPLES = 600; // looks at the readers that are kept

const $ = (id) => document.getElementById(id);
const UNREACHABLE = "The server cannot be reached.";

let known = { jobs: [], user: "", now: Date.now(), seesEverybody: false };
let skew = 0; // ms that the server's clock is ahead of this one
let open = null; // {id, job, recording, proof, times, samples, wantsFocus}
let timer;

const list = new JobsView({ list: $("jobs"), empty: $("empty") }, go);
const replay = new ReplayView(
  {
    slider: $("slider"), place: $("place"), back: $("back"), on: $("on"), answer: $("answer"), event: $("event"), curl: $("curl"),
    copy: $("copy"), copied: $("copied"), trust: $("trust"), shortened: $("shortened"), rates: [...document.querySelectorAll("[data-rate]")],
  },
  { moved: () => view.point(replay.event ? open.times.at(replay.event.seq) : null) },
);
const view = new JobView(
  {
    title: $("job-title"), standing: $("job-standing"), facts: $("facts"), track: $("track"), moments: $("moments"),
    conversation: $("conversation"),
  },
  (seq) => replay.goToEvent(seq),
);
const proof = new ProofView(
  { start: $("prove"), readers: $("proof-readers"), through: $("through"), cut: $("cut"), verdict: $("verdict") },
  { start: prove, stop: leaveProof },
);

function idInAddress() {
  const match = /^inspect\/([^/]+)$/.exec(location.pathname.slice(api.BASE.length));
  return match ? decodeURIComponent(match[1]) : null;
}

/** Go to a job, or with null to the list alone. */
function go(id) {
  history.pushState(null, "", api.inspectPageOf(id));
  show(id);
  if (open) open.wantsFocus = true;
}

function show(id) {
  open?.recording?.leave();
  leaveProof();
  open = id === null ? null : { id, job: null, recording: null, times: new EventTimes(null), samples: [] };
  document.body.classList.toggle("has-job", id !== null);
  $("job").hidden = $("own").hidden = true;
  look();
}

/** Read what has changed, and look again in a moment. */
const look = inTurn(async () => {
  clearTimeout(timer);
  const asked = open;
  try {
    await Promise.all([readList(), asked && readJob(asked)]);
    say("");
  } catch (error) {
    failed(error);
  }
  if (asked !== open) return; // another one is looked at by now
  const runs = known.jobs.some(({ stage }) => stage !== "ended");
  timer = setTimeout(lookIfSeen, runs ? LIVE : IDLE);
});

/** A hidden page looks when it is seen again. */
function lookIfSeen() {
  if (!document.hidden) look();
}

async function readList() {
  known = await api.jobs($("everybody").checked);
  skew = known.now - Date.now();
  $("everybody-label").hidden = !known.seesEverybody;
  $("unheard").hidden = known.unheard === 0;
  showList();
}

function showList() {
  list.show(known.jobs, { current: open?.id, user: known.user, now: known.now });
}

async function readJob(asked) {
  const job = await api.job(asked.id);
  if (asked !== open) return;
  asked.job = job;
  asked.times = new EventTimes(job.times);
  if (job.counts && job.stage !== "ended") asked.samples = [...asked.samples, { at: now(), readers: job.counts.readers }].slice(-SAMPLES);
  if (job.conversationId !== null && asked.recording === null) record(asked);
  replay.changed(asked.times);
  showJob();
}

/** Read all that a job of one's own said. */
function record(asked) {
  asked.recording = new Recording(asked.id, () => {
    if (asked !== open) return;
    replay.changed(asked.times);
    showJobSoon();
  });
  replay.open(asked.recording, { address: location.origin + api.streamPath(asked.id), user: asked.job.user });
  $("own").hidden = false;
  asked.recording.read().then(() => asked === open && look()).catch(failed); // the last times are known by then
}

const showJobSoon = paced(showJob);

const now = () => Date.now() + skew;

function showJob() {
  const { job, times, recording, samples } = open ?? {};
  if (!job) return;
  $("job").hidden = false;
  $("answer").classList.toggle("growing", job.stage !== "ended");
  if (open.wantsFocus) $("job-title").focus();
  open.wantsFocus = false;
  const events = recording?.events ?? [];
  const at = numbersOf(job, recording).map((seq) => times.at(seq)).filter((each) => each !== null);
  view.show({ job, user: known.user, now: now(), moments: momentsOf(job, events, times), at, samples });
  $("foreign").hidden = job.conversationId !== null;
}

/** The numbers of all events; of a job whose words are not shown, as many as there are. */
function numbersOf({ events }, recording) {
  return recording === null ? Array.from({ length: events }, (_, place) => place + 1) : recording.events.map(({ seq }) => seq);
}

function prove() {
  leaveProof();
  const draw = paced(() => open?.proof === running && proof.show(running));
  const running = new Proof(open.id, open.job.events, draw);
  open.proof = running;
  proof.show(running);
  running.run().catch(failed);
}

function leaveProof() {
  open?.proof?.leave();
  if (open) open.proof = null;
  proof.show(null);
}

function failed(error) {
  if (error.needsLogin) return say("Log in to see your jobs.", true);
  if (error.status === 404 && open) return say("The server does not have this job any more: it ended too long ago, or never was.");
  say(error instanceof api.HttpError ? error.message : UNREACHABLE);
  if (!(error instanceof api.HttpError)) console.error(error);
}

function say(text, needsLogin = false) {
  setText($("said"), text);
  $("notice").hidden = text === "";
  $("to-login").hidden = !needsLogin;
  $("to-login").href = `${api.BASE}login?${new URLSearchParams({ next: location.pathname })}`;
}

$("everybody").onchange = () => look();
$("all-jobs").onclick = (event) => {
  event.preventDefault();
  go(null);
};
window.onpopstate = () => show(idInAddress());
document.addEventListener("visibilitychange", lookIfSeen);
show(idInAddress());
