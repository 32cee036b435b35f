// Keeps the prompt cache of this client's main conversation warm while a person's order asks for it.
//
// It dates everything from the client's own requests. Before a cache expires it reads the order, makes one request on
// the conversation's prefix, and writes down what that request read and wrote. It reads of the conversation nothing but
// token counts, the model's name and the session's id. ../README.md lists all calls.

import {
  AGAIN_SECONDS, VERSION, clientsOf, decide, expiryOf, isSessionId, judge, newest, orderFrom, requestFrom, waitFor, withTtl,
} from "./decisions.mjs";

const PROMPT =
  "This message comes from a tool that keeps the prompt cache warm, not from the user. You have no tools here. " +
  "Answer at once, without thinking, with exactly: ok";

let request = null; // what the cache's life counts from, its TTL as far as it is known; null: nothing to keep warm
let running = 0; // requests of the main conversation under way
let changes = 0; // how often the model, the effort or the conversation changed
let isPinging = false;
let inARow = 0; // pings since the last request of the conversation
let pings = []; // of one session, the newest last
let pinged = ""; // that session
let wasRefused = false; // the API refused the last ping
let reported = ""; // the last report's state and reason, which is not written twice
let timer = null;
let pid = null; // this client's process, once the client's registry has named it

const now = async $ => (await $.clock.now()) / 1000;

/** Claude Code's own folder. */
async function configuration($) {
  const home = async () => (await $.env.get("HOME")) || (await $.env.get("USERPROFILE"));
  return (await $.env.get("CLAUDE_CONFIG_DIR")) || `${await home()}/.claude`;
}

const folder = async $ => `${await configuration($)}/claude-session-status`;

/** The running clients that list the session, of which one is this. Learns this client's process. */
async function clients($, session) {
  const registry = `${await configuration($)}/sessions`;
  try {
    const names = (await $.fs.list(registry)).map(entry => entry.name).filter(name => /^\d+\.json$/.test(name));
    const texts = await Promise.all(names.map(name => $.fs.read(`${registry}/${name}`).catch(() => "")));
    const listed = clientsOf(texts, session);
    if (listed.length === 1) [pid] = listed;
    return listed.length;
  } catch {
    return 0; // the registry is undocumented: without it, one client is the rule
  }
}

async function order($, session, at) {
  try {
    return orderFrom(await $.fs.read(`${await folder($)}/keep-warm/${session}.json`), at);
  } catch {
    return null; // no file: nobody asked
  }
}

/** Write the session's report, where the program is in use: its folder is there. */
async function report($, about, state, reason = "") {
  if (reported === `${state} ${reason}` && state === "refused") return;
  reported = `${state} ${reason}`;
  const { version } = await $.session.version();
  const { session, at, ttl, tokens, model } = about;
  const written = {
    v: 1, mod: VERSION, client: version, session, pid: pid ?? 0, at, ttl, tokens, model, state, reason,
    in_a_row: inARow, pings,
  };
  const root = await folder($);
  try {
    if (await $.fs.exists(root)) await $.fs.write(`${root}/mods/${session}.json`, `${JSON.stringify(written)}\n`);
  } catch {
    // A full disk or a file in the way: the person sees an older report, and the conversation goes on.
  }
}

function disarm() {
  try {
    timer?.cancel();
  } catch {
    // It fires, and finds nothing to do.
  }
  timer = null;
}

function arm($, seconds) {
  disarm();
  timer = $.clock.after(Math.ceil(seconds * 1000), () => look($).catch(forget));
}

/** Nothing is known of the cache any more: no ping until the conversation's next request. */
function forget() {
  disarm();
  request = null;
}

/** Decide what to do for the cache now, and do it. */
async function look($) {
  const about = request;
  if (about === null || running > 0 || isPinging) return; // the end of that request arms the timer anew
  const at = await now($);
  const session = await $.session.id();
  const asked = await order($, about.session, at);
  const dated = withTtl(about, asked, at);
  const facts = {
    request: dated, order: asked, now: at, session, inARow, wasRefused,
    model: await $.session.model(),
    clients: await clients($, about.session),
  };
  if (request !== about || running > 0) return; // a request began while the files were read
  const { act, seconds, state, reason } = decide(facts);
  if (act === "stop") forget();
  if (state !== undefined) await report($, dated, state, reason);
  if (act === "wait" && request === about) arm($, seconds);
  if (act === "ping") await ping($, about, dated);
}

