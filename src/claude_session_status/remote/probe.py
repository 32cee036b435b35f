"""Runs our program on another machine once, within limits of time and size: to check that it can be reached."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from claude_session_status import PROGRAM
from claude_session_status.errors import reason_of
from claude_session_status.model import Host, HostConnection
from claude_session_status.remote import command_line, diagnosis, process
from claude_session_status.remote.pipes import output_of

LARGEST = 1024 * 1024  # bytes
END_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the program there printed, or why it did not run: then `output` is empty."""

    connection: HostConnection
    detail: str = ""
    output: bytes = b""


# Where installers put the program, often not on the PATH of a login shell.
USUAL_PLACES = tuple(
    f"{folder}/{PROGRAM}"
    for folder in (
        "~/.local/bin",
        "~/bin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/home/linuxbrew/.linuxbrew/bin",
        "~/.local/share/uv/tools/claude-session-status/bin",
        "~/.local/share/pipx/venvs/claude-session-status/bin",
        "~/.local/pipx/venvs/claude-session-status/bin",
    )
)
_FOUND = re.compile(rb"^found ([1-9])\r?$", re.MULTILINE)


def find(host: Host, seconds: float) -> str | None:
    """Return where our program is on `host`, of the places that installers use; None where it is in none of them."""
    reply = _run(host, lambda limit: command_line.search_argv(host, USUAL_PLACES, connect_seconds=limit), seconds)
    found = _FOUND.search(reply.output)
    number = int(found[1]) if found else 0
    return USUAL_PLACES[number - 1] if 0 < number <= len(USUAL_PLACES) else None


def run(host: Host, arguments: tuple[str, ...], seconds: float) -> Reply:
    """Run our program with these arguments on `host`, for at most so many seconds. Raises nothing."""
    return _run(host, lambda limit: command_line.argv(host, arguments, connect_seconds=limit), seconds)


def _run(host: Host, argv: Callable[[int], tuple[str, ...]], seconds: float) -> Reply:
    """Run a command; `argv` makes it from the seconds within which ssh has to connect."""
    try:
        running = process.start(host, argv(min(command_line.CONNECT_SECONDS, max(1, int(seconds)))))
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        return Reply(HostConnection.UNREACHABLE, f"{(*host.command, 'ssh')[0]} can't be started here: {reason}")
    output = output_of(running)
    until, data, chunk = time.monotonic() + seconds, b"", None
    try:
        while chunk != b"":
            if (left := until - time.monotonic()) < 0:
                return Reply(HostConnection.UNREACHABLE, f"it does not respond within {seconds:g} s")
            chunk = output.read(left)
            data += chunk or b""
            if len(data) > LARGEST:
                return Reply(HostConnection.BAD_DATA, "it prints too much")
        code = running.wait(max(END_SECONDS, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Reply(HostConnection.UNREACHABLE, f"it does not respond within {seconds:g} s")
    finally:
        errors = output.errors()
        _end(running)
    if data or code == 0:  # `doctor` exits with 1 where something is wrong, and says what
        return Reply(HostConnection.CONNECTED, output=data)
    return Reply(*diagnosis.diagnose(code, errors))


def _end(running: subprocess.Popen[bytes]) -> None:
    """End the process with all that it has started, and leave no zombie."""
    process.signal_all(running, process.KILL)
    running.wait()
    for pipe in (running.stdin, running.stdout, running.stderr):
        if pipe is not None:
            pipe.close()
