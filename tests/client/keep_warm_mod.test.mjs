// The mod's decisions as tables of cases; test_keep_warm_mod.py runs its hooks inside the real client. Run by
// test_keep_warm_rules.py; by hand: node --test tests/client/keep_warm_mod.test.mjs
import assert from "node:assert/strict";
import test from "node:test";

import { clientsOf, decide, isSessionId, judge, newest, orderFrom, requestFrom, waitFor, withTtl } from
  "../../packaging/claude-plugin-keep-warm/hooks/decisions.mjs";

const NOW = 1_800_000_000;
const FIVE = { session: "s", at: NOW, ttl: 300, tokens: 100_000, shared: 100_000, model: "opus" };
const HOUR = { ...FIVE, ttl: 3600 };
const ORDER = { at: NOW, until: NOW + 90_000, maxPings: 20, allowsFiveMinutes: true, ttl: null };
const FACTS = { session: "s", model: "opus", clients: 1, inARow: 0, wasRefused: false, order: ORDER };
const READ = { at: NOW, until: NOW + 3600, maxPings: 20, allowsFiveMinutes: false, ttl: null };
const WRITTEN = { v: 1, at: NOW, until: NOW + 3600, max_pings: 20, allow_five_minutes: 0 };

test("a decision", async t => {
  const cases = [
    ["long before the expiry it waits", FIVE, 10, {}, "wait", undefined, 200],
    ["an order in time waits for its moment", FIVE, 220, {}, "wait", undefined, 20],
    ["a minute before five are over it pings", FIVE, 240, {}, "ping"],
    ["an order in the last minute still counts", FIVE, 290, {}, "ping"],
    ["three minutes before an hour is over it pings", HOUR, 3420, {}, "ping"],
    ["and not four", HOUR, 3380, {}, "wait", undefined, 10],
    ["not in the last five seconds", FIVE, 296, {}, "stop", "slept"],
    ["not after the expiry", FIVE, 400, {}, "stop", "slept"],
    ["not after the API was down over it", FIVE, 400, { wasRefused: true }, "stop", "api"],
    ["an order that came after the expiry missed nothing", FIVE, 400, { order: { ...ORDER, at: NOW + 350 } }, "stop", undefined],
    ["without an order it looks again", FIVE, 250, { order: null }, "wait", undefined, 5],
    ["an expiry that nobody wanted to prevent is no news", FIVE, 400, { order: null }, "stop", undefined],
    ["another session in this client", FIVE, 250, { session: "other" }, "stop", undefined],
    ["another model", FIVE, 250, { model: "sonnet" }, "stop", "model-changed"],
    ["five minutes that nobody confirmed", FIVE, 250, { order: { ...ORDER, allowsFiveMinutes: false } }, "wait", "five-minutes", 5],
    ["an hour needs no confirmation", HOUR, 3450, { order: { ...ORDER, allowsFiveMinutes: false } }, "ping"],
    ["the budget's last ping", FIVE, 250, { inARow: 19 }, "ping"],
    ["the budget is used", FIVE, 250, { inARow: 20 }, "wait", "max-pings", 5],
    ["a second client", FIVE, 250, { clients: 2 }, "wait", "other-client", 5],
    ["a client that no registry names", FIVE, 250, { clients: 0 }, "ping"],
    ["a turn whose newest message is large", { ...FIVE, shared: 80_000 }, 250, {}, "wait", "busy", 5],
    ["a turn whose newest message is small", { ...FIVE, shared: 95_000 }, 250, {}, "ping"],
  ];
  for (const [what, request, passed, changes, act, reason, seconds] of cases) {
    await t.test(what, () => {
      const found = decide({ ...FACTS, ...changes, request, now: NOW + passed });
      assert.deepEqual([found.act, found.reason, found.seconds], [act, reason, seconds]);
    });
  }
});

test("an order", async t => {
  const cases = [
    ["as it is written", {}, READ],
    ["five minutes confirmed", { allow_five_minutes: 1 }, { ...READ, allowsFiveMinutes: true }],
    ["with the TTL", { ttl: 3600 }, { ...READ, ttl: 3600 }],
    ["with a TTL that no cache has", { ttl: 7200 }, READ],
    ["further keys change nothing", { more: 7 }, READ],
    ["an absurd budget is cut", { max_pings: 1e9 }, { ...READ, maxPings: 100 }],
    ["over", { until: NOW }, null],
    ["older than a day", { at: NOW - 90_000, until: NOW + 9 }, null],
    ["from the future", { at: NOW + 60 }, null],
    ["another version", { v: 2 }, null],
    ["text in place of a number", { until: "tomorrow" }, null],
    ["a missing number", { max_pings: undefined }, null],
  ];
  for (const [what, changes, expected] of cases) {
    await t.test(what, () => assert.deepEqual(orderFrom(JSON.stringify({ ...WRITTEN, ...changes }), NOW), expected));
  }
  for (const text of ["", "{", "null", "[]", "7", '"x"']) {
    await t.test(`no order: ${text}`, () => assert.equal(orderFrom(text, NOW), null));
  }
});

