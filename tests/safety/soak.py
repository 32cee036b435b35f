"""The soak: hundreds of sessions, thousands of events through real hook processes, with tray and watch open.

    cd tests
    python -m safety.soak                       200 sessions, 20,000 events: some seven minutes on two cores
    python -m safety.soak --events 1500         what the tests run

Prints the memory and the open files of tray and watch on the way, and what is left at the end.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from desktop.desktops.xfce import Xfce
from desktop.harness import Desktop
from fakes import Transcript
from terminal import Terminal
from waiting import wait_for

COMMAND = [sys.executable, "-m", "claude_session_status"]
WARM_UP = 0.6  # of the events: by then every part has run; in a short run the first notifications come at a third
AT_ONCE = 4  # hooks
POLL_SECONDS = 0.5  # as often as allowed: what grows with each poll grows four times as fast
NOTIFY_BEFORE_SECONDS = 298  # two seconds after each turn, so that notifications have their part from the start
SAMPLE_SECONDS = 0.25
REST_SECONDS = 4.0  # several polls
_COMMANDS = ("mark-start", "mark-prompt", "mark-turn", "mark-prompt", "mark-wait", "mark-turn")


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory and open files of one process at one moment."""

    events: int
    resident_mb: float
    files: int
    at_rest: bool = False  # no event came for a while


