"""Starts the command that reaches another machine, and ends it with all that it has started."""

import os
import signal
import subprocess
import sys

from claude_session_status.model import Host

KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


def start(host: Host, argv: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start `argv`, which can ask for nothing: it has no terminal and no input. Raises OSError and ValueError."""
    home = os.path.expanduser("~")
    return subprocess.Popen(
        (os.path.expanduser(argv[0]), *argv[1:]),
        # A container's program ends when its input does: docker leaves it running when its own client is killed.
        stdin=subprocess.PIPE if host.command else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=home if os.path.isdir(home) else None,
        env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def signal_all(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the process and to all that it has started. Never raises."""
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, number)
    except OSError:
        pass  # there is none any more
