"""Reads from the end of a transcript what the countdown needs, and no more of it than that.

There is no schema of these files: every field may be missing or new, lines may be half written, huge or junk. So each
field is taken only if it has the right type, and a line that makes no sense is passed over. Files of 100 MB are
common; the reader goes backwards in blocks and stops once it knows the last response, the moment its request began
and the TTL. Nothing of a prompt or an answer leaves this module.
"""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from claude_session_status.claude.files import open_plain
from claude_session_status.model import TranscriptFacts, Turn

BLOCK = 64 * 1024
FARTHEST = 16 * 1024 * 1024  # bytes from the end: farther back nothing is worth the time
FARTHEST_FOR_MORE = 1024 * 1024  # bytes from the end: how far to look on for a title and the last write

_TTL = {"5m": 300, "1h": 3600}
_TITLES = (b'"custom-title"', b'"ai-title"')


def stat_mark(path: str) -> str | None:
    """Size and time of the file as one text that changes when it is written; None when there is no plain file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}" if stat.S_ISREG(status.st_mode) else None


def read(path: str) -> TranscriptFacts | None:
    """What the end of the transcript at `path` says; None when it can't be read. Never blocks, never raises."""
    try:
        with open_plain(path) as (descriptor, size):
            return facts_of(lines_backwards(descriptor, size))
    except OSError:
        return None


