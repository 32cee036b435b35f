"""What our own status line costs an idle session, for which Claude Code runs it every 30 s."""

import itertools
import os
import sys
import time
from pathlib import Path

from bench import scenes
from bench.measure import Call, Case, interleaved
from bench.products import Product
from bench.report import Figure
from claude_session_status.claude.setup.statusline_setting import REFRESH_SECONDS

BARE = "bare `python -c pass`"
UNCHANGED = "our own status line, nothing new"
NEW_REQUEST = "our own status line, another request"
LIMIT = 2.0  # times bare Python
SHARE_LIMIT = 0.1  # % of a core
ROUNDS, QUICK_ROUNDS = 40, 3


def measure(folder: Path, product: Product, *, quick: bool) -> list[Figure]:
    """The time of a call beside bare Python, and the share of a core that an idle session takes."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    bare = Call([product.python, "-c", "pass"], scenes.environment(folder, folder), folder / "bare")
    unchanged = _call(folder / "unchanged", product)
    changed = _call(folder / "changed", product)
    expiries = itertools.count(int(time.time()) + 300)
    medians = interleaved(
        [
            Case(BARE, bare),
            Case(UNCHANGED, unchanged, after=unchanged.must_be_silent),
            Case(
                NEW_REQUEST, changed, lambda: changed.give(scenes.status_line(next(expiries))), changed.must_be_silent
            ),
        ],
        rounds,
    )
    ratio = medians[UNCHANGED] / medians[BARE]
    return [
        Figure(UNCHANGED, f"{ratio:.2f}x bare Python", f"at most {LIMIT:g}x", ratio <= LIMIT),
        Figure(NEW_REQUEST, f"{medians[NEW_REQUEST] / medians[BARE]:.2f}x bare Python"),
        _share(unchanged, rounds),
    ]


def _call(home: Path, product: Product) -> Call:
    claude_dir = home / ".claude"
    given = scenes.status_line(int(time.time()) + 300)
    return Call([*product.installed, "statusline"], scenes.environment(home, claude_dir), home, given)


def _share(call: Call, rounds: int) -> Figure:
    """The share of a core, from the CPU time of the calls."""
    what = f"  every {REFRESH_SECONDS} s while a session is idle"
    if sys.platform == "win32":
        return Figure(what, "not measured: Windows does not count the time of ended children")
    before = os.times()
    for _ in range(rounds):
        call()
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    share = seconds / rounds / REFRESH_SECONDS * 100
    return Figure(what, f"{share:.3f} % of a core", f"at most {SHARE_LIMIT:g} %", share <= SHARE_LIMIT)
