"""Which process a client is: its id, when it started, and the id namespace that the id belongs to.

Process ids are reused, and a container or another machine numbers its own: an id alone names nothing. A hook imports
this module, so it imports only `os`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing would cost a hook more than its own work
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def process_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """The client's process, which CLAUDE_PID names, with its start time: a later process may get the same id."""
    try:
        pid = int(environment.get("CLAUDE_PID", ""))
    except ValueError:
        return {}
    if pid <= 0:
        return {}
    return {"pid": pid, "pid_started": start_ticks(pid), "pid_namespace": pid_namespace()}


def ssh_client_port(environment: Mapping[str, str]) -> int | None:
    """The client's port of the ssh connection in which this process was started; None without one.

    In a multiplexer it is unknown: the connection may have ended long ago, and another one shows the pane.
    """
    words = environment.get("SSH_CONNECTION", "").split(" ")  # client's address and port, the server's
    if "TMUX" in environment or "STY" in environment or "ZELLIJ" in environment or len(words) != 4:
        return None
    return int(words[1]) if words[1].isascii() and words[1].isdigit() and len(words[1]) <= 5 else None


def start_ticks(pid: int) -> int | None:
    """The process's start in clock ticks since boot (Linux); None where it is dead or unknown."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
    finally:
        os.close(descriptor)


def pid_namespace() -> str | None:
    """Which numbering process ids belong to (Linux), as `pid:[4026531836]@machine`. None elsewhere.

    A container has its own; but outside of one the kernel's name for it is the same on every machine, and a home may be
    shared by several.
    """
    try:
        return f"{os.readlink('/proc/self/ns/pid')}@{_machine()}"
    except OSError:
        return None


def _machine() -> str:
    """An id of this machine, the same that the client uses: DHCP may change a host name while sessions run.

    Where there is no such id, or one that an image has for all its containers to fill in, the name must do.
    """
    try:
        descriptor = os.open("/etc/machine-id", os.O_RDONLY)
    except OSError:
        return os.uname().nodename
    try:
        machine = os.read(descriptor, 64).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    return machine if machine not in ("", "uninitialized") else os.uname().nodename


def is_numbered_here(namespace: str | None, ours: str | None = None) -> bool:
    """Whether ids of that namespace name processes here. Earlier versions recorded no machine: this one is assumed.

    `ours` is the result of `pid_namespace`, from a caller that has it.
    """
    ours = ours or pid_namespace()
    return namespace == ours or (ours is not None and namespace == ours.partition("@")[0])
