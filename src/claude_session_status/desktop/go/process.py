"""Reads a process of our own user: its ancestors, environment and terminal device."""

import contextlib
import logging
import os
import re
import stat
import sys
from collections.abc import Iterator

import psutil

from claude_session_status.claude.pids import is_numbered_here, pid_namespace, start_ticks
from claude_session_status.desktop.go.place import Ancestor, Place
from claude_session_status.model import Process

log = logging.getLogger(__name__)


def read(process: Process) -> Place | None:
    """The place of a recorded process; None when it has ended, is another user's or runs in a container."""
    if not is_numbered_here(process.namespace):
        return None
    if process.started is not None and start_ticks(process.pid) != process.started:
        return None
    return read_pid(process.pid)


def read_pid(pid: int) -> Place | None:
    """The place of a process; None when it has ended or is another user's."""
    try:
        found = psutil.Process(pid)
        if os.name == "posix" and set(found.uids()) != {os.getuid()}:
            return None
        chain = [Ancestor(pid, found.name(), start_ticks(pid))]
        with contextlib.suppress(psutil.Error):
            chain += [Ancestor(up.pid, up.name(), start_ticks(up.pid)) for up in found.parents() if up.pid > 1]
        return Place(tuple(chain), found.environ(), terminal_of(pid))
    except (psutil.Error, OSError) as error:
        log.info("process %d: %s", pid, error)
        return None


def identified(pid: int) -> Process:
    """The running process as it would be recorded."""
    return Process(pid, start_ticks(pid), pid_namespace())


def is_same(ancestor: Ancestor) -> bool:
    """Whether the process still is the one that was read: ids are reused."""
    now = start_ticks(ancestor.pid)
    return (
        now is not None and now == ancestor.started if ancestor.started is not None else psutil.pid_exists(ancestor.pid)
    )


_PSEUDO_TERMINALS = 136  # the major number of Linux's /dev/pts/N


def terminal_of(pid: int) -> str | None:
    """The process's terminal device; None where it has none.

    On Linux psutil remembers the devices that existed at its first look: a tray would miss each later terminal.
    """
    if sys.platform != "linux":
        with contextlib.suppress(psutil.Error, AttributeError):
            return psutil.Process(pid).terminal()
        return None
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            device = int(stream.read(4096).rpartition(b")")[2].split()[4])
        path = f"/dev/pts/{os.minor(device)}"
        return path if os.major(device) == _PSEUDO_TERMINALS and os.stat(path).st_rdev == device else None
    except (OSError, ValueError, IndexError):
        return None


def tabs_of(pid: int) -> int:
    """How many terminal devices the children of a terminal use: one for each of its tabs and splits."""
    try:
        children = psutil.Process(pid).children()
    except psutil.Error:
        return 0
    return len({terminal_of(child.pid) for child in children} - {None})


def named(name: str) -> Iterator[tuple[int, str]]:
    """Our own processes of that name that have a terminal device, with the device."""
    for found in psutil.process_iter(["name", "uids"]):
        uids = found.info["uids"]
        is_ours = uids is not None and set(uids) == {os.getuid()}
        if found.info["name"] == name and is_ours and (tty := terminal_of(found.pid)) is not None:
            yield found.pid, tty


def write_to_tty(path: str, data: bytes) -> bool:
    """Write to a terminal device of our own; False for anything else. Never waits."""
    if re.fullmatch(r"/dev/(pts/[0-9]{1,9}|ttys[0-9]{1,9})", path, re.ASCII) is None:
        return False
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        log.info("%s: %s", path, error)
        return False
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISCHR(about.st_mode) or about.st_uid != os.getuid():
            log.warning("%s is not a terminal of this user", path)
            return False
        os.write(descriptor, data)
    except OSError as error:
        log.info("%s: %s", path, error)
        return False
    finally:
        os.close(descriptor)
    return True