/** Make the request. `dated` is `about` with its TTL. */
async function ping($, about, dated) {
  isPinging = true;
  let reply;
  const at = await now($);
  try {
    // No effort is named: another one than the session's would write the whole conversation again.
    reply = await $.model.fork({ prompt: PROMPT });
  } catch {
    reply = { isAnswered: false, reason: "failed" };
  } finally {
    isPinging = false;
  }
  const found = judge(dated, at, reply, await now($));
  if (found.ping !== null) pings = newest([...pings, found.ping]);
  // A request of the conversation came in between: the cache counts from that one, which is newer.
  const isNewest = request === about;
  if (isNewest) {
    wasRefused = found.state === "failed";
    if (found.state === "kept") {
      inARow += 1;
      request = { ...about, at };
    }
    if (found.state === "missed") forget(); // the next ping would read what this one wrote, and look like a hit
  }
  await report($, found.state === "kept" && isNewest ? { ...dated, at } : dated, found.state, found.reason);
  if (request !== null && running === 0) await armFor($, wasRefused);
}

/** Wait until the request has to be looked at. */
async function armFor($, isSoon) {
  const about = request, at = await now($);
  arm($, isSoon ? AGAIN_SECONDS : waitFor(withTtl(about, null, at), at));
}

/** A request of the main conversation was answered: the cache counts from its start. */
async function answered($, at, model, { usage, stopReason }) {
  const session = await $.session.id();
  if (!isSessionId(session)) return forget(); // it names files
  if (pinged !== session) pings = [];
  pinged = session;
  request = requestFrom({ session, at, model, usage, callsTools: stopReason === "tool_use", before: request });
  inARow = 0;
  wasRefused = false;
  if (request === null) return forget();
  await clients($, session);
  await report($, withTtl(request, null, at), "ready");
}

/** The cache's prefix changed: say so where a ping was possible, and wait for the next request. */
async function changed($, reason) {
  const about = request;
  changes += 1;
  forget();
  if (about === null) return;
  const at = await now($), dated = withTtl(about, null, at);
  if (expiryOf(dated) > at) await report($, dated, "refused", reason);
}

// The hooks. Each passes its event on unchanged, whatever happens here.

/** Dates each request of the main conversation. */
async function* step($, e, next) {
  if (e.agentId !== undefined) return yield* next(e); // a subagent's request is on another prefix
  const changesBefore = changes;
  let at = null, done = null;
  running += 1;
  try {
    at = await now($).catch(() => null);
    done = yield* next(e);
  } finally {
    running -= 1;
    try {
      if (changes !== changesBefore || at === null) forget();
      else if (done?.usage) await answered($, at, await $.session.model(), done);
      if (request !== null && running === 0) await armFor($, false);
    } catch {
      forget();
    }
  }
  return done;
}

async function modelMayChange($, e, next) {
  await changed($, "model-changed").catch(forget);
  return next(e);
}

async function effortMayChange($, e, next) {
  await changed($, "effort-changed").catch(forget);
  return next(e);
}

async function sessionEnds($, e, next) {
  await changed($, e.reason === "clear" ? "cleared" : "ended").catch(forget);
  return next(e);
}

async function compacts($, e, next) {
  // A summary that is written ahead of time changes nothing yet, and a subagent has a cache of its own.
  if (e.agentId === undefined && e.trigger !== "precompute") await changed($, "compacted").catch(forget);
  return next(e);
}

const passOn = ($, e, next) => next(e);

export function register(on) {
  on("turn.step", step);
  on("command.run", { command: "model" }, modelMayChange).catch(passOn);
  on("command.run", { command: "fast" }, modelMayChange).catch(passOn);
  on("command.run", { command: "effort" }, effortMayChange).catch(passOn);
  on("classic.PostModelSwitch", modelMayChange).catch(passOn);
  on("session.end", sessionEnds).catch(passOn);
  on("session.compact", compacts).catch(passOn);
}
