"""Finds the terminal here that leads to another machine: a process such as `ssh build` that a user has started in it.

Nothing else connects a session there with a window here. Where several such processes run, the port of their connection
to the machine says which one shows the session, if the session's hooks have reported that port.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PureWindowsPath

import psutil

from claude_session_status import PROGRAM
from claude_session_status.desktop.go.process import identified, terminal_of
from claude_session_status.model import Host, Process

# The options of ssh that take a value: https://man.openbsd.org/ssh
_WITH_VALUE = frozenset("BbcDEeFIiJLlmOoPpQRSWw")


def leads_to(argv: Sequence[str], host: Host) -> bool:
    """Whether a process with these arguments is a terminal's way to the host, and no connection of ours."""
    if not argv or any(PROGRAM in word for word in argv):
        return False
    if not host.command:
        return _program(argv[0]) == "ssh" and _same_destination(_destination(argv[1:]), host.name)
    if _program(argv[0]) != _program(host.command[0]):
        return False
    if _program(argv[0]) == "ssh":
        return _same_destination(_destination(argv[1:]), _destination(host.command[1:]) or "")
    wanted = _plain_words(host.command)
    return len(wanted) > 1 and _plain_words(argv)[: len(wanted)] == wanted


def terminals(host: Host, port: int | None = None) -> list[Process]:
    """The processes of our own user that lead from a terminal here to the host, one for each terminal.

    `port`: of the connection that shows the session, at this end. Where one process has it, it is the only one.
    """
    found = _terminals(host)
    return found if port is None or len(found) < 2 else with_port(found, port, _ports_of)


def with_port(processes: list[Process], port: int, ports_of: Callable[[int], Collection[int]]) -> list[Process]:
    """The one that has the port, else all. A process without a connection shares another's, or uses a proxy."""
    ports = {process: ports_of(process.pid) for process in processes}
    having = [process for process, own in ports.items() if port in own]
    return having if len(having) == 1 and all(ports.values()) else processes


def _ports_of(pid: int) -> set[int]:
    """The ports at this end of the process's connections; empty where they can't be read."""
    try:
        process = psutil.Process(pid)
        found = process.net_connections("tcp") if hasattr(process, "net_connections") else process.connections("tcp")
    except (psutil.Error, OSError):
        return set()
    return {each.laddr.port for each in found if each.status == psutil.CONN_ESTABLISHED}


def _terminals(host: Host) -> list[Process]:
    name = _program(host.command[0] if host.command else "ssh")
    found: dict[str, Process] = {}
    for process in psutil.process_iter(["name", "uids"]):
        with contextlib.suppress(psutil.Error, OSError):
            if _program(process.info["name"] or "") != name or not _is_ours(process) or not _has_terminal(process.pid):
                continue
            if leads_to(process.cmdline(), host):
                # A jump host makes a second process on the same terminal.
                found.setdefault(terminal_of(process.pid) or str(process.pid), identified(process.pid))
    return list(found.values())


def _is_ours(process: psutil.Process) -> bool:
    uids = process.info["uids"]
    return os.name != "posix" or (uids is not None and set(uids) == {os.getuid()})


def _has_terminal(pid: int) -> bool:
    return os.name != "posix" or terminal_of(pid) is not None


def _destination(arguments: Sequence[str]) -> str | None:
    """The machine in ssh's arguments, with the user of `-l` before it; None where there is none."""
    user, words = "", _options(arguments)
    for option, value in words:
        if option == "-l":
            user = f"{value}@"
        elif option == "-o" and value.replace(" ", "").lower() in ("batchmode=yes", "batchmode=true"):
            return None  # nobody types such a command
        elif not option:
            plain = value.removeprefix("ssh://")
            return plain if "@" in plain else user + plain
    return None


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options and their values, then the destination with an empty option."""
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            yield "", next(rest, "")
            return
        if not word.startswith("-") or word == "-":
            yield "", word
            return
        at = next((place for place, letter in enumerate(word[1:], 1) if letter in _WITH_VALUE), None)
        if at is not None:
            yield f"-{word[at]}", word[at + 1 :] or next(rest, "")


def _same_destination(one: str | None, other: str) -> bool:
    """Whether both name the same machine; a user counts where both name one."""
    if not one or not other:
        return False
    (user, _, machine), (other_user, _, other_machine) = one.rpartition("@"), other.rpartition("@")
    return machine == other_machine and (not user or not other_user or user == other_user)


def _plain_words(words: Sequence[str]) -> list[str]:
    """The words without options: what `docker exec -i dev` and `docker exec -it dev bash` begin with alike."""
    return [_program(words[0]), *(word for word in words[1:] if not word.startswith("-"))]


def _program(path: str) -> str:
    name = PureWindowsPath(path).name.lower()
    return name.removesuffix(".exe")
