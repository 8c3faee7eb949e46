/** The page: which conversation is open, and who tells whom. */
import * as api from "./api.js";
import "./copying.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { Endings } from "./endings.js";
import { textOfMessage } from "./fold.js";
import { asJson, asMarkdown, download, fileName } from "./export.js";
import { inTurn } from "./in_turn.js";
import { Library, UNTITLED } from "./library.js";
import { forgetAll } from "./notes.js";
import { Notices } from "./notices.js";
import { Parameters } from "./parameters.js";
import { Search } from "./search.js";
import { onLogOut, tellLogOut } from "./tabs.js";
import { AgentsView } from "./view/agents.js";
import { ChipsView } from "./view/chips.js";
import { ComposerView } from "./view/composer.js";
import { isComposing } from "./view/dom.js";
import { keepFocus } from "./view/focus.js";
import { KeysView } from "./view/keys.js";
import { ParametersView } from "./view/parameters.js";
import { SearchView } from "./view/search.js";
import { SettingsView } from "./view/settings.js";
import { Shell } from "./view/shell.js";
import { SidebarView } from "./view/sidebar.js";
import { ThreadView } from "./view/thread.js";

const $ = (id) => document.getElementById(id);
const UNREACHABLE = "The server cannot be reached.";

const drafts = new Drafts();
const endings = new Endings();
const parameters = new Parameters();
const shell = new Shell($, { showNews: () => open.showNews(), stay: () => open.stay(), logIn });
const library = new Library({ changed: showLibrary });
const notices = new Notices({
  reset: () => attempt(readAgain),
  login: () => shell.askToLogIn({ unasked: true }),
  queued: ({ conversationId }) => readQueue(conversationId),
  cancelled: ({ conversationId }) => readQueue(conversationId),
  started,
  asked: ({ conversationId, actionId }) => library.asked(conversationId, actionId),
  answered: ({ conversationId, actionId }) => library.answered(conversationId, actionId),
  ended,
  renamed: ({ conversationId, title, at }) => library.renamed(conversationId, title, at),
  deleted,
});
notices.begin();
const sidebar = new SidebarView({ list: $("conversations"), more: $("more") }, {
  open: (id) => go(id),
  rename: (id, title) => attempt(() => library.rename(id, title)),
  remove: (id, title) => remove(id, title),
  pin: (id, isPinned) => library.pin(id, isPinned),
  more: () => attempt(() => library.more()),
});
const search = new Search({
  found: (found) => searching.show(found),
  cleared: () => searching.hide(),
  failed,
});
const searching = new SearchView(
  { form: $("search"), found: $("found"), said: $("found-said"), all: $("all-conversations") },
  {
    begin: () => shell.openSidebar(),
    look: (words) => search.look(words),
    more: () => attempt(() => search.more()),
    open: (id, messageId) => go(id, messageId),
  },
);
const thread = new ThreadView({ scroller: $("scroller"), list: $("thread"), latest: $("latest") }, {
  choose: (row, step) => open.choose(row, step),
  edit: (message, text) => ask(() => open.ask(text, composer.model, message.parentMessageId)),
  editAnswer: (message, index, text) => ask(() => open.editAnswer(message, index, text, modelOf(message))),
  regenerate: (id) => ask(() => open.regenerate(open.message(id), composer.model)),
  continue: (message) => ask(() => open.continue(message, modelOf(message))),
  answer,
  older: () => attempt(() => open.readOlder()),
  logIn: () => shell.askToLogIn(),
});
const composer = new ComposerView(
  {
    form: $("composer"), text: $("text"), model: $("model"), keys: $("keys"),
    send: $("send"), steer: $("steer"), stop: $("stop"),
  },
  { send, steer, stop: () => attempt(() => open.stop()), draft: (text) => drafts.set(open.id, text) },
);
const chips = new ChipsView({ list: $("chips"), said: $("chips-said") }, {
  armSteer: (steer) => attempt(() => open.steers.arm(steer)),
  cancelSteer: (steer) => attempt(() => open.steers.cancel(steer)),
  sendUnread: (steer) => sendUnread(steer),
  discard: (steer) => open.steers.discard(steer),
  editQueued: (turn, text) => editQueued(turn, text),
  advance: (turn) => attempt(() => open.queue.advance(turn)),
  sendNow: (turn) => attempt(() => open.queue.advance(turn, { now: true })),
  cancelQueued: (turn) => attempt(() => open.queue.cancel(turn)),
  giveBack: (text) => composer.giveBack(text),
});
let removing = null; // the conversation that this page is deleting
const fieldsOf = (id, model) => parameters.fieldsOf(id, model, composer.effortsOf(model));
const dials = new ParametersView($, {
  settings: () => parameters.of(open.id),
  efforts: () => composer.effortsOf(composer.model),
  save: (settings, isForNew) => {
    parameters.set(open.id, settings);
    if (isForNew) parameters.setForNew(settings);
  },
});
let open = openConversation(idInAddress());

