"""The tray as a process of its own: started apart from a terminal, and ended. While it runs, it holds its lock."""

import ntpath
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from claude_session_status import PROGRAM
from claude_session_status.claude.setup.hook_commands import MODULE
from claude_session_status.lock import is_held
from claude_session_status.private import open_existing

if TYPE_CHECKING:
    from psutil import Process

WAIT_SECONDS = 15.0  # a busy machine needs some seconds to import the desktop
POLL_SECONDS = 0.1
_PID_OFFSET = 1  # Windows lets nobody read the byte that is locked


def write_pid(lock: str) -> None:
    """Write this process's id into the lock file that it holds, for `stop`."""
    descriptor = open_existing(lock, os.O_WRONLY)
    try:
        os.lseek(descriptor, _PID_OFFSET, os.SEEK_SET)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    finally:
        os.close(descriptor)


def _read_pid(lock: str) -> int:
    """The process id in a lock file. Raises OSError, and ValueError where there is none."""
    descriptor = open_existing(lock, os.O_RDONLY)
    try:
        os.lseek(descriptor, _PID_OFFSET, os.SEEK_SET)
        return int(os.read(descriptor, 100).split(b"\n")[0])  # an older, longer id may stand behind it
    finally:
        os.close(descriptor)


def start(
    words: Sequence[str], variables: Mapping[str, str], lock: str, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Start the tray apart from this terminal, and wait until it runs; False when it ends before that.

    Raises OSError when the program can't be started.
    """
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        flags = 0
    process = subprocess.Popen(
        words,
        env={**os.environ, **variables},
        cwd=os.path.expanduser("~"),  # not the project's folder, which it would keep in use
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=flags,
        start_new_session=True,  # closing the terminal does not end it; Windows has the flags instead
    )
    for _ in range(round(WAIT_SECONDS / POLL_SECONDS)):
        sleep(POLL_SECONDS)
        if process.poll() is not None:
            return is_held(lock)  # another one was quicker
        if is_held(lock):
            process.returncode = 0  # it goes on without us: no warning that it was not waited for
            return True
    process.returncode = 0
    return False


def is_tray(words: Sequence[str]) -> bool:
    """Whether a process with this command line is our tray. Double-clicked, the frozen program has no arguments."""
    if any(PROGRAM in word or MODULE in word for word in words):
        return "tray" in words or ntpath.splitext(ntpath.basename(words[0]))[0] == f"{PROGRAM}-tray"
    return False


def stop(lock: str, sleep: Callable[[float], None] = time.sleep) -> bool:
    """End the tray that holds the lock; whether it is gone."""
    import psutil  # noqa: PLC0415 - only here

    try:
        process = psutil.Process(_read_pid(lock))
        words = process.cmdline()
        # The id may be from another machine or container that shares this folder.
        if not is_tray(words):
            return False
        process.terminate()
    except (OSError, ValueError, psutil.Error):
        return not is_held(lock)
    for _ in range(round(WAIT_SECONDS / POLL_SECONDS)):
        if not is_held(lock) and _has_ended(process):
            return True
        sleep(POLL_SECONDS)
    return False


def _has_ended(process: "Process") -> bool:
    """Whether the process is gone; in a container one that ended may stay a zombie."""
    import psutil  # noqa: PLC0415 - as above

    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
