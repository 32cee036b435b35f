"""Transcripts for the history's tests: a conversation as a list of requests, written as the client writes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claude_session_status.costs.summary import Summary
from claude_session_status.history_update import update
from claude_session_status.paths import Paths
from claude_session_status.store.history import HistoryStore
from claude_session_status.store.history_queries import summary
from fakes import NOW, Transcript

MODEL = "claude-opus-4-8"  # input $5, write $6.25 (5 m) and $10 (1 h), read $0.50 a million tokens, in each tier
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: when it began (seconds after the conversation's start), and what its response used."""

    at: float
    read: int = 0
    wrote_5m: int = 0
    wrote_1h: int = 0
    message: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # of the response's line
    in_message: dict[str, Any] = field(default_factory=dict)  # of the message in it
    before: tuple[dict[str, Any], ...] = ()  # lines of the same time, before the prompt


def write(
    path: Path, asks: Sequence[Ask], *, start: float = NOW - DAY, folder: str = "/home/me/web-shop"
) -> Transcript:
    """Write a conversation to `path`: for each request a prompt, then one line of response two seconds later."""
    transcript = Transcript(path)
    for number, ask in enumerate(asks):
        for line in ask.before:
            transcript.at(start + ask.at, **line)
        transcript.user(start + ask.at, cwd=folder, uuid=f"{path.stem}-u{number}-{ask.at}")
        name = ask.message or f"msg_{path.stem}_{number}_{ask.at:g}"
        usage = {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_read_input_tokens": ask.read,
            "cache_creation_input_tokens": ask.wrote_5m + ask.wrote_1h,
            "cache_creation": {"ephemeral_5m_input_tokens": ask.wrote_5m, "ephemeral_1h_input_tokens": ask.wrote_1h},
        }
        message = {
            "id": name,
            "model": MODEL,
            "usage": usage,
            "stop_reason": "end_turn",
            "content": [],
            **ask.in_message,
        }
        fields = {"requestId": f"req_{name}", "uuid": f"{name}-a", "cwd": folder, "isSidechain": False, **ask.extra}
        transcript.at(start + ask.at + 2, type="assistant", message=message, **fields)
    return transcript


def history(paths: Paths, *, now: float = NOW, days: int = 30) -> Summary:
    """Bring the history up to date and return what it says about the last days, each a day of UTC."""
    update(paths, now=now, keep_days=400, processes=1)
    starts = [now - DAY * back for back in reversed(range(1, days + 1))]
    with HistoryStore(paths.history).open() as connection:
        return summary(connection, starts[0], now, [(start, f"day {number}") for number, start in enumerate(starts)])