function idInAddress() {
  const match = /^c\/([^/]+)$/.exec(location.pathname.slice(api.BASE.length));
  return match ? decodeURIComponent(match[1]) : null;
}

/** Go to a conversation, there to one of its messages, or with null to a new one. */
function go(id, messageId) {
  history.pushState(null, "", api.pageOf(id));
  show(id, messageId);
}

function show(id, messageId) {
  chips.clear();
  open.leave();
  open = openConversation(id, messageId);
  shell.closeSidebar();
  composer.text.focus({ preventScroll: true });
}

function openConversation(id, messageId) {
  const conversation = new Conversation(id, { endings, fieldsOf }, {
    changed: () => conversation === open && showConversation(),
    grew: (position) => conversation === open && thread.grew(position),
    named: (newId) => named(conversation, newId),
    unasked: (text) => conversation === open && composer.giveBack(text),
    // No act of the reader: who logs in later is not asked by each stream that ends.
    loggedOut: () => shell.askToLogIn({ unasked: true }),
    failed,
  });
  composer.load(drafts.get(id));
  thread.open(conversation);
  queueMicrotask(showConversation);
  notices.settled.then(() => attempt(() => read(conversation, messageId)));
  return conversation;
}

/** Read a conversation, and go to one of its messages, however far above. */
async function read(conversation, messageId) {
  await conversation.refresh();
  if (messageId === undefined || conversation !== open) return;
  if (await conversation.find(messageId)) thread.toMessage(messageId);
  else shell.say("That message is no longer there.");
}

function showConversation() {
  const first = open.rows[0]?.message;
  if (first && open.id && !open.hasOlder) library.suggest(open.id, textOfMessage(first));
  thread.changed();
  composer.show({ running: open.running, stopping: open.turn?.stopping ?? false });
  chips.show({ unread: open.steers.unread, steers: open.steers.waiting, turns: open.queue.waiting });
  dials.show();
  showTitle();
}

function showLibrary() {
  const { active, hasMore } = library;
  const conversations = library.conversations.map((each) =>
    ({
      ...each,
      title: library.shownTitleOf(each.conversationId),
      asks: library.asks(each.conversationId),
      isPinned: library.isPinned(each.conversationId),
    }));
  sidebar.show({ conversations, active, hasMore, current: open.id });
  showTitle();
}

function showTitle() {
  const title = library.shownTitleOf(open.id) ?? (open.id === null ? UNTITLED : "");
  shell.show(open, title === UNTITLED ? "New chat" : title);
}

function named(conversation, id) {
  parameters.begun(id);
  if (conversation !== open) return;
  history.replaceState(null, "", api.pageOf(id));
  showTitle();
}

/** Send what was written: at once, or when all that runs and waits has ended.  It stays the draft until the server has it, and where that fails it goes
    back into the field, beside what was typed meanwhile. */
async function send(text) {
  const [conversation, { id }] = [open, open];
  thread.toEnd();
  const isTaken = await submit(conversation, text);
  if (isTaken) drafts.set(id, "");
  if (conversation !== open) return;
  if (isTaken) drafts.set(conversation.id, composer.text.value);
  else composer.giveBack(text);
}

function submit(conversation, text) {
  const { model } = composer;
  return ask(() => (conversation.running ? conversation.enqueue(text, model) : conversation.ask(text, model)));
}

/** Say what was written to the answer that runs.  It is noted at once, so it is no draft any more. */
async function steer(text) {
  const conversation = open;
  thread.toEnd();
  drafts.set(conversation.id, "");
  const isTaken = await ask(() => conversation.steer(text));
  if (!isTaken && conversation === open) composer.giveBack(text);
}

/** Words that came back become a message. */
async function sendUnread(steer) {
  const conversation = open;
  conversation.steers.discard(steer);
  const isTaken = await submit(conversation, steer.text);
  if (!isTaken && conversation === open) composer.giveBack(steer.text);
}

/** Change a waiting turn; where that is too late, the words go back into the field. */
async function editQueued(turn, text) {
  const conversation = open;
  const { ok } = await attempt(() => conversation.queue.edit(turn, text));
  if (!ok && conversation === open) composer.giveBack(text);
}