def lines_backwards(descriptor: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The file's lines, last first, each with the bytes between it and the file's end. Raises OSError."""
    rest: list[bytes] = []  # what is known of a line whose start is not read yet, last part first
    position = size
    while position > 0 and size - position < FARTHEST:
        length = min(BLOCK, position)
        position -= length
        os.lseek(descriptor, position, os.SEEK_SET)
        block = os.read(descriptor, length)
        if len(block) < length:
            return  # truncated meanwhile: what follows would be glued from parts that never were one line
        end = length
        while (cut := block.rfind(b"\n", 0, end)) >= 0:
            rest.append(block[cut + 1 : end])
            line = b"".join(reversed(rest))
            rest = []
            end = cut
            if line:
                yield size - (position + cut + 1), line
        rest.append(block[:end])
    if position == 0 and (line := b"".join(reversed(rest))):
        yield size, line


@dataclass
class _Reading:
    """What has been gathered on the way back through the file."""

    facts: TranscriptFacts = field(default_factory=TranscriptFacts)
    response: str | None = None  # the id of the last main response's message
    request_ref: str | None = None
    started: float | None = None  # nearest `user` or `attachment` line before the response's first line
    first_seen: float | None = None  # the response's own first line
    request_done: bool = False  # the request's start is as good as it gets
    ttl: int | None = None
    is_pending: bool = True  # False once an error is met: the requests before it failed
    custom_title: str | None = None
    ai_title: str | None = None


def facts_of(lines: Iterator[tuple[int, bytes]]) -> TranscriptFacts:
    """The facts in `lines`, which come last first."""
    reading = _Reading()
    for from_end, raw in lines:
        all_known = reading.ttl is not None and reading.custom_title is not None
        if reading.request_done and (all_known or from_end > FARTHEST_FOR_MORE):
            break
        if reading.request_done and not _may_matter(raw, reading):
            continue
        line = _object(raw)
        if line is not None:
            _take(reading, line)
    started = reading.started if reading.started is not None else reading.first_seen
    return replace(
        reading.facts,
        request_at=started if reading.response is not None else None,
        ttl_seconds=reading.ttl,
        title=reading.custom_title or reading.ai_title,
    )


def _may_matter(raw: bytes, reading: _Reading) -> bool:
    """Whether a line far back can still tell something: a cheap look before the JSON is parsed."""
    if any(name in raw for name in _TITLES):
        return True
    return reading.ttl is None and b'"ephemeral_' in raw


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _take(reading: _Reading, line: dict[str, Any]) -> None:
    if line.get("isSidechain") is True:
        return
    match line.get("type"):
        case "assistant":
            _take_assistant(reading, line)
        case "user":
            _take_user(reading, line)
        case "attachment":
            _take_start(reading, line)
        case "api-request":
            _take_request(reading, line)
        case "system":
            _take_system(reading, line)
        case "custom-title":
            reading.custom_title = reading.custom_title or _text(line.get("customTitle"))
        case "ai-title":
            reading.ai_title = reading.ai_title or _text(line.get("aiTitle"))
        case _:
            pass


def _take_assistant(reading: _Reading, line: dict[str, Any]) -> None:
    message = line.get("message")
    if not isinstance(message, dict):
        return
    if line.get("isApiErrorMessage") is True or message.get("model") == "<synthetic>":
        reading.is_pending = False  # what was asked before it failed
        _say_turn(reading, line, Turn.OVER)
        return
    usage = message.get("usage")
    if not isinstance(usage, dict):
        return
    _say_turn(reading, line, _turn_after(line, message))
    identity = _text(message.get("id")) or _text(line.get("requestId")) or _text(line.get("uuid")) or "?"
    if reading.response is None:
        _take_response(reading, identity, line, message, usage)
    if reading.response == identity and not reading.request_done:
        reading.started = None  # an earlier line of the same response: look for its start from here on
        reading.first_seen = timestamp(line) or reading.first_seen
        reading.request_ref = reading.request_ref or _text(line.get("requestRef"))
    elif reading.response != identity:
        reading.request_done = True
    if reading.ttl is None:
        reading.ttl = written_ttl(usage)


def _turn_after(line: dict[str, Any], message: dict[str, Any]) -> Turn:
    """Where a line of a response leaves the turn. Old clients give no stop reason, so the block must tell."""
    content = message.get("content")
    kinds = {block.get("type") for block in content if isinstance(block, dict)} if isinstance(content, list) else set()
    if line.get("isAbortedMidStream") is True:
        return Turn.OVER
    if message.get("stop_reason") == "tool_use" or "tool_use" in kinds:
        return Turn.TOOL
    return Turn.ASKED if kinds == {"thinking"} and message.get("stop_reason") is None else Turn.OVER


def _take_request(reading: _Reading, line: dict[str, Any]) -> None:
    """A request's own line, written within 0.1 s of its sending, while the response is on its way."""
    at = timestamp(line)
    if at is None or str(line.get("querySource")).startswith("agent:"):
        return
    if reading.response is None:
        if reading.is_pending and reading.facts.pending_at is None:
            reading.facts = replace(reading.facts, pending_at=at)
    elif not reading.request_done and reading.request_ref is not None and line.get("id") == reading.request_ref:
        reading.started = at
        reading.request_done = True


def _take_response(
    reading: _Reading, identity: str, line: dict[str, Any], message: dict[str, Any], usage: dict[str, Any]
) -> None:
    reading.response = identity
    # What the request asked for holds also where it wrote nothing; where both are told the shorter one counts.
    told = (_TTL.get(_text(line.get("promptCacheRequested")) or ""), written_ttl(usage))
    reading.ttl = min((ttl for ttl in told if ttl is not None), default=None)
    wrote = _count(usage.get("cache_creation_input_tokens"))
    read_ = _count(usage.get("cache_read_input_tokens"))
    reading.facts = replace(
        reading.facts,
        request_cached=bool(wrote or read_ or written_ttl(usage)),
        context_tokens=(_count(usage.get("input_tokens")) or 0) + (wrote or 0) + (read_ or 0),
        model=_text(message.get("model")),
    )


def written_ttl(usage: dict[str, Any]) -> int | None:
    """The TTL in seconds of what a response wrote to the cache; None when it wrote nothing, or does not say."""
    creation = usage.get("cache_creation")
    if not isinstance(creation, dict):
        return None
    if _count(creation.get("ephemeral_5m_input_tokens")):
        return _TTL["5m"]
    return _TTL["1h"] if _count(creation.get("ephemeral_1h_input_tokens")) else None


def _take_user(reading: _Reading, line: dict[str, Any]) -> None:
    if line.get("isCompactSummary") is True:
        return
    text = _first_text(line)
    if reading.response is None and reading.facts.switched_at is None and (text or "").startswith(_MODEL_SWITCHED):
        reading.facts = replace(reading.facts, switched_at=timestamp(line))
    if text is not None and text.startswith("[Request interrupted by user"):
        _say_turn(reading, line, Turn.OVER)
    elif line.get("isMeta") is not True and not (text or "").startswith(_NOT_A_PROMPT):
        _say_turn(reading, line, Turn.ASKED)
    _take_start(reading, line)


_MODEL_SWITCHED = "<local-command-stdout>Set model to"

# Lines that the client writes as the user's: what a local command was and what it printed.
_NOT_A_PROMPT = ("<command-name>", "<command-message>", "<local-command-", "<bash-")


def _take_start(reading: _Reading, line: dict[str, Any]) -> None:
    if reading.response is not None and not reading.request_done and reading.started is None:
        reading.started = timestamp(line)


def _take_system(reading: _Reading, line: dict[str, Any]) -> None:
    subtype = line.get("subtype")
    if subtype == "turn_duration":
        _say_turn(reading, line, Turn.OVER)
    elif subtype == "compact_boundary":
        if reading.facts.compacted_at is None:
            reading.facts = replace(reading.facts, compacted_at=timestamp(line))
        if reading.response is not None:
            reading.request_done = True


def _say_turn(reading: _Reading, line: dict[str, Any], turn: Turn) -> None:
    """The newest line that tells where the turn is decides; the reading comes to it first."""
    if reading.facts.turn is None and (at := timestamp(line)) is not None:
        reading.facts = replace(reading.facts, turn=turn, turn_at=at)


def timestamp(line: dict[str, Any]) -> float | None:
    """The line's `timestamp` as epoch seconds; None when it is missing or no date."""
    text = line.get("timestamp")
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _first_text(line: dict[str, Any]) -> str | None:
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        for block in content:
            if isinstance(block, dict) and isinstance(block.get("text"), str):
                return str(block["text"])
        return None
    return content if isinstance(content, str) else None


def _text(value: object) -> str | None:
    """A text worth keeping: not empty, bounded, and free of lone surrogates."""
    if not isinstance(value, str) or not value.strip():
        return None
    return value[:1024].encode("utf-8", "replace").decode()


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None
