// A stand-in for Claude Code as a mod's host: a clock that the test moves, files in memory, hooks to call. The mod runs in
// a context with nothing but the language, so that it can reach the machine through `$` only.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const HOOKS = new URL("../../packaging/claude-plugin-keep-warm/hooks/", import.meta.url);
export const SESSION = "0b7f3c52-6f0e-4d43-9d0a-2f1f6c1f5a11";
export const START = 1_800_000_000;
const MOST_LOOKS = 1000; // the mod looks each 5 s at the most
const ROOT = "/home/u/.claude/claude-session-status";
export const ORDER = `${ROOT}/keep-warm/${SESSION}.json`;
export const REPORT = `${ROOT}/mods/${SESSION}.json`;

/** The usage of a response that read all and wrote a little; `split` names the TTL, which older clients do not. */
export const usage = (split = {}) => ({
  input_tokens: 3, output_tokens: 5, cache_read_input_tokens: 99_000, cache_creation_input_tokens: 1000, ...split,
});

export class Host {
  now = START;
  calls = []; // the names of all calls, as `fs.read`
  failing = null; // the call that throws
  timers = [];
  hooks = {};
  files = new Map([[ROOT, ""], ["/home/u/.claude/sessions/7.json", JSON.stringify({ pid: 7, sessionId: SESSION })]]);
  fork = () => ({ isAnswered: true, usage: usage() });
  forks = 0;

  constructor() {
    const read = path => {
      if (!this.files.has(path)) throw new Error(`no file ${path}`);
      return this.files.get(path);
    };
    const names = folder => [...this.files.keys()].filter(path => path.startsWith(`${folder}/`));
    const calls = {
      "model.fork": async given => ((this.forks += 1), this.fork(given)),
      "clock.now": async () => this.now * 1000,
      "clock.after": (milliseconds, run) => this.#arm(milliseconds, run),
      "session.id": async () => SESSION,
      "session.model": async () => "opus",
      "session.version": async () => ({ version: "2.1.290" }),
      "env.get": async name => (name === "HOME" ? "/home/u" : undefined),
      "fs.read": async path => read(path),
      "fs.list": async folder => names(folder).map(path => ({ name: path.slice(folder.length + 1) })),
      "fs.exists": async path => this.files.has(path),
      "fs.write": async (path, text) => void this.files.set(path, text),
    };
    const call = name => (...given) => {
      this.calls.push(name);
      if (this.failing === name) throw new Error(`${name} fails`);
      return calls[name](...given);
    };
    const group = one => new Proxy({}, { get: (_, two) => call(`${one}.${two}`) });
    this.$ = new Proxy({}, { get: (_, one) => group(one) });
  }

  #arm(milliseconds, run) {
    const timer = { at: this.now + milliseconds / 1000, run, cancel: () => this.#cancel(timer) };
    this.timers.push(timer);
    return timer;
  }

  #cancel(timer) {
    this.calls.push("timer.cancel");
    if (this.failing === "timer.cancel") throw new Error("timer.cancel fails");
    this.timers = this.timers.filter(other => other !== timer);
  }

  /** Load the mod anew. Returns the globals that it made. */
  async load() {
    const context = vm.createContext({});
    const load = name => new vm.SourceTextModule(readFileSync(new URL(name, HOOKS), "utf-8"), { context });
    const mod = load("register.mjs");
    await mod.link(name => load(name));
    await mod.evaluate();
    this.callsAtImport = [...this.calls];
    mod.namespace.register((event, ...rest) => {
      const filter = rest.length > 1 ? rest[0] : {};
      this.hooks[[event, ...Object.values(filter)].join(" ")] = rest.at(-1);
      return { catch: () => undefined };
    });
    return Object.keys(context);
  }

  /** A request of the conversation, and its response. */
  async turn(reply = { usage: usage(), stopReason: "end_turn" }, event = {}) {
    const respond = async function* () {
      yield "text";
      return reply;
    };
    const steps = this.hooks["turn.step"](this.$, event, respond);
    const seen = [];
    for (let step = await steps.next(); ; step = await steps.next()) {
      if (step.done) return { seen, reply: step.value };
      seen.push(step.value);
    }
  }

  /** Any other event; what Claude Code would go on with. */
  async event(name, event = {}) {
    return this.hooks[name](this.$, event, async given => ({ went: given }));
  }

  /** Write an order for three hours, with these changes. */
  order(changes = {}) {
    const order = { v: 1, at: this.now, until: this.now + 10_800, max_pings: 20, allow_five_minutes: 0, ...changes };
    this.files.set(ORDER, JSON.stringify(order));
  }

  get report() {
    return this.files.has(REPORT) ? JSON.parse(this.files.get(REPORT)) : null;
  }

  /** Let time pass, with every timer that falls due; each has finished before the next one. */
  async pass(seconds) {
    const until = this.now + seconds;
    for (let looks = 0; ; looks += 1) {
      if (looks > MOST_LOOKS) throw new Error(`more than ${MOST_LOOKS} timers in ${seconds} s`);
      const due = this.timers.filter(timer => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter(timer => timer !== due);
      this.now = Math.max(this.now, due.at);
      await due.run();
      await new Promise(resolve => setImmediate(resolve)); // what the mod does not wait for
    }
    this.now = Math.max(this.now, until);
  }
}
