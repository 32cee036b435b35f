"""The states of the connections to other machines, in a file: one process connects, and every face shows how it goes.

What can't be read means that nothing is known: the faces go on without it.
"""

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from claude_session_status import lock
from claude_session_status.model import Host, HostConnection, HostState
from claude_session_status.paths import Paths
from claude_session_status.private import read_private, replace_private

_LARGEST = 256 * 1024  # bytes


def write(path: str, states: Sequence[HostState]) -> None:
    """Write the states. Raises OSError."""
    hosts = [
        {"name": s.name, "connection": s.connection.value, "since": s.since, "detail": s.detail, "version": s.version}
        for s in states
    ]
    replace_private(path, json.dumps({"hosts": hosts}).encode() + b"\n")


def read(path: str) -> tuple[HostState, ...]:
    """Return the states in the file; none where there is no such file, or it can't be read."""
    if not os.path.lexists(path):
        return ()
    try:
        found = json.loads(read_private(path, _LARGEST))
        return tuple(state for each in found["hosts"] if (state := _state(each)) is not None)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ()


def _state(found: Any) -> HostState | None:
    if not isinstance(found, dict) or not isinstance(name := found.get("name"), str):
        return None
    if (connection := found.get("connection")) not in list(HostConnection):
        return None
    since, detail, version = found.get("since"), found.get("detail"), found.get("version")
    return HostState(
        name,
        HostConnection(connection),
        float(since) if isinstance(since, int | float) and not isinstance(since, bool) else None,
        detail if isinstance(detail, str) else None,
        version if isinstance(version, str) else None,
    )


def current(paths: Paths, hosts: Iterable[Host]) -> tuple[HostState, ...]:
    """Return the state of each of the hosts; OFF where no process of ours holds the connections. Never raises."""
    wanted = tuple(hosts)
    if not wanted:
        return ()
    known = {s.name: s for s in read(paths.hosts)} if lock.is_held(paths.hosts_lock) else {}
    return tuple(known.get(host.name, HostState(host.name, HostConnection.OFF)) for host in wanted)


def ask_for_retry(paths: Paths) -> None:
    """Have the process that holds the connections try all of them again soon. Never raises."""
    with suppress(OSError):
        replace_private(paths.hosts_retry, b"")


def asked_for_retry(paths: Paths) -> int:
    """Return when that was asked for last, in nanoseconds; 0 if never."""
    try:
        return os.stat(paths.hosts_retry).st_mtime_ns
    except OSError:
        return 0
