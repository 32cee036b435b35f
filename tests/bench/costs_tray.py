"""What the tray costs while it only counts down, and how soon it shows what a hook reports.

The real command on a real panel under a screenless X server, with warm sessions whose client is this process.
"""

import os
import random
import re
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import scenes
from bench.measure import Call
from bench.products import Product
from bench.report import Figure

if TYPE_CHECKING:
    from desktop.harness import Item  # brings X11 with it: imported only where there is one

SESSIONS = 12
IDLE_SECONDS, QUICK_IDLE_SECONDS = 120.0, 2.0
OPEN_SECONDS, QUICK_OPEN_SECONDS = 30.0, 2.0
SETTLING_SECONDS, QUICK_SETTLING_SECONDS = 5.0, 1.0
CHANGES, QUICK_CHANGES = 12, 2
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 15.0

CORE_LIMIT = 0.1  # percent of a core
OPEN_CORE_LIMIT = 0.3  # with the menu held open
RESIDENT_LIMIT_MB = 80.0
OWN_LIMIT_MB = 25.0
ICON_LIMIT_SECONDS = 0.5
CHANGE_LIMIT_SECONDS = 2.5


def why_not() -> str | None:
    """Why no tray can be measured here, with the command that helps; None when it can."""
    if sys.platform != "linux":
        return "it takes Linux, whose panels run without a screen"
    from desktop.desktops.xfce import Xfce
    from desktop.harness import why_not as why_no_desktop

    return why_no_desktop(Xfce)


def measure(folder: Path, product: Product, *, quick: bool) -> list[Figure]:
    """The tray's share of a core, its memory, and the time from a hook to the changed menu."""
    if reason := why_not():
        return [Figure("the tray", f"not measured: {reason}")]
    from desktop.desktops.xfce import Xfce

    with Xfce(folder / "desktop") as desktop:
        env = {**desktop.env, "CLAUDE_PID": str(os.getpid()), "CLAUDECODE": "1"}
        hook = _Hook(product.command, env, folder)
        claude_dir = desktop.home / ".claude"
        talks = [
            scenes.Conversation(claude_dir, f"project-{number}", ttl="5m" if number % 2 else "1h")
            for number in range(SESSIONS)
        ]
        for talk in talks:
            talk.turn()
            hook(talk, "mark-turn", "Stop")
        desktop.start_panel()
        desktop.start_dunst()
        began = time.monotonic()
        tray = desktop.start([product.command, "tray"], "tray")
        while not list(desktop.items()):
            time.sleep(LOOK_SECONDS)
        shown = time.monotonic() - began
        item = desktop.item()
        _await_labels(item, len(talks))
        time.sleep(QUICK_SETTLING_SECONDS if quick else SETTLING_SECONDS)
        idle = _idle(tray.process.pid, QUICK_IDLE_SECONDS if quick else IDLE_SECONDS)
        item.event(0, "opened")
        opened = _share(tray.process.pid, QUICK_OPEN_SECONDS if quick else OPEN_SECONDS)
        item.event(0, "closed")
        waits = _changes(hook, talks, item, QUICK_CHANGES if quick else CHANGES)
        if not tray.alive():
            raise RuntimeError(f"the tray has ended: {tray.text}")
    slowest = max(waits)
    middle = statistics.median(waits)
    return [
        Figure(
            "from the tray's start to its icon",
            f"{shown:.2f} s",
            f"at most {ICON_LIMIT_SECONDS:g} s",
            shown <= ICON_LIMIT_SECONDS,
        ),
        *idle,
        Figure(
            "  with its menu held open",
            f"{opened:.2f} %",
            f"at most {OPEN_CORE_LIMIT:g} %",
            opened <= OPEN_CORE_LIMIT,
        ),
        Figure(
            f"from the hook's start to the changed menu, {len(waits)} times",
            f"{middle:.2f} s, slowest {slowest:.2f} s",
            f"at most {CHANGE_LIMIT_SECONDS:g} s",
            slowest <= CHANGE_LIMIT_SECONDS,
        ),
    ]


@dataclass(frozen=True)
class _Hook:
    """Calls our hooks as the client on this desktop."""

    command: str
    env: dict[str, str]
    folder: Path

    def __call__(self, talk: scenes.Conversation, mark: str, event: str) -> None:
        call = Call([self.command, mark], self.env, self.folder, talk.hook_input(event))
        call()
        call.must_be_silent()


def _await_labels(item: "Item", count: int) -> None:
    from waiting import wait_for

    wait_for(f"{count} sessions in the menu", lambda: sum("project-" in label for label in item.labels()) == count)


def _idle(pid: int, seconds: float) -> list[Figure]:
    """Measure the process from outside while nothing calls it."""
    share = _share(pid, seconds)
    resident, own = (kilobytes / 1024 for kilobytes in _memory(pid))
    return [
        Figure(
            f"tray idle with {SESSIONS} warm sessions for {seconds:.0f} s, share of a core",
            f"{share:.2f} %",
            f"at most {CORE_LIMIT:g} %",
            share <= CORE_LIMIT,
        ),
        Figure(
            "  resident memory after that",
            f"{resident:.0f} MB ({own:.0f} its own)",
            f"at most {RESIDENT_LIMIT_MB:g} MB ({OWN_LIMIT_MB:g})",
            resident <= RESIDENT_LIMIT_MB and own <= OWN_LIMIT_MB,
        ),
    ]


def _share(pid: int, seconds: float) -> float:
    """Percent of a core that the process takes for so long."""
    import psutil

    process = psutil.Process(pid)
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, took = process.cpu_times(), time.monotonic() - began
    return (after.user + after.system - before.user - before.system) / took * 100


def _memory(pid: int) -> tuple[int, int]:
    """Resident memory in kilobytes, and the part that is not mapped from files."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]), int(fields["RssAnon"].split()[0])


def _changes(hook: _Hook, talks: list[scenes.Conversation], item: "Item", times: int) -> list[float]:
    """Seconds from the start of a hook until the menu, as a panel reads it, shows what the hook reported."""
    waits = []
    for number in range(times):
        talk = talks[number % len(talks)]
        time.sleep(random.uniform(0, 2))  # at a random moment between two polls
        began = time.monotonic()
        hook(talk, "mark-wait", "Notification")
        while not any(re.search(rf"\b{talk.project}\b.*waits for you", label) for label in item.labels()):
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise RuntimeError(f"the menu never showed that {talk.project} waits")
            time.sleep(LOOK_SECONDS)
        waits.append(time.monotonic() - began)
    return waits
