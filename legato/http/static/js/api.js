/**
 * The server's routes, as functions; their paths are relative to BASE.  Every failure is an
 * HttpError or fetch's own TypeError.
 */

/** The server refused.  `message` is for people; 401 means: log in again. */
export class HttpError extends Error {
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter; // seconds; 0 where the server did not say
  }

  get needsLogin() {
    return this.status === 401;
  }
}

/** The HttpError a response stands for; the body says why where it is JSON. */
export async function errorOf(response) {
  const body = await response.json().catch(() => ({}));
  const message = body.message || body.error || `The server answered ${response.status}.`;
  return new HttpError(response.status, message, Number(response.headers.get("Retry-After")) || 0);
}

async function call(method, path, body) {
  const response = await fetch(BASE + path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  if (!response.ok) throw await errorOf(response);
  return response.json().catch(() => ({}));
}

const PATIENCE = 30_000; // ms for the whole reply to a reading

/** Read, until `signal` is aborted.  A reading that hangs fails as one does that reaches nobody: others wait for its end. */
async function read(path, signal) {
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    const ends = signal ? AbortSignal.any([signal, patience]) : patience;
    const response = await fetch(BASE + path, { method: "GET", cache: "no-store", signal: ends });
    if (!response.ok) throw await errorOf(response);
    return await response.json();
  } catch (error) {
    if (error instanceof HttpError || error.name === "AbortError") throw error;
    throw new TypeError("The server does not answer, or not in JSON.", { cause: error });
  }
}

const at = (id) => encodeURIComponent(id);

/** Where the page is: `/`, or the path below which a proxy has it, with a slash at its end. */
export const BASE = new URL(import.meta.url).pathname.replace(/static\/(?:[0-9a-f]{16}\/)?js\/api\.js$/, "");

/** The address of a conversation; of none, that of a new one. */
export const pageOf = (id) => (id === null ? BASE : `${BASE}c/${at(id)}`);

/** The address of what is known of all jobs, or of one. */
export const inspectPageOf = (id = null) => (id === null ? `${BASE}inspect` : `${BASE}inspect/${at(id)}`);

/** What happens in all conversations. */
export const EVENTS = `${BASE}api/events`;

export const streamPath = (id) => `${BASE}api/agents/chat/stream/${at(id)}`;

export const models = () => read("api/models");
/** Stands before an agent's id where models and agents are chosen from one list. */
export const AGENT = "agent:";

export const agents = () => read("api/agents?limit=100");

/** An agent with its instructions, for who may edit it. */
export const agent = (id) => read(`api/agents/${at(id)}/expanded`);

/** Make an agent, or change the one of `id`. */
export const saveAgent = (id, fields) =>
  id === null ? call("POST", "api/agents", fields) : call("PATCH", `api/agents/${at(id)}`, fields);

export const removeAgent = (id) => call("DELETE", `api/agents/${at(id)}`);
export const tools = () => read("api/agents/tools");
export const active = () => read("api/agents/chat/active");
export const status = (id) => read(`api/agents/chat/status/${at(id)}`);
const FOUND = 20; // messages found at once
const TITLED = 5; // conversations found by their title: who wants more writes another word
/** Your generations as times and counts; `everybody`: those of all users. */
export const jobs = (everybody) => read(`api/jobs${everybody ? "?everybody=true" : ""}`);
export const job = (id) => read(`api/jobs/${at(id)}`);

const FIRST = 20; // messages: more than a screen holds, and soon there, …
const PAGE = 40; // … and those above, for who scrolls

/** The newest messages, oldest first, as `{messages, nextCursor}`; `cursor`: those before. */
export function messages(id, cursor) {
  const query = new URLSearchParams(cursor ? { limit: PAGE, cursor } : { limit: FIRST });
  return read(`api/messages/${at(id)}?${query}`);
}
/** Messages found, as `{messages, nextCursor}`, each with an `excerpt`; `cursor`: those before. */
export function found(words, cursor, signal) {
  const query = new URLSearchParams({ search: words, limit: FOUND, ...(cursor && { cursor }) });
  return read(`api/messages?${query}`, signal);
}

