"""Helpers that tests share: a clock that tests move, transcripts written line by line, a process that holds a lock."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

NOW = 1_795_509_600.0  # 2026-11-24T08:40:00Z: "now" in tests that need one


class FakeClock:
    """A clock that stands still until something waits: then it jumps to the end of the wait."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.waits: list[float] = []
        self._plan: list[tuple[float, Callable[[], object]]] = []

    def at(self, moment: float, action: Callable[[], object]) -> None:
        """Run `action` when the clock passes `moment`."""
        self._plan.append((moment, action))
        self._plan.sort(key=lambda item: item[0])

    def time(self) -> float:
        """Epoch seconds."""
        return self.now

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Jump; stop early at a planned action that wakes the waiter."""
        self.waits.append(seconds)
        until = self.now + seconds
        while self._plan and self._plan[0][0] <= until:
            moment, action = self._plan.pop(0)
            self.now = max(self.now, moment)
            action()
            if wake.is_set():
                return
        self.now = max(self.now, until)


def iso(at: float) -> str:
    """A transcript's timestamp."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Transcript:
    """Writes a transcript as the client does: a line at a time, each method one kind of line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._number = 0

    def raw(self, data: bytes) -> Self:
        """Append bytes as they are."""
        with self.path.open("ab") as file:
            file.write(data)
        return self

    def hole(self, size: int) -> Self:
        """Append a line of `size` zero bytes, which takes no room on the disk."""
        self.raw(b"")
        os.truncate(self.path, self.path.stat().st_size + size)
        return self.raw(b"\n")

    def line(self, **fields: Any) -> Self:
        """Append one line of any kind."""
        return self.raw(json.dumps(fields).encode() + b"\n")

    def at(self, at: float, **fields: Any) -> Self:
        """Append one line of any kind that has a time."""
        return self.line(timestamp=iso(at), **fields)

    def user(self, at: float, content: Any = "do it", **extra: Any) -> Self:
        """What the user typed, or what the client wrote as the user."""
        return self.line(type="user", timestamp=iso(at), message={"role": "user", "content": content}, **extra)

    def tool_result(self, at: float, **extra: Any) -> Self:
        """The result of a tool."""
        return self.user(at, [{"type": "tool_result", "tool_use_id": "t", "content": "done"}], **extra)

    def attachment(self, at: float) -> Self:
        """An attachment that the client added to a prompt."""
        return self.line(type="attachment", timestamp=iso(at), attachment={"type": "x"})

    def request(self, at: float, ref: str, source: str = "repl_main_thread") -> Self:
        """The line that newer clients write when a request is sent."""
        return self.line(type="api-request", id=ref, timestamp=iso(at), querySource=source)

    def answer(
        self,
        at: float,
        *,
        message: str | None = None,
        wrote_5m: int = 0,
        wrote_1h: int = 0,
        read: int = 0,
        tokens_in: int = 3,
        kind: str = "text",
        stop: str | None = "end_turn",
        model: str = "claude-opus-5-5",
        usage: dict[str, Any] | None = None,
        missed: str | None = None,
        **extra: Any,
    ) -> Self:
        """One line of a response of the model. `usage` replaces the usage that the numbers of tokens make.

        `missed` is why the request missed the cache.
        """
        self._number += 1
        counted = {
            "input_tokens": tokens_in,
            "cache_creation_input_tokens": wrote_5m + wrote_1h,
            "cache_read_input_tokens": read,
            "output_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": wrote_5m, "ephemeral_1h_input_tokens": wrote_1h},
        }
        body = {
            "id": message or f"msg_{self._number}",
            "model": model,
            "usage": counted if usage is None else usage,
            "stop_reason": stop,
            "content": [{"type": kind, "text": "ok"} if kind == "text" else {"type": kind}],
            "diagnostics": None if missed is None else {"cache_miss_reason": {"type": missed}},
        }
        fields = {"isSidechain": False, **extra}
        return self.line(type="assistant", timestamp=iso(at), message=body, **fields)

    def tool_use(self, at: float, **extra: Any) -> Self:
        """A response that asks for a tool."""
        return self.answer(at, kind="tool_use", stop="tool_use", **extra)

    def error(self, at: float) -> Self:
        """What the client writes when the API failed."""
        return self.answer(at, model="<synthetic>", tokens_in=0, stop="stop_sequence", isApiErrorMessage=True)

    def retry(self, at: float, wait_ms: object, attempt: int = 1, **extra: Any) -> Self:
        """What the client writes when a try failed and another one follows after `wait_ms`."""
        fields = {"level": "error", "error": {"status": 529}, "retryAttempt": attempt, "maxRetries": 10, **extra}
        return self.at(at, type="system", subtype="api_error", retryInMs=wait_ms, **fields)

    def title(self, text: str, kind: str = "custom") -> Self:
        """A title, given by the user or by the model."""
        return self.line(**{"type": f"{kind}-title", f"{kind}Title": text})

    def written_at(self, at: float) -> Self:
        """Set the file's own time."""
        os.utime(self.path, (at, at))
        return self


@contextmanager
def holding(path: str) -> Iterator[int]:
    """Another process holds the lock; its id."""
    program = (
        "import sys; from claude_session_status.lock import FileLock; lock = FileLock(sys.argv[1]);"
        " print(lock.acquire(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"True\n"
        yield process.pid
        process.stdin.close()
