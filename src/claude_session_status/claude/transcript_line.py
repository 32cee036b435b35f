"""What one line of a transcript says, as far as the countdown needs it.

Each field is taken only with the right type and within bounds; everything else counts as missing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from claude_session_status.claude.choices import Choice, choice_in
from claude_session_status.claude.payload import bounded
from claude_session_status.model import LATEST_AT, Compaction, Turn

MOST_TOKENS = 1_000_000_000

_TTL = {"5m": 300, "1h": 3600}


class Usage(NamedTuple):
    """What a response used; None: not stated."""

    context_tokens: int | None
    is_cached: bool
    written_ttl: int | None
    is_fast: bool | None


@dataclass(slots=True)
class Line:
    """The line of a transcript, as far as it matters."""

    at: float | None  # epoch seconds
    order: int = 0  # grows with the position in the file
    uuid: str | None = None
    turn: Turn | None = None  # where the line leaves the turn
    starts_request: bool = False  # the next request begins after it
    response: str | None = None  # the id of the response that it is part of
    usage: Usage | None = None
    asked_ttl: int | None = None
    model: str | None = None
    requested_model: str | None = None
    effort: str | None = None
    cache_miss_reason: str | None = None
    request_ref: str | None = None  # of a response: the id of its request
    request: str | None = None  # the id of the request that was sent
    is_failure: bool = False  # the requests before it failed
    retry_seconds: float | None = None  # a try failed; the next one comes after so many seconds
    compaction: Compaction | None = None
    choice: Choice | None = None


def line_of(fields: dict[str, Any]) -> Line | None:
    """What the line says; None when it does not matter."""
    return line_at(timestamp(fields), short_text(fields.get("uuid")), fields)


def line_at(at: float | None, uuid: str | None, fields: dict[str, Any]) -> Line | None:
    """As `line_of`, of a line whose time and uuid are known: they may be missing in `fields`."""
    if fields.get("isSidechain") is True:
        return None
    line = Line(at, uuid=uuid)
    match fields.get("type"):
        case "assistant":
            _take_assistant(line, fields)
        case "user":
            _take_user(line, fields)
        case "attachment":
            line.starts_request = True
        case "api-request":
            if not str(fields.get("querySource")).startswith("agent:"):
                line.request = short_text(fields.get("id")) or "?"
        case "system":
            _take_system(line, fields)
        case _:
            return None
    # A line without a time can't be put in order, but what a response used and a compaction count all the same.
    return line if line.at is not None or line.response is not None or line.compaction is not None else None


def _take_assistant(line: Line, fields: dict[str, Any]) -> None:
    message = fields.get("message")
    if not isinstance(message, dict):
        return
    if fields.get("isApiErrorMessage") is True or message.get("model") == "<synthetic>":
        line.turn, line.is_failure = Turn.OVER, True
        return
    usage = message.get("usage")
    identity = short_text(message.get("id")) or short_text(fields.get("requestId")) or line.uuid
    if not isinstance(usage, dict) and identity is None:
        return
    line.response = identity or "?"
    line.usage = _usage_of(usage) if isinstance(usage, dict) else None
    line.turn = _turn_after(fields, message) if line.usage is not None else None
    line.asked_ttl = _TTL.get(short_text(fields.get("promptCacheRequested")) or "")
    line.model = short_text(message.get("model"))
    line.requested_model = short_text(fields.get("requestedModel"))
    line.effort = short_text(fields.get("effort"))
    line.request_ref = short_text(fields.get("requestRef"))
    diagnostics = message.get("diagnostics")
    reason = diagnostics.get("cache_miss_reason") if isinstance(diagnostics, dict) else None
    line.cache_miss_reason = short_text(reason.get("type") if isinstance(reason, dict) else reason)


def _turn_after(fields: dict[str, Any], message: dict[str, Any]) -> Turn:
    """Where a line of a response leaves the turn. Old clients give no stop reason, so the kind of block decides."""
    if fields.get("isAbortedMidStream") is True:
        return Turn.OVER
    content = message.get("content")
    blocks = content if isinstance(content, list) else ()
    kinds = {kind for block in blocks if isinstance(block, dict) and isinstance(kind := block.get("type"), str)}
    if message.get("stop_reason") == "tool_use" or "tool_use" in kinds:
        return Turn.TOOL
    return Turn.ASKED if kinds == {"thinking"} and message.get("stop_reason") is None else Turn.OVER


def _usage_of(usage: dict[str, Any]) -> Usage:
    """What the response used. The totals add up all server-side `iterations`; only the last one's context counts."""
    steps = usage.get("iterations")
    own = [s for s in steps if isinstance(s, dict) and s.get("type") == "message"] if isinstance(steps, list) else ()
    contexts = [tokens for step in own if (tokens := _context_tokens(step)) is not None] if own else ()
    speed = usage.get("speed")
    written = _written_ttl(usage)
    return Usage(
        contexts[-1] if contexts else _context_tokens(usage),
        bool(written or count(usage.get(_WRITTEN)) or count(usage.get(_READ))),
        written,
        speed == "fast" if isinstance(speed, str) else None,
    )


