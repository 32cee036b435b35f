// What the mod decides, as pure functions of values and the time: no I/O, no state. Times are epoch seconds.

export const VERSION = "1.0";
const FIVE_MINUTES = 300, ONE_HOUR = 3600;

// How long before the expiry a ping is sent. Where the API refuses it, the client repeats it for about 160 s, and nothing
// can stop that: within an hour there is time for it, within five minutes it would double the number of pings.
export const LEAD_SECONDS = { [FIVE_MINUTES]: 60, [ONE_HOUR]: 180 };
// An order is looked for from this much earlier on.
const LOOK_EARLIER_SECONDS = 30;
// A request that begins later than this may arrive after the expiry, and would write the whole cache again.
export const LATE_SECONDS = 5;
// How soon an order is looked for again, and how soon a ping that the API refused is tried again.
export const AGAIN_SECONDS = 5;

const LONGEST_ORDER_SECONDS = 24 * 3600;
const MOST_PINGS = 100;
const PINGS_KEPT = 50;
export const isSessionId = text => typeof text === "string" && /^[0-9a-zA-Z-]{1,64}$/.test(text);

/** The order in a file's text, or null: not an order, in the future, older than a day, or over. */
export function orderFrom(text, now) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  const { v, at, until, max_pings: pings, allow_five_minutes: five, ttl } = found ?? {};
  const areNumbers = [at, until, pings, five].every(Number.isFinite);
  if (v !== 1 || !areNumbers || at > now + LATE_SECONDS || now - at > LONGEST_ORDER_SECONDS || until <= now) return null;
  return {
    at, until, maxPings: Math.min(pings, MOST_PINGS), allowsFiveMinutes: five === 1,
    ttl: ttl === FIVE_MINUTES || ttl === ONE_HOUR ? ttl : null,
  };
}

/**
 * The request that a cache's life counts from, or null where the response used no cache. Its `ttl` is null where the
 * client does not name it: older clients never do. `before` is the session's last request: a response that only read
 * does not name the TTL.
 */
export function requestFrom({ session, at, model, usage, callsTools, before }) {
  const read = usage.cache_read_input_tokens ?? 0;
  const tokens = read + (usage.cache_creation_input_tokens ?? 0);
  if (tokens === 0) return null;
  let ttl = before?.session === session ? before.ttl : null;
  if (usage.ephemeral_1h_input_tokens > 0) ttl = ONE_HOUR;
  if (usage.ephemeral_5m_input_tokens > 0) ttl = FIVE_MINUTES; // of two, the shorter one ends the whole
  // While the response's tools run, a ping shares with the request only what came before its newest message.
  const shared = callsTools ? read : tokens;
  return { session, at, ttl, tokens, shared, model };
}

/**
 * The request with the TTL that counts at `now`: the one that the client named, else the order's. Where nobody names it,
 * it is the shorter one until that is over.
 */
export function withTtl(request, order, now) {
  if (request.ttl !== null) return request;
  const isOver = now > request.at + FIVE_MINUTES - LATE_SECONDS;
  return { ...request, ttl: order?.ttl ?? (order === null && isOver ? ONE_HOUR : FIVE_MINUTES) };
}

// For both, and for what follows: a request with a TTL.
export const expiryOf = request => request.at + request.ttl;

/** Seconds until the mod must look at the request again. */
export function waitFor(request, now) {
  return Math.max(0, expiryOf(request) - LEAD_SECONDS[request.ttl] - LOOK_EARLIER_SECONDS - now);
}

/**
 * What to do now for a cache that nothing has renewed since `request`: `{ act, state?, reason?, seconds? }`.
 *
 * `act`: "ping"; "wait" for `seconds` and decide again; "stop" until the conversation's next request. `state` and
 * `reason` are for the report, where a person asked and does not get the ping.
 */
export function decide({ request, order, now, session, model, clients, inARow, wasRefused }) {
  const left = expiryOf(request) - now;
  if (session !== request.session) return { act: "stop" };
  if (left < LATE_SECONDS) {
    if (order === null || order.at > expiryOf(request)) return { act: "stop" }; // nobody had asked in time
    return { act: "stop", state: "expired", reason: wasRefused ? "api" : "slept" };
  }
  const early = waitFor(request, now);
  if (early > 0) return { act: "wait", seconds: early };
  if (order === null) return { act: "wait", seconds: AGAIN_SECONDS };
  // The client would send the conversation to the new model, which has cached nothing of it.
  if (model !== request.model) return { act: "stop", state: "refused", reason: "model-changed" };
  // These may change in time: the person may replace the order, or close the other client.
  const again = { act: "wait", seconds: AGAIN_SECONDS, state: "refused" };
  if (request.ttl === FIVE_MINUTES && !order.allowsFiveMinutes) return { ...again, reason: "five-minutes" };
  if (inARow >= order.maxPings) return { ...again, reason: "max-pings" };
  if (clients > 1) return { ...again, reason: "other-client" };
  if (request.shared < 0.9 * request.tokens) return { ...again, reason: "busy" };
  const tooEarly = left - LEAD_SECONDS[request.ttl];
  if (tooEarly > 0) return { act: "wait", seconds: tooEarly };
  return { act: "ping" };
}

/** Whether a ping kept the cache: it read the request's prefix, and wrote little. */
export function isKept(request, read, wrote) {
  return read >= 0.8 * request.tokens && wrote < 0.2 * request.tokens;
}

/**
 * What a ping's reply means: `{ ping, state, reason }`. `ping` is null where the reply reports no usage: it cost nothing.
 */
export function judge(request, at, reply, answeredAt) {
  const usage = reply.usage ?? {};
  const read = usage.cache_read_input_tokens ?? 0, wrote = usage.cache_creation_input_tokens ?? 0;
  const output = usage.output_tokens ?? 0;
  const kept = isKept(request, read, wrote);
  if (!kept && read + wrote + (usage.input_tokens ?? 0) + output === 0) {
    return { ping: null, state: "failed", reason: reply.reason === "api-error" ? "api" : reply.reason ?? "no-usage" };
  }
  // Late: the API was down, and the client's repeated request came after the expiry.
  const late = !kept && answeredAt >= expiryOf(request);
  const ping = { at, ttl: request.ttl, model: request.model, read, wrote, output, kept, ...(late && { late }) };
  return { ping, state: kept ? "kept" : "missed", reason: late ? "late" : "" };
}

/** The pings that a report keeps. */
export const newest = pings => pings.slice(-PINGS_KEPT);

/** The processes of the clients that list the session, of the texts of Claude Code's own registry. */
export function clientsOf(texts, session) {
  const pids = [];
  for (const text of texts) {
    try {
      const { pid, sessionId } = JSON.parse(text);
      if (sessionId === session && Number.isInteger(pid)) pids.push(pid);
    } catch {
      // Half written: the next look reads it whole.
    }
  }
  return pids;
}