/** The conversations last changed of those whose title has all words. */
export const titled = (words, signal) =>
  read(`api/convos?${new URLSearchParams({ search: words, limit: TITLED })}`, signal);

export const conversation = (id) => read(`api/convos/${at(id)}`);

export const rename = (conversationId, newTitle) =>
  call("POST", "api/convos/update", { arg: { conversationId, title: newTitle } });

export const remove = (conversationId) =>
  call("DELETE", "api/convos", { arg: { conversationId } });

export const keys = () => read("api/api-keys");

/** `expiresAt`: a time in ISO 8601; without it, whatever the server's rule is. */
export const makeKey = (name, expiresAt) => call("POST", "api/api-keys", { name, expiresAt });

export const revokeKey = (id) => call("DELETE", `api/api-keys/${at(id)}`);

/** Log in by `token`, in place of nobody. */
export async function logIn(token) {
  const body = new URLSearchParams({ token });
  const headers = { Accept: "application/json" };
  const response = await fetch(`${BASE}login`, { method: "POST", headers, body, redirect: "manual" });
  if (response.type !== "opaqueredirect") throw await errorOf(response);
}

/** End this browser's session, here and on the server. */
export const logOut = () => call("POST", "logout");

export const stop = (streamId, generationId) =>
  call("POST", "api/agents/chat/abort", { streamId, generationId });

export function conversations(cursor) {
  const query = new URLSearchParams({ limit: "25", ...(cursor && { cursor }) });
  return read(`api/convos?${query}`);
}

/** Start a generation; one whose reply was lost is joined, never repeated.  `clientRequestId`: the start's name, where
    the caller has one. */
export const start = (turn) => persistently("POST", "api/agents/chat", { clientRequestId: newName(), ...turn });

/** The turns that wait in a conversation, the next one first. */
export const queue = (id) => read(`api/agents/chat/queue/${at(id)}`);

/** `change`: cancel, front or now. */
export const changeQueue = (change, conversationId, generationId) =>
  persistently("POST", `api/agents/chat/queue/${change}`, { conversationId, generationId, clientRequestId: newName() });

export const editQueued = (generationId, text) =>
  persistently("PATCH", `api/agents/chat/queue/${at(generationId)}`, { text, clientRequestId: newName() });

/** Say something to a running answer: asked until the server has said something, or `signal` is aborted. */
export const steer = (words, signal) =>
  persistently("POST", "api/agents/chat/steer", words, { pauses: STUBBORN, signal });

/** What became of a steer of the caller's own name. */
export const receipt = (conversationId, name) =>
  read(`api/agents/chat/steers/${at(name)}?${new URLSearchParams({ conversationId })}`);

export const cancelSteer = (steer) => persistently("POST", "api/agents/chat/steer/cancel", steer);
export const armSteer = (steer) => persistently("POST", "api/agents/chat/steer/arm", steer);

/** Answer what a generation asks; the same answer again has the same reply. */
export const answer = (said) => persistently("POST", "api/agents/chat/resume", said);

const PAUSES = [500, 1500]; // ms
const STUBBORN = [500, 1500, ...Array(1000).fill(5000)];

/** A call that is repeated where the network fails, and where the server can take it in a moment. */
async function persistently(method, path, body, { pauses = PAUSES, signal } = {}) {
  for (const pause of pauses) {
    try {
      return await call(method, path, body);
    } catch (error) {
      if (isRefusal(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    signal?.throwIfAborted();
  }
  return call(method, path, body);
}

const SOON = 5; // s

const isRefusal = (error) =>
  error instanceof HttpError && !([409, 503].includes(error.status) && error.retryAfter > 0 && error.retryAfter <= SOON);

/** A name that no other request has; `randomUUID` is missing where the page came without TLS from
    another machine. */
export function newName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
