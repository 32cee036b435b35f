"""What a status bar's module costs: a command that runs every few seconds, beside one that follows."""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench import scenes
from bench.measure import Call
from bench.products import Product
from bench.report import Figure

SESSIONS = 12
INTERVAL_SECONDS = 5  # the usual setting of bars
CALLS, QUICK_CALLS = 12, 2
FOLLOWED_SECONDS, QUICK_FOLLOWED_SECONDS = 60.0, 2.0
ASKED, FOLLOWING = "`status --short`", "`status --short --follow`"


def measure(folder: Path, product: Product, *, quick: bool) -> list[Figure]:
    """The share of a core that each takes, with warm sessions."""
    if sys.platform == "win32":
        return [Figure("a bar's module", "not measured: Windows has no such bars")]
    claude_dir = folder / ".claude"
    env = scenes.environment(folder, claude_dir)
    for number in range(SESSIONS):
        talk = scenes.Conversation(claude_dir, f"project-{number}", scenes.MEGABYTE // 4)
        Call([product.command, "mark-turn"], env, folder, talk.hook_input())()
    calls = QUICK_CALLS if quick else CALLS
    call = Call([product.command, "status", "--short"], env, folder)
    before = _children()
    for _ in range(calls):
        call()
        call.must_be_silent()
    asked = (_children() - before) / calls / INTERVAL_SECONDS
    follows = _follows(product, env, QUICK_FOLLOWED_SECONDS if quick else FOLLOWED_SECONDS)
    ratio = f"{asked / follows:.0f}x less" if follows else "too little to be measured"
    return [
        Figure(f"{ASKED} every {INTERVAL_SECONDS} s with {SESSIONS} warm sessions", f"{asked * 100:.2f} % of a core"),
        Figure(f"{FOLLOWING}, a line each second", f"{follows * 100:.2f} % of a core, {ratio}"),
    ]


def _children() -> float:
    """CPU seconds of the ended child processes."""
    times = os.times()
    return times.children_user + times.children_system


def _follows(product: Product, env: dict[str, str], seconds: float) -> float:
    """The share of a core that the following command takes, its start excluded."""
    import psutil

    argv = [product.command, "status", "--short", "--follow"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stdout or ())
            if not next(lines, "").startswith(f"{SESSIONS} warm, next "):
                raise RuntimeError(f"{argv} does not see the sessions")
            measured = psutil.Process(process.pid)
            before, began = measured.cpu_times(), time.monotonic()
            while time.monotonic() - began < seconds:
                next(lines)
            after, took = measured.cpu_times(), time.monotonic() - began
        finally:
            process.terminate()
    return (after.user + after.system - before.user - before.system) / took
