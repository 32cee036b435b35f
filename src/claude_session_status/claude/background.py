"""The ingester that a hook starts when no monitor runs: a detached process that turns notes into rows.

Claude Code's user waits for hooks, and opening DuckDB takes several times as long as everything else that a hook does.
So a hook leaves its note and tries the ingest lock once. The hook that gets the lock starts the ingester and returns at
once; the others return too, since the holder of the lock looks at the spool again after releasing it. The ingester
inherits the locked descriptor: from the hook's start to the ingester's first transaction the lock is never free, and of
many hooks at once only one starts a process. The row is in the database within a second.

Why not `"async": true` in the hook's entry: the client kills such a hook when `claude -p` shuts down, and kills slow
hooks as well. The ingester has a session of its own and none of the client's streams, so that neither a signal to the
client's process group nor a closed terminal reaches it, and the client waits for no pipe. If it is killed all the same,
the notes stay in the spool for the next hook or monitor.

A hook imports this module, so it imports only `os`, `sys`, `time` and the lock.
"""

from __future__ import annotations

import os
import sys
import time

from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths

COMMAND = "ingest-notes"  # of __main__; not for people
LONGEST_SECONDS = 300  # then the ingester is ended by a signal: one that hangs must not hold the lock any longer
GATHER_SECONDS = 0.1  # hooks that run side by side end first, and their notes share a transaction
_NICENESS = 5  # hooks and the client come first
_NO_LOCK = -1

# Finds this very package whatever the environment says: `-E` and `-P` keep PYTHON variables and the working folder out.
_PROGRAM = "import sys; sys.path.append(sys.argv.pop(1)); from claude_session_status.__main__ import main; main()"


def start(paths: Paths) -> None:
    """Start an ingester unless one is at work. Returns at once. Raises OSError when none can be started."""
    lock = FileLock(paths.ingest_lock)
    if not lock.acquire():
        return
    if sys.platform == "win32":
        lock.release()  # on Windows a child can't inherit it: each child tries to take it, and one gets it
        _start_on_windows([*_launcher(), COMMAND, paths.claude_dir, str(_NO_LOCK)])
        return
    streams = (
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    )
    descriptor = lock.hand_over()
    try:
        argv = [*_launcher(), COMMAND, paths.claude_dir, str(descriptor)]
        try:
            os.posix_spawn(argv[0], argv, os.environ, file_actions=streams, setsid=True)
        except NotImplementedError:  # an old macOS: a process group of its own is out of the client's reach too
            os.posix_spawn(argv[0], argv, os.environ, file_actions=streams, setpgroup=0)
    finally:
        os.close(descriptor)


def _launcher() -> list[str]:
    """What starts this program again: the interpreter with clean flags, or the frozen program itself."""
    if not sys.executable:
        raise OSError(2, "the Python interpreter is unknown")
    if getattr(sys, "frozen", False):
        return [sys.executable]
    flags = ["-E", "-P"]
    if sys.flags.no_user_site:
        flags.append("-s")
    if sys.dont_write_bytecode:
        flags.append("-B")
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [sys.executable, *flags, "-c", _PROGRAM, os.path.dirname(package)]


def _start_on_windows(argv: list[str]) -> None:
    import subprocess  # noqa: PLC0415 - costs milliseconds, and is needed here only

    flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    subprocess.Popen(
        argv,
        creationflags=flags,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=os.path.dirname(sys.executable),  # the project's folder can be deleted meanwhile
    )


def main(arguments: list[str]) -> int:
    """What the ingester's process does. `arguments`: Claude Code's folder, and the descriptor of the held lock.

    Returns the exit code, which nobody reads: problems are found again, and reported, by doctor and the monitor.
    """
    paths, descriptor = Paths(arguments[0]), int(arguments[1])
    lock = FileLock(paths.ingest_lock)
    if descriptor != _NO_LOCK:
        lock.adopt(descriptor)
        os.closerange(3, descriptor)  # what the client left open is not ours to keep open
        os.closerange(descriptor + 1, 256)
    if sys.platform != "win32":
        import signal  # noqa: PLC0415 - imports enum: not for hooks

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LONGEST_SECONDS)
        os.chdir("/")
        os.nice(_NICENESS)
    time.sleep(GATHER_SECONDS)
    from claude_session_status.claude.ingest import run_alone  # noqa: PLC0415 - opens DuckDB: not for hooks
    from claude_session_status.errors import SessionStatusError  # noqa: PLC0415 - as above

    try:
        run_alone(paths, lock)
    except SessionStatusError:
        return 1
    return 0