test("a request", async t => {
  const of = (usage, more = {}) => requestFrom({ session: "s", at: NOW, model: "opus", usage, callsTools: false, ...more });
  const wrote = (five, hour) => ({
    cache_creation_input_tokens: five + hour, ephemeral_5m_input_tokens: five, ephemeral_1h_input_tokens: hour,
  });
  const read = { cache_read_input_tokens: 900 };
  const cases = [
    ["that wrote for five minutes", of(wrote(9, 0)), 300],
    ["that wrote for an hour", of(wrote(0, 9)), 3600],
    ["that wrote both counts by the shorter", of(wrote(9, 9)), 300],
    ["that only read has its session's TTL", of(read, { before: HOUR }), 3600],
    ["that only read, in another session", of(read, { before: { ...HOUR, session: "other" } }), null],
    ["that only read, the first one", of(read), null],
    ["of a client that does not name the TTL", of({ cache_creation_input_tokens: 9 }), null],
  ];
  for (const [what, found, ttl] of cases) await t.test(what, () => assert.equal(found.ttl, ttl));
  await t.test("without a cache", () => assert.equal(of({}), null));
  await t.test("whose tools run", () => {
    const found = of({ ...read, ...wrote(100, 0) }, { callsTools: true });
    assert.deepEqual([found.tokens, found.shared], [1000, 900]);
  });
  await t.test("is looked at before its ping is due", () => assert.equal(waitFor(HOUR, NOW), 3600 - 180 - 30));
});

test("the TTL that counts", async t => {
  const unknown = { ...FIVE, ttl: null };
  const cases = [
    ["is the client's, whatever the order says", HOUR, { ...ORDER, ttl: 300 }, 10, 3600],
    ["is the order's where the client names none", unknown, { ...ORDER, ttl: 3600 }, 10, 3600],
    ["is so after five minutes as well", unknown, { ...ORDER, ttl: 3600 }, 3400, 3600],
    ["is five minutes where nobody names it", unknown, null, 10, 300],
    ["may be an hour when five minutes are over", unknown, null, 296, 3600],
    ["is five minutes for an order of an older program", unknown, ORDER, 296, 300],
  ];
  for (const [what, request, order, passed, ttl] of cases) {
    await t.test(what, () => assert.equal(withTtl(request, order, NOW + passed).ttl, ttl));
  }
});

test("a judgement", async t => {
  const reply = (read, wrote, more = {}) => ({
    isAnswered: true, usage: { input_tokens: 40, cache_read_input_tokens: read, cache_creation_input_tokens: wrote, output_tokens: 5 }, ...more,
  });
  const cases = [
    ["a hit", reply(100_000, 8), "kept", "", true],
    ["just a hit", reply(80_000, 19_999), "kept", "", true],
    ["read too little", reply(79_999, 0), "missed", "", false],
    ["wrote too much", reply(100_000, 20_000), "missed", "", false],
    ["all written anew", reply(0, 100_000), "missed", "", false],
    ["no cache at all", reply(0, 0), "missed", "", false],
    ["a hit without a text", reply(100_000, 8, { isAnswered: false, reason: "empty-reply" }), "kept", "", true],
    ["refused by the API", { isAnswered: false, reason: "api-error", status: 500, usage: {} }, "failed", "api", null],
    ["nothing to fork", { isAnswered: false, reason: "nothing-to-fork" }, "failed", "nothing-to-fork", null],
  ];
  for (const [what, given, state, reason, kept] of cases) {
    await t.test(what, () => {
      const found = judge(FIVE, NOW + 240, given, NOW + 241);
      assert.deepEqual([found.state, found.reason, found.ping?.kept ?? null], [state, reason, kept]);
    });
  }
  await t.test("a miss after the expiry is a late one", () => {
    for (const [answeredAt, reason, late] of [[NOW + 299, "", undefined], [NOW + 310, "late", true]]) {
      const found = judge(FIVE, NOW + 240, reply(0, 100_000), answeredAt);
      assert.deepEqual([found.state, found.reason, found.ping.late], ["missed", reason, late]);
    }
  });
});

test("the rest", () => {
  const entry = (pid, sessionId) => JSON.stringify({ pid, sessionId });
  assert.deepEqual(clientsOf([entry(1, "s"), entry(2, "other"), "{", "null", entry("3", "s"), entry(4, "s")], "s"), [1, 4]);
  assert.equal(newest(Array(60).fill(0)).length, 50);
  for (const id of ["", "../x", "a/b", "x".repeat(65), "ä", null, undefined]) assert.equal(isSessionId(id), false);
  assert.ok(isSessionId("0b7d7a2e-1111-4222-8333-444455556666"));
});
