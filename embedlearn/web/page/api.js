// The API as functions: waits and tries again where that helps, asks for the token where it is missing.

const KEY = "embedlearn-token";
const MOST_TRIES = 8;
const LONGEST = 60;

let token = null;
let onWaiting = () => {};
let onToken = async () => null;
let asking = null;
const pauses = new Map();

/** What the server refused to do: its HTTP status, its one line and its word. */
export class Refused extends Error {
  constructor(status, line, code) {
    super(line);
    this.status = status;
    this.code = code;
  }
}

/** Take the token from the address, out of sight; `waiting(line or null)` and `askForToken(wrong)` are the page's. */
export function begin(waiting, askForToken) {
  onWaiting = waiting;
  onToken = askForToken;
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keep(given);
    history.replaceState(null, "", location.pathname + location.search);
  } else token = stored();
}

/** Everything the page shows of one film. */
export const read = (film, signal) => ask("v1/read?k=8", { body: filled({ film }), signal });
/** The embedding of one film. */
export const embed = (film, signal) => ask("v1/embed", { body: filled({ film }), signal });
/** Answers to embeddings from examples of one's own. */
export const classify = (embeddings, support, signal) =>
  ask("v1/classify", { body: JSON.stringify({ embeddings, support }), type: "application/json", signal });
/** Why a film is answered as it is, from examples of one's own, or against one case of the gallery. */
export const explain = (film, { support = null, id = null }, signal) =>
  ask(`v1/explain${id === null ? "" : `?case=${encodeURIComponent(id)}`}`, { body: filled({ film, support }), signal });
export const about = () => ask("v1/about");
export const points = () => ask("v1/map");
export const examples = () => ask("v1/examples");
export const example = (name, signal) => ask(`v1/examples/${encodeURIComponent(name)}`, { signal, as: "blob" });
export const oneCase = (id, signal) => ask(`v1/cases/${encodeURIComponent(id)}`, { signal });
export const caseFilm = (id, signal) => ask(`v1/cases/${encodeURIComponent(id)}/film`, { signal, as: "blob" });

/** A form of one film, whose name is not sent, and a support. */
function filled({ film, support = null }) {
  const form = new FormData();
  form.append("film", film, "film");
  if (support) form.append("support", new Blob([JSON.stringify(support)], { type: "application/json" }), "support");
  return form;
}

async function ask(path, asked = {}) {
  const key = Symbol(path);
  try {
    return await trying(path, asked, key);
  } finally {
    pauses.delete(key);
    show();
  }
}

async function trying(path, { body, type, signal, as = "json" }, key) {
  for (let tries = 1; ; tries++) {
    const sent = token;
    const headers = { ...(sent && { Authorization: `Bearer ${sent}` }), ...(type && { "Content-Type": type }) };
    let answer, told;
    try {
      answer = await fetch(path, { method: body ? "POST" : "GET", body, headers, signal, cache: "no-store" });
      told = answer.ok ? await answer[as]() : await answer.json().catch(() => ({}));
    } catch (error) {
      if (signal?.aborted) throw error;
      await pause(key, "The server does not answer", Math.min(2 ** (tries - 1), 15), signal);
      continue;
    }
    if (answer.ok) return told;
    if (answer.status === 401 && (await another(sent))) continue;
    if ([429, 503].includes(answer.status) && tries < MOST_TRIES) {
      const seconds = Math.min(Number(answer.headers.get("Retry-After")) || 2 ** (tries - 1), LONGEST);
      await pause(
        key,
        answer.status === 429 ? "The server asks for a little patience" : "The server is busy",
        seconds,
        signal,
      );
      continue;
    }
    throw new Refused(answer.status, told.error ?? `The server refused with ${answer.status}`, told.code ?? "");
  }
}

/** Wait and say so, second by second. */
async function pause(key, why, seconds, signal) {
  for (let left = Math.ceil(seconds); left > 0; left--) {
    pauses.set(key, `${why}; trying again in ${left} s.`);
    show();
    await second(signal);
  }
  pauses.set(key, `${why}; trying again now.`);
  show();
}

function second(signal) {
  return new Promise((done, failed) => {
    const stop = () => {
      clearTimeout(timer);
      failed(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      done();
    }, 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

function show() {
  onWaiting([...pauses.values()].at(0) ?? null);
}

/** Whether there is another token than the one that was refused; all who wait ask once. */
async function another(refused) {
  if (token !== refused) return true;
  asking ??= onToken(Boolean(refused)).finally(() => (asking = null));
  const given = await asking;
  if (given) keep(given);
  return Boolean(given);
}

function keep(given) {
  token = given;
  try {
    sessionStorage.setItem(KEY, given);
  } catch {
    // storage may be switched off: the token is then kept until the page is left
  }
}

function stored() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