/** Answer an ask; return what was wrong, or "". */
async function answer(ask, said) {
  try {
    await open.answer(ask, said);
    return "";
  } catch (error) {
    if (error.needsLogin) failed(error);
    return error instanceof api.HttpError ? error.message : UNREACHABLE;
  }
}

/** An answer goes on with whom it began, where that is still offered. */
function modelOf({ model, agent_id: agent }) {
  const name = agent ? api.AGENT + agent : model;
  return composer.offers(name) ? name : composer.model;
}

async function ask(start) {
  shell.hush();
  return (await attempt(start)).ok;
}

/** Read everything that is shown, because something may have happened that was not heard. */
async function readAgain() {
  library.missed();
  await library.refresh();
  await library.readActive();
  await open.refresh();
}

function started({ conversationId: id, generationId, at }) {
  library.began(id, at);
  if (!library.knows(id)) attempt(() => library.refresh());
  if (id === open.id && !open.follows(generationId)) attempt(() => open.refresh());
}

function ended({ conversationId: id, generationId, at }) {
  library.ended(id, at);
  if (id === open.id && open.turn === null && !open.follows(generationId)) attempt(() => open.refresh());
}

function readQueue(id) {
  if (id === open.id) attempt(() => open.queue.read());
}

/** A conversation that is read stays on the screen: another device has no say in that. */
function deleted({ conversationId: id }) {
  library.deleted(id);
  if (id === open.id && id !== removing) open.wasDeleted();
}

async function remove(id, title) {
  if (!(await shell.confirm(`Delete “${title}”? Its messages are deleted with it.`))) return;
  removing = id;
  const { ok } = await attempt(() => library.remove(id));
  if (ok && open.id === id) go(null);
}

async function removeAll() {
  if (!(await shell.confirm("Delete all your conversations? Every message is deleted with them."))) return;
  if (!(await shell.confirm("Really all? There is no way back. You can save a conversation first."))) return;
  removing = open.id;
  await attempt(() => library.removeAll());
  go(null);
}

/** Save the conversation as a file: what is shown as Markdown, or everything as JSON. */
async function save(kind) {
  await open.readAll();
  const title = library.shownTitleOf(open.id) ?? UNTITLED;
  if (kind === "md") download(fileName(title, "md"), asMarkdown(title, open.rows), "text/markdown");
  else download(fileName(title, "json"), asJson(title, open.id, open.messages), "application/json");
}

/** Do what may fail; say so where it does. */
async function attempt(action) {
  try {
    return { ok: true, value: await action() };
  } catch (error) {
    failed(error);
    return { ok: false };
  }
}

/** Log in above what is being read, and go on with it. */
async function logIn(token) {
  try {
    await api.logIn(token);
  } catch (error) {
    return shell.refuseLogin(error instanceof api.HttpError ? error.message : UNREACHABLE);
  }
  shell.entered();
  notices.begin();
  enter();
  attempt(() => open.resume());
}

/** Read what does not belong to one conversation. */
async function enter() {
  await notices.settled;
  const { ok } = await attempt(async () => {
    await library.refresh();
    await library.readActive();
  });
  if (!ok) return;
  shell.entered();
  await attempt(() => offer());
}

/** Offer models and agents; the agent of `id` is chosen. */
const offer = inTurn(async (id = null) => {
  const [models, agents] = await Promise.all([api.models(), api.agents()]);
  composer.offer(models, agents.data);
  if (id !== null) composer.choose(api.AGENT + id);
});

function failed(error) {
  if (error.needsLogin) shell.askToLogIn();
  else if (error instanceof api.HttpError) shell.say(error.message);
  else if (error instanceof TypeError) shell.say(UNREACHABLE);
  else throw error;
}

window.addEventListener("popstate", () => show(idInAddress()));
document.addEventListener("keydown", (event) => {
  const isFree = !event.defaultPrevented && !isComposing(event) && !document.querySelector("dialog[open]");
  if (event.key === "Escape" && isFree && open.running) attempt(() => open.stop());
});
$("new-chat").onclick = (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(null);
};
$("log-out").onclick = () => attempt(async () => {
  await api.logOut();
  forgetAll();
  tellLogOut();
  leave();
});
const leave = () => location.assign(api.BASE);
onLogOut(leave);
for (const button of $("suggestions").children) button.onclick = () => send(button.textContent);

$("export").onchange = ({ target }) => {
  const kind = target.value;
  target.value = "";
  attempt(() => save(kind));
};
new SettingsView($, { removeAll });
new AgentsView($, {
  confirm: (question) => shell.confirm(question),
  failed,
  changed: (id) => attempt(() => offer(id)),
});
new KeysView($, { confirm: (question, name) => shell.confirm(question, name), failed });
keepFocus(() => composer.text);
enter();
