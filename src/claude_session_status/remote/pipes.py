"""Reads what a process prints, with a limit of time, on every system.

A thread reads for Windows, where one can't wait for a pipe with a limit; elsewhere the system waits for both pipes.
"""

import os
import queue
import select
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import IO, Protocol

CHUNK = 65536
ERROR_BYTES = 4096  # of stderr: its end says most


class Output(Protocol):
    """What a process prints to stdout and stderr."""

    def read(self, seconds: float) -> bytes | None:
        """Return some bytes of stdout, b"" where it has ended, or None where none came within `seconds`."""

    def errors(self) -> bytes:
        """Return the end of what came on stderr."""


class _Tail:
    """The last bytes of a stream."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque(maxlen=64)

    def add(self, data: bytes) -> None:
        self._chunks.append(data[-ERROR_BYTES:])

    def last(self) -> bytes:
        return b"".join(self._chunks)[-ERROR_BYTES:]


def output_of(process: subprocess.Popen[bytes]) -> Output:
    """Return the output of a process that was started with pipes for stdout and stderr."""
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - a caller's mistake
    kind = _ThreadedOutput if sys.platform == "win32" else _PolledOutput
    return kind(process.stdout, process.stderr)


class _PolledOutput:
    """Waits for both pipes in the caller's thread."""

    def __init__(self, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self._stdout, self._stderr = stdout.fileno(), stderr.fileno()
        self._open = [self._stdout, self._stderr]
        self._tail = _Tail()

    def read(self, seconds: float) -> bytes | None:
        """As in Output."""
        ready = self._ready(seconds)
        if self._stderr in ready:
            self._take_errors()
        return os.read(self._stdout, CHUNK) if self._stdout in ready else None

    def errors(self) -> bytes:
        """As in Output; what is there at the process's end is waited for no longer."""
        while self._stderr in self._open and self._stderr in self._ready(0):
            self._take_errors()
        return self._tail.last()

    def _take_errors(self) -> None:
        data = os.read(self._stderr, CHUNK)
        self._tail.add(data)
        if not data:
            self._open.remove(self._stderr)

    def _ready(self, seconds: float) -> list[int]:
        poll = select.poll()
        for descriptor in self._open:
            poll.register(descriptor, select.POLLIN)
        return [descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)]


class _ThreadedOutput:
    """Waits for each pipe in a thread of its own, which ends with the process."""

    def __init__(self, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self._data: queue.Queue[bytes] = queue.Queue(maxsize=4)  # more waits in the pipe
        self._tail = _Tail()
        self._threads = [
            threading.Thread(target=self._read_all, args=(stdout, self._data.put), name="host-output", daemon=True),
            threading.Thread(target=self._read_all, args=(stderr, self._tail.add), name="host-errors", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read_all(self, pipe: IO[bytes], put: Callable[[bytes], None]) -> None:
        data = b"x"
        while data:
            try:
                data = os.read(pipe.fileno(), CHUNK)
            except (OSError, ValueError):
                data = b""
            put(data)

    def read(self, seconds: float) -> bytes | None:
        """As in Output."""
        try:
            return self._data.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def errors(self) -> bytes:
        """As in Output."""
        self._threads[1].join(0.2)
        return self._tail.last()
