"""Finds processes that a test run started and that outlive it: each inherits a variable with the run's own value."""

import os
import sys
import time

VARIABLE = "CLAUDE_SESSION_STATUS_TEST_RUN"


def variable_of_run() -> dict[str, str]:
    """Return the variable, for an environment that is otherwise made from nothing; empty outside a run."""
    return {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}


def of_run(run: str, seconds: float) -> list[str]:
    """Return the processes of this run that are alive after `seconds`, one line each; at once where there are none."""
    end = time.monotonic() + seconds
    while (found := _alive(f"{VARIABLE}={run}".encode())) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _alive(variable: bytes) -> list[str]:
    if sys.platform != "linux":
        return []
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(pid) != os.getpid() and variable in _read(pid, "environ").split(b"\0"):
                state = _read(pid, "stat").rpartition(b")")[2].split()[0]
                if state != b"Z":  # one that ended, and that nobody has waited for
                    found.append(f"{pid}: {_read(pid, 'cmdline').replace(bytes(1), b' ').decode(errors='replace')}")
        except OSError:
            continue  # it has just ended, or is another user's
    return found


def _read(pid: str, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()
