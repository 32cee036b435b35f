"""Thousands of events while hooks, ingesters and monitors are killed (SIGKILL) at random moments.

    cd tests
    python -m safety.kills                                 100,000 events, 200 kills: half an hour on a busy machine
    python -m safety.kills --events 1000 --kills 20

Each session has five events, and each of these sets a time of its own in the session's row. So the row shows each event
that arrived: all that were not killed must be there, with a time between the start and the end of their hook. An event
that counted twice would change nothing but what an undisturbed pass over the same events would not set: the rows must
be equal to the rows of such a pass.

Hooks are forked from this process, which has imported what a hook imports; each 50th is a process of its own. Ingesters
and monitors are real. This process adopts the ingesters, which are detached, to find and kill them.
"""

import argparse
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from claude_session_status.claude import background, hook, payload
from claude_session_status.claude.ingest import Ingester
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from claude_session_status.store.files import broken_files

COMMAND = [sys.executable, "-m", "claude_session_status"]
# Command, and the time in the row that only this event sets.
EVENTS = (
    ("mark-start", "opened_at"),
    ("mark-prompt", "prompted_at"),
    ("mark-wait", "waiting_at"),
    ("mark-turn", "answered_at"),
    ("mark-end", "ended_at"),
)
EVENTS_PER_ROUND = 5000  # each round has a new folder
AT_ONCE = 4  # hooks
OPEN_SESSIONS = 20
REAL_EACH = 50  # one of so many hooks starts an interpreter
_SET_CHILD_SUBREAPER = 36


@dataclass(slots=True)
class Call:
    """One hook call, and when it ran (epoch seconds)."""

    session: str
    number: int  # of the event
    began: float
    ended: float = 0.0
    killed: bool = False


@dataclass(slots=True)
class Figures:
    """What happened, and what is wrong."""

    events: int = 0
    rounds: int = 0
    killed_hooks: int = 0
    killed_ingesters: int = 0
    killed_monitors: int = 0
    killed_but_recorded: int = 0
    monitors: int = 0
    databases_set_aside: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """All kills."""
        return self.killed_hooks + self.killed_ingesters + self.killed_monitors


