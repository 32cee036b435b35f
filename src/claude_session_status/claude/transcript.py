"""Reads from the end of a transcript what the countdown needs, and no more of it than that.

There is no schema of these files: every field may be missing or new, lines may be half written, huge or junk. So each
field is taken only if it has the right type, and a line that makes no sense is passed over. Files of 100 MB are
common; the reader goes backwards in blocks and stops once it knows the last response, the moment its request began
and the TTL. Nothing of a prompt or an answer leaves this module.
"""

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from claude_session_status.claude.files import json_object, open_plain
from claude_session_status.model import TranscriptFacts, Turn

BLOCK = 64 * 1024
FARTHEST = 16 * 1024 * 1024  # bytes from the end: farther back nothing is worth the time
FARTHEST_FOR_MORE = 1024 * 1024  # bytes from the end: how far to look on for a title and the last write

AHEAD_OF_CLOCK = 5.0  # seconds: a line that is later than the clock by more is not believed
AHEAD_OF_FILE = 120.0  # or later than the file was written; more, as that can be another machine's clock

_TTL = {"5m": 300, "1h": 3600}
_TITLES = (b'"custom-title"', b'"ai-title"')


def stat_mark(path: str) -> str | None:
    """Size and time of the file as one text that changes when it is written; None when there is no plain file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}" if stat.S_ISREG(status.st_mode) else None


def is_ahead(mark: str, now: float) -> bool:
    """Whether the file with that mark is ahead of the clock: lines that are true may be passed over now."""
    return int(mark.split(":")[1]) / 1e9 > now + AHEAD_OF_CLOCK


def read(path: str, now: float = math.inf) -> TranscriptFacts | None:
    """What the end of the transcript at `path` says; None when it can't be read. Never blocks, never raises.

    Lines from after `now`, or from after the file was written, are passed over: a clock was wrong.
    """
    try:
        with open_plain(path) as (descriptor, size):
            latest = min(now + AHEAD_OF_CLOCK, os.fstat(descriptor).st_mtime + AHEAD_OF_FILE)
            return facts_of(lines_backwards(descriptor, size), latest)
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
    unanswered: dict[str, float] = field(default_factory=dict)  # requests' own lines after the response: id, when
    told_start: float | None = None  # by the request's own line, which came after the response's: a quick answer
    started: float | None = None  # nearest `user` or `attachment` line before the response's first line
    first_seen: float | None = None  # the response's own first line
    request_done: bool = False  # the request's start is as good as it gets
    ttl: int | None = None
    ttl_written_at: float | None = None  # when the earlier response was that told it
    chosen: dict[str, tuple[float, str]] = field(default_factory=dict)  # after the response: what, when, which
    response_model: str | None = None
    response_effort: str | None = None
    is_pending: bool = True  # False once an error is met: the requests before it failed
    custom_title: str | None = None
    ai_title: str | None = None


def facts_of(lines: Iterator[tuple[int, bytes]], latest: float = math.inf) -> TranscriptFacts:
    """The facts in `lines`, which come last first. Those from after `latest` (epoch seconds) are passed over."""
    reading = _Reading()
    for from_end, raw in lines:
        all_known = reading.ttl is not None and reading.custom_title is not None
        if reading.request_done and (all_known or from_end > FARTHEST_FOR_MORE):
            break
        if reading.request_done and not _may_matter(raw, reading):
            continue
        line = json_object(raw)
        if line is not None and (timestamp(line) or -math.inf) <= latest:
            _take(reading, line)
    starts = (reading.told_start, reading.started, reading.first_seen)
    switched_at, switched_back_at = _switches(reading)
    return replace(
        reading.facts,
        request_at=next((at for at in starts if at is not None), None) if reading.response is not None else None,
        pending_at=next(iter(reading.unanswered.values()), None),
        response_at=reading.first_seen,
        ttl_seconds=reading.ttl,
        ttl_written_at=reading.ttl_written_at,
        title=reading.custom_title or reading.ai_title,
        title_given=reading.custom_title is not None,
        switched_at=switched_at,
        switched_back_at=switched_back_at,
    )


def _may_matter(raw: bytes, reading: _Reading) -> bool:
    """Whether a line far back can still tell something: a cheap look before the JSON is parsed."""
    if any(name in raw for name in _TITLES):
        return True
    return reading.ttl is None and b'"ephemeral_' in raw


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
        if reading.request_ref is not None and reading.request_ref in reading.unanswered:
            reading.told_start = reading.unanswered.pop(reading.request_ref)
    elif reading.response != identity:
        reading.request_done = True
    if reading.ttl is None and (told := written_ttl(usage)) is not None:
        reading.ttl = told
        reading.ttl_written_at = None if reading.response == identity else timestamp(line)


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
    """A request's own line, written within 0.1 s of its sending: while the response is on its way, or just after."""
    at = timestamp(line)
    if at is None or str(line.get("querySource")).startswith("agent:"):
        return
    if reading.response is None:
        if reading.is_pending:
            reading.unanswered.setdefault(_text(line.get("id")) or "?", at)
    elif not reading.request_done and reading.request_ref is not None and line.get("id") == reading.request_ref:
        reading.started = at
        reading.request_done = True


