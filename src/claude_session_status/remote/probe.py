"""Runs our program on another machine once, within limits of time and size: to check that it can be reached."""

import subprocess
import time
from dataclasses import dataclass

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


def run(host: Host, arguments: tuple[str, ...], seconds: float) -> Reply:
    """Run our program with these arguments on `host`, for at most so many seconds. Raises nothing."""
    try:
        running = _start(host, arguments, seconds)
    except (OSError, ValueError) as error:
        return Reply(HostConnection.UNREACHABLE, f"the command can't be started: {error}")
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


def _start(host: Host, arguments: tuple[str, ...], seconds: float) -> subprocess.Popen[bytes]:
    connect_seconds = min(command_line.CONNECT_SECONDS, max(1, int(seconds)))
    return process.start(host, command_line.argv(host, arguments, connect_seconds=connect_seconds))


def _end(running: subprocess.Popen[bytes]) -> None:
    """End the process with all that it has started, and leave no zombie."""
    process.signal_all(running, process.KILL)
    running.wait()
    for pipe in (running.stdin, running.stdout, running.stderr):
        if pipe is not None:
            pipe.close()