class Round:
    """Some events and kills in a new folder."""

    def __init__(self, folder: Path, events: int, kills: int, dice: random.Random, figures: Figures) -> None:
        self._where = Paths(str(folder / "claude"))
        self._undisturbed = Paths(str(folder / "undisturbed"))
        self._events = events
        self._dice = dice
        self._figures = figures
        self._kinds = [("hook", "ingester", "monitor")[number % 3] for number in range(kills)]
        self._kill_at = set(dice.sample(range(events // 20, events), kills))
        self._complaints = folder / "complaints"
        self._running: dict[int, Call] = {}
        self._calls: list[Call] = []
        self._monitor: subprocess.Popen[bytes] | None = None
        self._ingester_dies_at: float | None = None
        self._monitor_dies_at: float | None = None

    def run(self) -> None:
        """Run all of it, and check what is left."""
        os.environ["CLAUDE_CONFIG_DIR"] = self._where.claude_dir
        os.environ["CLAUDE_PID"] = str(os.getpid())
        for number, (session, event) in enumerate(self._plan()):
            while len(self._running) >= AT_ONCE:
                self._wait()
            self._start(session, event, is_real=number % REAL_EACH == 0)
            if number in self._kill_at:
                self._kill(self._kinds.pop())
            self._kill_what_is_due()
        while self._running:
            self._wait()
        while self._ingester_dies_at or self._monitor_dies_at:
            self._kill_what_is_due()
            time.sleep(0.01)
            if self._running:  # a hook that was to start an ingester
                self._wait()
        self._end_monitor()
        self._check()

    def _plan(self) -> list[tuple[str, int]]:
        """Session and event of each call: OPEN_SESSIONS take turns at random."""
        plan: list[tuple[str, int]] = []
        new, open_sessions = 0, dict[str, int]()
        while len(plan) < self._events:
            while len(open_sessions) < OPEN_SESSIONS:
                open_sessions[f"{new:08d}-killed"] = 0
                new += 1
            session = self._dice.choice(list(open_sessions))
            plan.append((session, open_sessions[session]))
            open_sessions[session] += 1
            if open_sessions[session] == len(EVENTS):
                del open_sessions[session]
        return plan

    def _start(self, session: str, event: int, *, is_real: bool) -> None:
        command = EVENTS[event][0]
        given, filled = os.pipe()
        os.write(filled, json.dumps({"session_id": session, "cwd": "/srv/shop"}).encode())
        os.close(filled)
        call = Call(session, event, time.time())
        complaints = os.open(self._complaints, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        child = os.fork()
        if child == 0:
            os.dup2(given, 0)
            os.dup2(complaints, 2)
            if is_real:
                os.execv(sys.executable, [*COMMAND, command])
            hook.main(command)
            os._exit(0)
        os.close(given)
        os.close(complaints)
        self._running[child] = call
        self._calls.append(call)

    def _wait(self) -> None:
        """Wait for one hook to end; ingesters that end meanwhile are reaped."""
        child, status = os.waitpid(-1, 0)
        call = self._running.pop(child, None)
        if call is not None:
            call.ended = time.time()
            if status != 0 and not call.killed:
                self._figures.wrong.append(f"a hook ended with status {status}")
        elif self._monitor is not None and child == self._monitor.pid:
            self._monitor.returncode = status

    # ---- kills --------------------------------------------------------------

    def _kill(self, what: str) -> None:
        now = time.monotonic()
        if what == "hook":
            child, call = next(reversed(self._running.items()))
            time.sleep(self._dice.uniform(0, 0.004))
            call.killed = True
            os.kill(child, signal.SIGKILL)
            self._figures.killed_hooks += 1
        elif what == "ingester":
            self._end_monitor()
            self._ingester_dies_at = now + self._dice.uniform(0.1, 0.6)
        else:
            if self._monitor is None:
                self._start_monitor()
            self._monitor_dies_at = now + self._dice.uniform(0.3, 3.0)

    def _kill_what_is_due(self) -> None:
        now = time.monotonic()
        if self._monitor_dies_at is not None and now >= self._monitor_dies_at and self._monitor is not None:
            self._monitor.kill()
            self._monitor_dies_at = None
            self._figures.killed_monitors += 1
            self._forget_monitor()
        if self._ingester_dies_at is not None and now >= self._ingester_dies_at:
            if ingester := self._ingester():
                os.kill(ingester, signal.SIGKILL)
                self._ingester_dies_at = None
                self._figures.killed_ingesters += 1
            elif not self._running:
                self._start(f"starter-{len(self._calls)}", 0, is_real=False)  # a hook that starts one

    def _ingester(self) -> int | None:
        """An ingester that runs: a child, since this process adopts what its own children leave."""
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes()
            except OSError:
                continue
            if background.COMMAND.encode() in command.split(b"\0"):
                return int(child)
        return None

    def _start_monitor(self) -> None:
        self._monitor = subprocess.Popen([*COMMAND, "status", "--short", "--follow"], stdout=subprocess.DEVNULL)
        self._figures.monitors += 1

    def _end_monitor(self) -> None:
        """End the monitor as a user does, unless it is to be killed later."""
        if self._monitor is not None and self._monitor_dies_at is None:
            self._monitor.terminate()
            self._forget_monitor()

    def _forget_monitor(self) -> None:
        assert self._monitor is not None
        if self._monitor.returncode is None:
            self._monitor.wait()
        self._monitor = None
        if self._dice.random() < 0.5:  # as if its heartbeat had grown old; else hooks trust it for ten seconds
            Path(self._where.monitor_alive).unlink(missing_ok=True)

    # ---- what is left -------------------------------------------------------

    def _check(self) -> None:
        wrong = self._figures.wrong
        last = subprocess.run([*COMMAND, "status", "--json", "--all"], capture_output=True, text=True)
        if last.returncode or last.stderr:
            wrong.append(f"status ended with {last.returncode}: {last.stderr}")
        while self._ingester() is not None:
            time.sleep(0.05)
            self._reap()
        wrong += [f"left in the spool: {name}" for name in os.listdir(self._where.spool) if not name.endswith(".tmp")]
        if self._complaints.exists() and (said := self._complaints.read_text()):
            wrong.append(f"hooks complained: {said[:500]}")
        rows = {session.session_id: session for session in Store(self._where.database).load()}
        spool = Spool(self._undisturbed.spool)
        for call in self._calls:
            command, column = EVENTS[call.number]
            row = rows.get(call.session)
            at = getattr(row, column) if row is not None else None
            if at is None:
                if not call.killed:
                    wrong.append(f"lost: {command} of {call.session}")
                continue
            self._figures.killed_but_recorded += call.killed
            if not call.began - 0.001 <= at <= call.ended:
                wrong.append(f"{command} of {call.session} at {at}, not between {call.began} and {call.ended}")
            note = hook.note_of({"session_id": call.session, "cwd": "/srv/shop"}, command, at, os.environ)
            assert note is not None
            spool.write(payload.encode(note), at)
        Ingester(self._undisturbed, Store(self._undisturbed.database)).drain()
        expected = {session.session_id: session for session in Store(self._undisturbed.database).load()}
        if rows.keys() - expected.keys():
            wrong.append(f"rows of sessions without an event: {sorted(rows.keys() - expected.keys())[:5]}")
        wrong += [
            f"not as undisturbed: {rows[name]} {expected[name]}" for name in expected if rows[name] != expected[name]
        ]
        self._figures.events += len(self._calls)
        self._figures.databases_set_aside += len(broken_files(self._where.database))

    def _reap(self) -> None:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


def run(root: Path, events: int, kills: int, seed: int = 7, *, verbose: bool = False) -> Figures:
    """Run all rounds below `root`. Changes the environment of this process, and adopts orphans."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    figures, began = Figures(), time.monotonic()
    rounds = max(1, round(events / EVENTS_PER_ROUND))
    for number in range(rounds):
        folder = root / str(number)
        folder.mkdir()
        share = kills * (number + 1) // rounds - kills * number // rounds
        Round(folder, events // rounds, share, random.Random(f"{seed}:{number}"), figures).run()
        figures.rounds += 1
        figures.seconds = round(time.monotonic() - began, 1)
        if verbose:
            print(
                f"{figures.events} events, {figures.kills} kills, {len(figures.wrong)} wrong",
                file=sys.stderr,
                flush=True,
            )
        shutil.rmtree(folder)
    return figures


def main() -> int:
    """Run as the command line says, print the figures as JSON; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="kills-", dir=memory) as root:
        figures = run(Path(root), chosen.events, chosen.kills, chosen.seed, verbose=True)
    print(json.dumps({**asdict(figures), "kills": figures.kills}, indent=1))
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