def _take_response(
    reading: _Reading, identity: str, line: dict[str, Any], message: dict[str, Any], usage: dict[str, Any]
) -> None:
    reading.response = identity
    reading.response_model = _text(line.get("requestedModel")) or _text(message.get("model"))
    reading.response_effort = _text(line.get("effort"))
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
    text = _first_text(line) or ""
    if reading.response is None:
        _take_choice(reading, line, text)
    if text.startswith("[Request interrupted by user"):
        _say_turn(reading, line, Turn.OVER)
    elif line.get("isMeta") is not True and not text.startswith(_NOT_A_PROMPT):
        _say_turn(reading, line, Turn.ASKED)
    if not text.startswith(_STARTS_NOTHING):
        _take_start(reading, line)


# Lines that the client writes as the user's: what a local command was and what it printed.
_NOT_A_PROMPT = ("<command-name>", "<command-message>", "<local-command-", "<bash-")
# They can be written while a reply is on its way. What `!` printed goes to the model.
_STARTS_NOTHING = ("<command-name>", "<command-message>", "<local-command-", "<system-reminder>")


def _take_choice(reading: _Reading, line: dict[str, Any], text: str) -> None:
    """Another model or effort, which the user chose after the last response: the newest of each counts."""
    at = timestamp(line)
    for what, pattern in _CHOICES.items():
        if at is not None and what not in reading.chosen and (found := pattern.match(text)):
            reading.chosen[what] = at, _COLOURS.sub("", found[1])


_CHOICES = {
    "model": re.compile(r"<local-command-stdout>Set model to (.+?)(?: and saved\b|</|$)"),
    "effort": re.compile(r"<local-command-stdout>Set effort level to (\w+)"),
}
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def _switches(reading: _Reading) -> tuple[float | None, float | None]:
    """When something else was chosen than the last response had, and when that was chosen again; None: not so."""
    if reading.response is None or not reading.chosen:
        return None, None

    def is_same(what: str, name: str) -> bool:
        if what == "effort":
            return name == reading.response_effort
        return _is_named(reading.response_model or "", name)

    away = [at for what, (at, name) in reading.chosen.items() if not is_same(what, name)]
    return (max(away), None) if away else (None, max(at for at, _ in reading.chosen.values()))


def _is_named(model: str, name: str) -> bool:
    """Whether `Opus 5.5 (default)` is what a person reads for the model `claude-opus-5-5`."""

    def parts(text: str) -> tuple[list[str], bool]:
        head = re.split(r"[(\[]", text.lower())[0]
        words = re.findall(r"[a-z]+|\d+", head)
        # A date in the name is no version; the long context is another cache.
        return sorted(w for w in words if w != "claude" and len(w) < 8), "1m" in text.lower()

    return parts(model) == parts(name)


def _take_start(reading: _Reading, line: dict[str, Any]) -> None:
    if reading.response is None or reading.request_done:
        return
    if reading.started is None:
        reading.started = timestamp(line)
    reading.request_done = reading.told_start is not None


def _take_system(reading: _Reading, line: dict[str, Any]) -> None:
    subtype = line.get("subtype")
    if subtype == "turn_duration":
        _say_turn(reading, line, Turn.OVER)
    elif subtype == "compact_boundary":
        details = line.get("compactMetadata")
        if not isinstance(details, dict) or details.get("trigger") != "auto":
            _say_turn(reading, line, Turn.OVER)  # the user asked for it, and for no more
        if reading.response is None:
            reading.facts = replace(reading.facts, compacted_at=reading.facts.compacted_at or timestamp(line))
        else:
            _take_start(reading, line)
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
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(seconds, _LATEST) if seconds >= 0 else None


_LATEST = 253402214400.0  # a day before the end of the year 9999: the last that every time zone can say


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
