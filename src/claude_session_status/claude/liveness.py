"""Checks whether a session's process still runs. The result is UNKNOWN wherever that is not certain."""

import os
import sys
from enum import Enum
from functools import cached_property
from typing import Any

from claude_session_status.claude.pids import is_numbered_here, pid_namespace, start_ticks
from claude_session_status.model import Process

_CLOCK_SLACK_SECONDS = 5.0
_MOST_WATCHED = 256  # processes; descriptors are limited


class Liveness(Enum):
    """What is known of a process."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"  # no process is known, or its id belongs to another namespace or machine


class LivenessProbe:
    """`liveness` for repeated calls: our own process id namespace is looked up only once.

    On Linux, a process that is found alive a second time is watched by a descriptor, which the kernel marks when the
    process ends. After that, one system call asks for the ends of all of them.
    """

    def __init__(self) -> None:
        self._found_alive: set[Process] = set()
        self._watched: dict[Process, int] = {}
        self._ends: Any = None  # a `select.poll` with the descriptors of `_watched`

    @cached_property
    def _ours(self) -> str | None:
        return pid_namespace()

    def __call__(self, process: Process | None, reported_at: float | None) -> Liveness:
        """Whether `process`, which was reported at `reported_at` (epoch seconds), still runs."""
        if self._watched:
            for descriptor, _ in self._ends.poll(0):
                self._forget(descriptor)
            if process in self._watched:
                return Liveness.ALIVE
        found = liveness(process, reported_at, self._ours)
        if found is Liveness.ALIVE and process is not None and process.started is not None:
            if process in self._found_alive:
                self._watch(process)
            else:
                self._found_alive.add(process)
        return found

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in list(self._watched.values()):
            self._forget(descriptor)

    def _watch(self, process: Process) -> None:
        if len(self._watched) >= _MOST_WATCHED or not hasattr(os, "pidfd_open"):
            return
        try:
            descriptor = os.pidfd_open(process.pid)
        except OSError:  # an old kernel, or a sandbox that forbids it
            return
        if start_ticks(process.pid) != process.started:  # another process got its id meanwhile
            os.close(descriptor)
            return
        if self._ends is None:
            import select  # noqa: PLC0415 - a single look needs none

            self._ends = select.poll()
        self._ends.register(descriptor)
        self._watched[process] = descriptor

    def _forget(self, descriptor: int) -> None:
        self._ends.unregister(descriptor)
        os.close(descriptor)
        self._watched = {process: fd for process, fd in self._watched.items() if fd != descriptor}


def liveness(process: Process | None, reported_at: float | None, ours: str | None = None) -> Liveness:
    """Whether `process`, which was reported at `reported_at` (epoch seconds), still runs.

    Ids are reused, so the start time must match: on Linux in clock ticks since boot, which no clock change moves;
    elsewhere the process must have started before it was reported. The id of a client in a container, or on another
    machine that shares the home folder, names no process here. `ours`: our own namespace, where the caller knows it.
    """
    if process is None:
        return Liveness.UNKNOWN
    if not is_numbered_here(process.namespace, ours):
        return Liveness.UNKNOWN
    if process.started is not None:
        if start_ticks(process.pid) == process.started:
            return Liveness.ALIVE
        return Liveness.GONE if _processes_can_be_seen() else Liveness.UNKNOWN
    if not _processes_can_be_seen():
        return Liveness.UNKNOWN
    import psutil  # noqa: PLC0415 - slow, and Linux does not need it

    try:
        found = psutil.Process(process.pid)
        if found.status() == psutil.STATUS_ZOMBIE:
            return Liveness.GONE
        reused = reported_at is not None and found.create_time() > reported_at + _CLOCK_SLACK_SECONDS
    except psutil.NoSuchProcess:
        return Liveness.GONE
    except psutil.Error:
        return Liveness.UNKNOWN
    return Liveness.GONE if reused else Liveness.ALIVE


def _processes_can_be_seen() -> bool:
    """False in a container of Linux that has no /proc."""
    return sys.platform != "linux" or os.path.exists("/proc/self")