_INPUT, _WRITTEN, _READ = "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"


def _context_tokens(usage: dict[str, Any]) -> int | None:
    """The tokens of the context; None when no count is stated, or one is no count."""
    counts = cache_counts(usage)
    return count(sum(counts)) if counts is not None else None


def cache_counts(usage: dict[str, Any]) -> tuple[int, int, int] | None:
    """Input that was not cached, cache written, cache read; None when none is stated, or one is no count."""
    uncached, written, read = usage.get(_INPUT), usage.get(_WRITTEN), usage.get(_READ)
    if uncached is None and written is None and read is None:
        return None
    uncached = 0 if uncached is None else count(uncached)
    written = 0 if written is None else count(written)
    read = 0 if read is None else count(read)
    return None if uncached is None or written is None or read is None else (uncached, written, read)


def _written_ttl(usage: dict[str, Any]) -> int | None:
    """The TTL in seconds of what a response wrote to the cache; None when it wrote nothing, or does not say."""
    creation = usage.get("cache_creation")
    if not isinstance(creation, dict):
        return None
    if count(creation.get("ephemeral_5m_input_tokens")):
        return _TTL["5m"]
    return _TTL["1h"] if count(creation.get("ephemeral_1h_input_tokens")) else None


_INTERRUPTED = "[Request interrupted by user"
# Lines that the client writes in the user's name: what a local command was and what it printed.
_NOT_A_PROMPT = ("<command-name>", "<command-message>", "<local-command-", "<bash-")
# They can be written while a response is awaited, so no request begins with them. The output of `!` goes to the model.
_STARTS_NOTHING = (*_NOT_A_PROMPT[:3], "<system-reminder>", _INTERRUPTED)
_COMMAND_LINE = ("<command-", "<local-command-")


def _take_user(line: Line, fields: dict[str, Any]) -> None:
    if fields.get("isCompactSummary") is True:
        return
    text = _first_text(fields) or ""
    if text.startswith(_COMMAND_LINE):
        line.choice = choice_in(text)
    if text.startswith(_INTERRUPTED):
        line.turn = Turn.OVER
    elif fields.get("isMeta") is not True and not text.startswith(_NOT_A_PROMPT):
        line.turn = Turn.ASKED
    line.starts_request = not text.startswith(_STARTS_NOTHING)


def _take_system(line: Line, fields: dict[str, Any]) -> None:
    content = fields.get("content")
    match fields.get("subtype"):
        case "turn_duration":
            line.turn = Turn.OVER
        case "api_error":
            line.retry_seconds = _milliseconds(fields.get("retryInMs")) or 0.0
        case "local_command" if isinstance(content, str):
            line.choice = choice_in(content, is_output=True)
        case "informational" if isinstance(content, str) and content.startswith("Compacted while idle"):
            line.compaction = Compaction.IDLE
        case "compact_boundary":
            details = fields.get("compactMetadata")
            is_auto = isinstance(details, dict) and details.get("trigger") == "auto"
            line.compaction = Compaction.AUTO if is_auto else Compaction.MANUAL
            line.turn = None if is_auto else Turn.OVER  # the user asked only for the compaction


# ---- fields -----------------------------------------------------------------


def timestamp(fields: dict[str, Any]) -> float | None:
    """The line's `timestamp` as epoch seconds; None when it is missing or no date."""
    text = fields.get("timestamp")
    return epoch_seconds(text) if isinstance(text, str) and len(text) < 64 else None


def epoch_seconds(text: str) -> float | None:
    """The ISO date and time `text` as epoch seconds, UTC where it names no zone; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(seconds, LATEST_AT) if seconds >= 0 else None


def title_in(fields: dict[str, Any], kind: str) -> str | None:
    """The title in the line; `kind` is "custom" for one that the user gave, "ai" for one that the model made up."""
    return short_text(fields.get(f"{kind}Title")) if fields.get("type") == f"{kind}-title" else None


def _first_text(fields: dict[str, Any]) -> str | None:
    message = fields.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        for block in content:
            if isinstance(block, dict) and isinstance(block.get("text"), str):
                return str(block["text"])
        return None
    return content if isinstance(content, str) else None


def short_text(value: object) -> str | None:
    """A text worth keeping: not empty, bounded, and without lone surrogates."""
    if not isinstance(value, str) or not value or value.isspace():
        return None
    return value if len(value) <= 1024 and value.isascii() else bounded(value, 1024)


def count(value: object) -> int | None:
    """A number of tokens; None for anything else."""
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None  # True is an int, and no count


def _milliseconds(value: object) -> float | None:
    """A duration of at most a day in seconds, from one in milliseconds."""
    is_duration = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 86_400_000
    return value / 1000 if is_duration and isinstance(value, int | float) else None