@dataclass(slots=True)
class Figures:
    """The measurements of a soak."""

    sessions: int
    events: int
    warm_at: int  # events
    seconds: float = 0.0
    tray: list[Sample] = field(default_factory=list)
    watch: list[Sample] = field(default_factory=list)
    notes_left: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # sessions whose row differs from their last event
    complaints: list[str] = field(default_factory=list)  # of hooks
    tray_log: str = ""

    def growth_mb(self, samples: list[Sample]) -> float:
        """How much more resident memory it held at rest at the end than at rest when warm."""
        return self._at_rest(samples, self.events).resident_mb - self._at_rest(samples, self.warm_at).resident_mb

    def leaked(self, samples: list[Sample]) -> int:
        """How many more files were open at rest at the end than at rest when warm."""
        return self._at_rest(samples, self.events).files - self._at_rest(samples, self.warm_at).files

    @staticmethod
    def _at_rest(samples: list[Sample], events: int) -> Sample:
        """What it held at its rest after so many events: the memory of most moments, and the fewest files.

        Each poll opens a database for a moment, and what that frees is given back to the system some seconds later. In
        the first half of a rest the last events still have their effect: the first notification opens a connection.
        """
        rest = [s for s in samples if s.events == events and s.at_rest]
        rest = rest[len(rest) // 2 :]
        return Sample(events, statistics.median(s.resident_mb for s in rest), min(s.files for s in rest), at_rest=True)


def soak(root: Path, sessions: int, events: int, *, verbose: bool = False) -> Figures:
    """Run it below `root`, on a desktop of its own."""
    figures = Figures(sessions, events, int(events * WARM_UP))
    terminal = Terminal()
    with Xfce(root) as desktop:
        try:
            desktop.start_panel()
            desktop.start_dunst()
            folder = desktop.home / ".claude/claude-session-status"
            folder.mkdir(parents=True)
            (folder / "config.toml").write_text(
                f"poll_seconds = {POLL_SECONDS}\nnotify_before_seconds = [{NOTIFY_BEFORE_SECONDS}]\n"
            )
            tray = desktop.start([*COMMAND, "tray"], "tray")
            item = desktop.item()
            terminal.start("watch", width=100, height=50, **desktop.env)
            terminal.wait(lambda s: "No sessions yet" in s)
            watched = {"tray": psutil.Process(tray.process.pid), "watch": psutil.Process(terminal.pid())}
            began = time.monotonic()
            expected = _run_hooks(desktop, figures, watched, verbose=verbose)
            figures.seconds = time.monotonic() - began
            _rest(desktop, figures, events, watched)
            figures.notes_left = [path.name for path in (folder / "spool").iterdir()]
            shown = json.loads(desktop.run(*COMMAND, "status", "--json", "--all"))["sessions"]
            found = {s["session_id"]: s["last_turn_at"] is not None for s in shown}
            figures.wrong = [name for name in expected if found.get(name) != expected[name]]
            wait_for("the last of it in the menu", lambda: len(item.menu()) > 3)
            assert tray.end() == 0
            figures.tray_log = tray.text
        finally:
            terminal.close()
    return figures


def _run_hooks(
    desktop: Desktop, figures: Figures, watched: dict[str, psutil.Process], *, verbose: bool
) -> dict[str, bool]:
    """Run all events; return which sessions had a turn."""
    dice, steps, turned = random.Random(7), Counter[int](), dict[str, bool]()
    running: list[subprocess.Popen[bytes]] = []
    next_sample = 0.0
    for number in range(figures.events):
        which = number if number < figures.sessions else dice.randrange(figures.sessions)
        name = f"{which:08d}-soak"
        command = _COMMANDS[steps[which] % len(_COMMANDS)]
        steps[which] += 1
        lines = Transcript(desktop.home / f".claude/projects/-x-{which}/{name}.jsonl")
        if command == "mark-turn":
            now = time.time()
            lines.user(now - 1).answer(now, message=f"m{number}", wrote_5m=7, read=100_000)
        turned[name] = turned.get(name, False) or command == "mark-turn"
        if number == figures.warm_at:
            while running:
                _finish(running.pop(0), figures)
            _rest(desktop, figures, number, watched)
        if len(running) == AT_ONCE:
            _finish(running.pop(0), figures)
        hook = subprocess.Popen(
            [*COMMAND, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=desktop.env,
        )
        assert hook.stdin is not None
        payload = {"session_id": name, "cwd": f"/x/project-{which}", "transcript_path": str(lines.path)}
        hook.stdin.write(json.dumps(payload).encode())
        hook.stdin.close()
        running.append(hook)
        if time.monotonic() >= next_sample:
            next_sample = time.monotonic() + SAMPLE_SECONDS
            _sample(figures, number, watched)
            if verbose and len(figures.tray) % 80 == 1:
                print(figures.tray[-1], figures.watch[-1], flush=True)
    for hook in running:
        _finish(hook, figures)
    return turned


def _finish(hook: "subprocess.Popen[bytes]", figures: Figures) -> None:
    assert hook.stdout is not None
    output = hook.stdout.read()
    hook.stdout.close()
    if hook.wait() or output:
        figures.complaints.append(f"exit code {hook.returncode}: {output.decode()}")


def _rest(desktop: Desktop, figures: Figures, events: int, watched: dict[str, psutil.Process]) -> None:
    """Wait until all notes are applied, then sample for a while with no new events."""
    spool = desktop.home / ".claude/claude-session-status/spool"
    wait_for("an empty spool", lambda: not list(spool.glob("*.json")), 30)
    until = time.monotonic() + REST_SECONDS
    while time.monotonic() < until:
        _sample(figures, events, watched, at_rest=True)
        time.sleep(SAMPLE_SECONDS / 5)


def _sample(figures: Figures, events: int, watched: dict[str, psutil.Process], *, at_rest: bool = False) -> None:
    for samples, process in ((figures.tray, watched["tray"]), (figures.watch, watched["watch"])):
        samples.append(Sample(events, process.memory_info().rss / 2**20, process.num_fds(), at_rest))


def main() -> int:
    """Run a soak as the command line says; 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--events", type=int, default=20_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as root:
        figures = soak(Path(root), chosen.sessions, chosen.events, verbose=True)
    print(f"{figures.events} events of {figures.sessions} sessions in {figures.seconds:.0f} s")
    for name, samples in (("tray", figures.tray), ("watch", figures.watch)):
        warm = next(s for s in samples if s.events >= figures.warm_at)
        print(
            f"{name}: {warm.resident_mb:.1f} MB when warm, {samples[-1].resident_mb:.1f} MB at the end,"
            f" {figures.growth_mb(samples):+.1f} MB at rest; {figures.leaked(samples):+d} open files"
        )
    print(f"notes left: {len(figures.notes_left)}; rows that are wrong: {len(figures.wrong)}")
    print(f"hooks that complained: {len(figures.complaints)} {figures.complaints[:3]}")
    good = figures.growth_mb(figures.tray) <= 5 and figures.leaked(figures.tray) <= 0
    return 0 if good and not (figures.notes_left or figures.wrong or figures.complaints) else 1


if __name__ == "__main__":
    raise SystemExit(main())
