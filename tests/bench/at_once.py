"""Many hooks at once, each of a session of its own: how long the slowest took, which event it was, and what arrived."""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import products, scenes
from claude_session_status.claude.hook_table import HOOKS
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store

ARRIVE_SECONDS = 30.0


@dataclass(frozen=True)
class AtOnce:
    """One burst of hooks. Times in milliseconds; `arrived_after` in seconds from the end of the last hook."""

    worst: float
    event: str  # of the slowest hook
    median: float
    count: int
    arrived: int
    arrived_after: float


def burst(home: Path, product: products.Product, count: int, *, beside: bool) -> AtOnce:
    """Start `count` hooks at once, of all hook events in turn, alone or beside a real monitor.

    Raises RuntimeError when a hook fails, or complains.
    """
    where = Paths(str(home / ".claude"))
    environment = scenes.environment(home, Path(where.claude_dir))
    monitor = _monitor(product, environment, where) if beside else None
    try:
        took = _run(product, environment, [HOOKS[number % len(HOOKS)] for number in range(count)])
        ended = time.perf_counter()
        while (arrived := _arrived(where)) < count and time.perf_counter() - ended < ARRIVE_SECONDS:
            time.sleep(0.02)
        after = time.perf_counter() - ended
    finally:
        if monitor is not None:
            monitor.terminate()
            monitor.wait()
    if not beside:
        scenes.wait_for_ingester(where)
    times = sorted(took)
    worst, event = times[-1]
    return AtOnce(worst * 1000, event, times[count // 2][0] * 1000, count, arrived, after)


def _run(
    product: products.Product, environment: dict[str, str], hooks: list[tuple[str, str, str | None, str, str]]
) -> list[tuple[float, str]]:
    """Seconds and event of each hook."""
    began: dict[int, tuple[float, str]] = {}
    took: list[tuple[float, str]] = []
    with tempfile.TemporaryFile() as complaints:
        for number, (command, event, *_) in enumerate(hooks):
            with tempfile.TemporaryFile() as given:
                fields = {"session_id": f"{number:08d}-burst", "cwd": "/home/me/shop", "hook_event_name": event}
                if event == "Notification":
                    fields["notification_type"] = "permission_prompt"
                given.write(json.dumps(fields).encode())
                given.seek(0)
                argv = [*product.installed, command]
                at = time.perf_counter()
                child = subprocess.Popen(argv, env=environment, stdin=given, stdout=complaints, stderr=complaints)
            began[child.pid] = at, event
            child.returncode = 0  # it is waited for below
        while began:
            pid, status = os.wait()
            if pid in began:
                at, event = began.pop(pid)
                took.append((time.perf_counter() - at, event))
                if status:
                    raise RuntimeError(f"a hook for {event} ended with {status}")
        complaints.seek(0)
        if said := complaints.read():
            raise RuntimeError(f"hooks complained: {said.decode(errors='replace')}")
    return took


def _monitor(product: products.Product, environment: dict[str, str], where: Paths) -> "subprocess.Popen[bytes]":
    argv = [*product.installed, "status", "--short", "--follow"]
    monitor = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL)
    until = time.monotonic() + ARRIVE_SECONDS
    while not os.path.exists(where.monitor_alive):
        if time.monotonic() > until:
            monitor.kill()
            raise RuntimeError("the monitor does not start")
        time.sleep(0.02)
    time.sleep(1.0)  # its first poll is over
    return monitor


def _arrived(where: Paths) -> int:
    """How many of the sessions have a row, once no note waits."""
    if Spool(where.spool).names():
        return 0
    return sum(session.session_id.endswith("-burst") for session in Store(where.database).load())
