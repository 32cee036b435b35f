// The mod's hooks in a stand-in for their host: which calls it makes, when it pings, and that no failure of it reaches
// Claude Code. By hand: node --experimental-vm-modules --test tests/client/keep_warm_register.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { Host, START, usage } from "./keep_warm_host.mjs";

const README = readFileSync(new URL("../../packaging/claude-plugin-keep-warm/README.md", import.meta.url), "utf-8");
const LISTED = new Set([...README.matchAll(/`\$\.(\w+\.\w+)`/g)].map(found => found[1]));
const HOUR = { ephemeral_1h_input_tokens: 1000, ephemeral_5m_input_tokens: 0 };
const FIVE = { ephemeral_1h_input_tokens: 0, ephemeral_5m_input_tokens: 1000 };
const CHANGES = [
  ["command.run model", {}, "model-changed"],
  ["command.run fast", {}, "model-changed"],
  ["command.run effort", {}, "effort-changed"],
  ["classic.PostModelSwitch", {}, "model-changed"],
  ["session.compact", { trigger: "manual" }, "compacted"],
  ["session.end", { reason: "clear" }, "cleared"],
  ["session.end", { reason: "other" }, "ended"],
];

async function loaded() {
  const host = new Host();
  await host.load();
  return host;
}

test("nothing happens when it is loaded", async () => {
  const host = new Host();
  assert.deepEqual(await host.load(), [], "it makes no global");
  assert.deepEqual([host.calls, host.timers], [[], []]);
});

test("it hooks what its README lists, and each hook passes its event on", async () => {
  const host = await loaded();
  for (const name of Object.keys(host.hooks)) assert.ok(README.includes(`\`${name.split(" ")[0]}\``), name);
  assert.deepEqual(Object.keys(host.hooks).sort(), ["turn.step", ...new Set(CHANGES.map(([name]) => name))].sort());
  const reply = { usage: usage(HOUR), stopReason: "end_turn" };
  assert.deepEqual(await host.turn(reply), { seen: ["text"], reply });
  for (const [name, event] of CHANGES) assert.deepEqual(await host.event(name, event), { went: event });
});

for (const [what, split, ttl, order, due] of [
  ["an hour that the client names", HOUR, 3600, {}, 3420],
  ["an hour that only the order names", {}, 3600, { ttl: 3600 }, 3420],
  ["an hour that the client names, whatever the order says", HOUR, 3600, { ttl: 300 }, 3420],
  ["five minutes that the client names", FIVE, 300, { allow_five_minutes: 1, ttl: 3600 }, 240],
  ["five minutes where nobody names it", {}, 300, { allow_five_minutes: 1 }, 240],
]) {
  test(`the ping comes in time: ${what}`, async () => {
    const host = await loaded();
    await host.turn({ usage: usage(split), stopReason: "end_turn" });
    assert.equal(host.report.state, "ready");
    host.order(order);
    await host.pass(due - 1);
    assert.equal(host.forks, 0);
    await host.pass(2);
    assert.equal(host.forks, 1);
    assert.deepEqual([host.report.state, host.report.ttl, host.report.pid], ["kept", ttl, 7]);
    assert.ok(Math.abs(host.report.at - START - due) <= 1);
    await host.pass(due);
    assert.deepEqual([host.forks, host.report.in_a_row], [2, 2]);
    for (const call of host.calls) assert.ok(LISTED.has(call) || call === "timer.cancel", call);
  });
}

test("an order for an hour is seen after five minutes, where only the order names the TTL", async () => {
  const host = await loaded();
  await host.turn();
  await host.pass(1200);
  host.order({ ttl: 3600 });
  await host.pass(2300);
  assert.equal(host.forks, 1);
});

test("without an order it looks at files, rarely, and ends when the cache has expired", async () => {
  const host = await loaded();
  await host.turn({ usage: usage(HOUR), stopReason: "end_turn" });
  const before = host.calls.length;
  await host.pass(3380);
  assert.equal(host.calls.length, before);
  await host.pass(400);
  assert.deepEqual([host.forks, host.timers.length, host.report.state], [0, 0, "ready"]);
});

test("an order without consent to five minutes is refused once", async () => {
  const host = await loaded();
  await host.turn({ usage: usage(FIVE), stopReason: "end_turn" });
  host.order();
  await host.pass(280);
  assert.deepEqual([host.forks, host.report.reason], [0, "five-minutes"]);
  assert.equal(host.calls.filter(call => call === "fs.write").length, 2, "the request's report, and this one");
});

test("after a miss no ping comes before the next turn", async () => {
  const host = await loaded();
  await host.turn({ usage: usage(HOUR), stopReason: "end_turn" });
  host.order();
  host.fork = () => ({ usage: { cache_read_input_tokens: 0, cache_creation_input_tokens: 100_000 } });
  await host.pass(3 * 3600);
  assert.deepEqual([host.forks, host.report.state, host.report.pings.length], [1, "missed", 1]);
  host.fork = () => ({ usage: usage() });
  await host.turn({ usage: usage(HOUR), stopReason: "end_turn" });
  host.order();
  await host.pass(3500);
  assert.deepEqual([host.forks, host.report.state], [2, "kept"]);
});

test("a ping that the API refused is tried again every five seconds, until it would be late", async () => {
  const host = await loaded();
  await host.turn({ usage: usage(HOUR), stopReason: "end_turn" });
  host.order();
  host.fork = () => ({ isAnswered: false, reason: "api-error", usage: {} });
  await host.pass(3440);
  assert.deepEqual([host.forks, host.report.state, host.report.reason], [5, "failed", "api"]);
  await host.pass(200);
  assert.deepEqual([host.forks, host.report.state, host.report.reason], [36, "expired", "api"]);
});

test("no ping is sent while a request of the conversation is under way", async () => {
  const host = await loaded();
  await host.turn({ usage: usage(FIVE), stopReason: "end_turn" });
  host.order({ allow_five_minutes: 1 });
  const slow = async function* () {
    await host.pass(280);
    yield "text";
    return { usage: usage(FIVE), stopReason: "end_turn" };
  };
  for await (const _ of host.hooks["turn.step"](host.$, {}, slow)) assert.equal(host.forks, 0);
  assert.deepEqual([host.report.state, host.report.at], ["ready", START]);
});

test("no second ping is sent while one is under way, whatever the conversation does", async () => {
  const host = await loaded();
  const reply = { usage: usage(FIVE), stopReason: "end_turn" };
  await host.turn(reply);
  host.order({ allow_five_minutes: 1 });
  host.fork = async () => {
    if (host.forks === 1) {
      await host.turn(reply);
      await host.pass(250); // the API is slow
      assert.equal(host.forks, 1);
    }
    return { usage: usage() };
  };
  await host.pass(241);
  assert.deepEqual([host.forks, host.report.state, host.report.in_a_row], [1, "kept", 0]);
  await host.pass(10);
  assert.equal(host.forks, 2, "of the turn that came in between");
});

test("a model that is chosen during a turn ends it", async () => {
  const host = await loaded();
  const slow = async function* () {
    await host.event("command.run model");
    yield "text";
    return { usage: usage(HOUR), stopReason: "end_turn" };
  };
  for await (const _ of host.hooks["turn.step"](host.$, {}, slow));
  host.order();
  await host.pass(3590);
  assert.deepEqual([host.forks, host.report], [0, null]);
});

test("what changes the prefix ends it until the next turn", async t => {
  for (const [name, event, reason] of CHANGES) {
    await t.test(`${name} ${JSON.stringify(event)}`, async () => {
      const host = await loaded();
      await host.turn({ usage: usage(HOUR), stopReason: "end_turn" });
      host.order();
      await host.event(name, event);
      assert.deepEqual([host.report.state, host.report.reason], ["refused", reason]);
      await host.pass(3590);
      assert.equal(host.forks, 0);
    });
  }
});

test("a subagent's requests and compactions change nothing", async () => {
  const host = await loaded();
  await host.turn({ usage: usage(HOUR), stopReason: "end_turn" }, { agentId: "a" });
  assert.deepEqual([host.calls, host.report], [[], null]);
  await host.turn({ usage: usage(HOUR), stopReason: "end_turn" });
  await host.event("session.compact", { agentId: "a", trigger: "auto" });
  await host.event("session.compact", { trigger: "precompute" });
  assert.equal(host.report.state, "ready");
});

test("no call that fails reaches Claude Code", async t => {
  for (const failing of [...LISTED, "timer.cancel"]) {
    await t.test(failing, async () => {
      const host = await loaded();
      const reply = { usage: usage(HOUR), stopReason: "end_turn" };
      const all = async () => {
        assert.deepEqual(await host.turn(reply), { seen: ["text"], reply });
        host.order();
        await host.pass(3700);
        for (const [name, event] of CHANGES) {
          assert.deepEqual(await host.turn(reply), { seen: ["text"], reply });
          assert.deepEqual(await host.event(name, event), { went: event });
        }
      };
      await all();
      host.failing = failing; // with and without a request that it knows from before
      await all();
      const fresh = await loaded();
      fresh.failing = failing;
      assert.deepEqual(await fresh.turn(reply), { seen: ["text"], reply });
    });
  }
});

test("a request that fails fails as it would without the mod", async () => {
  const host = await loaded();
  const broken = async function* () {
    yield "text";
    throw new Error("the API is down");
  };
  const steps = host.hooks["turn.step"](host.$, {}, broken);
  assert.equal((await steps.next()).value, "text");
  await assert.rejects(() => steps.next(), /the API is down/);
  assert.equal((await host.turn()).seen.length, 1);
});
