"""Reads all requests of a transcript, oldest first, and goes on where it stopped the last time.

`transcript` reads a file backwards and wants the last request only; the history wants each of them, once. Both follow
the same rules about when a request began, so a test compares them.

The last response of a file may be unfinished, so the next scan begins before it and replaces it. Lines are put in order
by time, as their order in the file is not the order of events. No text of a prompt or a response leaves this module.
"""

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Generic, NamedTuple, Self, TypeVar

from claude_session_status.claude.files import open_plain
from claude_session_status.claude.jsonl import objects_in
from claude_session_status.claude.payload import bounded
from claude_session_status.claude.token_counts import counts_of
from claude_session_status.claude.transcript_line import Line, line_of, usage_of
from claude_session_status.costs.misses import Step, cause_of, rebuilt_tokens
from claude_session_status.costs.request import Kind, PastRequest, TokenCounts

T = TypeVar("T")

BLOCK = 1 << 20
LONGEST_LINE = 64 << 20  # bytes; a longer line is skipped
_REMEMBERED = 16  # earlier responses, whose late lines are skipped by the next scan
# Types that say nothing about requests, and can be long: skipped before the JSON is parsed.
_SKIPPED = tuple(
    f'{{"type":"{kind}"'.encode()
    for kind in ("api-request-blob", "api-request-shape", "file-history-snapshot", "last-prompt", "queue-operation")
)
_SEAM_BYTES = 128
_CLIENT_ENDED = "cost-state"  # the client writes it when it ends: what follows comes from one that resumed the session


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next scan of a file begins, and what the requests before that place were."""

    offset: int = 0  # bytes
    seam: int | None = None  # checksum of the bytes before it: another file may have taken the place
    since: float = -math.inf  # lines of responses from before this time were read
    previous: Step | None = None
    previous_key: str | None = None
    previous_session: str | None = None
    ttl_seconds: int | None = None
    known: tuple[str, ...] = ()
    folder: str | None = None  # where the session started

    def encoded(self) -> str:
        """The position as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def decoded(cls, text: str) -> Self:
        """The position in `text`; the start of the file for anything that `encoded` did not write."""
        try:
            values = json.loads(text)
            step = values["previous"]
            if step is not None:
                step = Step(**{**step, "tokens": TokenCounts(**step["tokens"])})
            return cls(**{**values, "previous": step, "known": tuple(values["known"])})
        except (ValueError, TypeError, KeyError):
            return cls()


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found: the requests in the order in which they began, and where to go on."""

    requests: tuple[PastRequest, ...]
    position: Position


@dataclass(slots=True)
class _Seen:
    """A line that matters, and what the history needs besides the countdown's own fields."""

    line: Line
    start: int  # its place in the file
    end: int
    tokens: TokenCounts | None = None
    request_id: str | None = None
    session_id: str | None = None  # of the session that made the request: another one in a fork's copy
    client_ended: bool = False


@dataclass(slots=True)
class _Response:
    """What the lines of one response say, taken in order of time, and how its request began.

    Of most facts the last statement counts; of the ids the first.
    """

    identity: str
    parts: list[_Seen] = field(default_factory=list)
    started_at: float = 0.0
    was_compacted: bool = False
    client_ended: bool = False
    tokens: TokenCounts | None = None
    model: str | None = None
    requested_model: str | None = None
    effort: str | None = None
    is_fast: bool | None = None
    cache_miss_reason: str | None = None
    asked_ttl: int | None = None
    written_ttl: int | None = None  # the shortest
    request_id: str = ""
    session_id: str | None = None

    def take(self, part: _Seen) -> None:
        """Add a line."""
        self.parts.append(part)
        line, usage = part.line, part.line.usage
        self.tokens = part.tokens or self.tokens
        self.model = line.model or self.model
        self.requested_model = line.requested_model or self.requested_model
        self.effort = line.effort or self.effort
        self.cache_miss_reason = line.cache_miss_reason or self.cache_miss_reason
        self.asked_ttl = line.asked_ttl or self.asked_ttl
        self.request_id = self.request_id or part.request_id or ""
        self.session_id = self.session_id or part.session_id
        if usage is not None:
            self.is_fast = usage.is_fast
            self.written_ttl = _shorter(self.written_ttl, usage.written_ttl)

    @property
    def first_at(self) -> float:
        return self.parts[0].line.at or 0.0

    @property
    def last_at(self) -> float:
        return self.parts[-1].line.at or 0.0

    @property
    def ttl(self) -> int | None:
        """What the request asked for holds also where it wrote nothing; where both are stated the shorter counts."""
        return _shorter(self.asked_ttl, self.written_ttl)

    @property
    def key(self) -> str:
        return f"{self.identity}:{self.request_id}"


def _shorter(one: int | None, other: int | None) -> int | None:
    return min(one, other) if one and other else one or other


class _LastResult(Generic[T]):
    """A function that remembers its last result: all lines of a response state the same usage."""

    def __init__(self, function: Callable[..., T]) -> None:
        self._function = function
        self._asked: tuple[object, ...] | None = None

    def __call__(self, *asked: object) -> T:
        if asked != self._asked:
            self._asked, self._result = asked, self._function(*asked)
        return self._result


class _LineReader:
    """Makes of the objects in a transcript what matters of them."""

    def __init__(self) -> None:
        self._usage_of = _LastResult(usage_of)
        self._counts_of = _LastResult(counts_of)

    def read(self, values: dict[str, Any], start: int, end: int) -> _Seen | None:
        """What the object says; None where it does not matter. `start` and `end` are its line's place in the file."""
        if values.get("type") == _CLIENT_ENDED:
            return _Seen(Line(None, order=start), start, end, client_ended=True)
        line = line_of(values, self._usage_of)
        if line is None:
            return None
        line.order = start
        seen = _Seen(line, start, end)
        if line.response is not None:
            message = values.get("message")
            seen.tokens = self._counts_of(message.get("usage"), line.asked_ttl) if isinstance(message, dict) else None
            seen.request_id, seen.session_id = _text(values.get("requestId")), _text(values.get("requestSessionId"))
        return seen


def scan(path: str, session_id: str, kind: Kind, position: Position | None = None) -> Scan:
    """The requests in the transcript at `path` from `position` on. Never blocks; raises OSError."""
    at = position or Position()
    with open_plain(path) as (descriptor, size):
        if size < at.offset or (at.offset and _seam(descriptor, at.offset) != at.seam):
            at = Position()  # another file took its place
        found = _scan(_lines(descriptor, at.offset), session_id, kind, at)
        seam = _seam(descriptor, found.position.offset)
        return replace(found, position=replace(found.position, seam=seam))


def _seam(descriptor: int, offset: int) -> int:
    start = max(0, offset - _SEAM_BYTES)
    os.lseek(descriptor, start, os.SEEK_SET)
    return zlib.crc32(os.read(descriptor, offset - start))


def _lines(descriptor: int, offset: int) -> Iterator[tuple[int, bytes]]:
    """The complete lines from `offset` on, each with its place in the file, without its line feed."""
    os.lseek(descriptor, offset, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb", BLOCK) as file:
        is_whole = True
        while raw := file.readline(LONGEST_LINE):
            is_end = raw.endswith(b"\n")
            if is_end and is_whole:
                yield offset, raw[:-1]
            offset += len(raw)
            is_whole = is_end


def _scan(lines: Iterator[tuple[int, bytes]], session_id: str, kind: Kind, at: Position) -> Scan:
    main: list[_Seen] = []
    side: list[_Seen] = []
    folder = at.folder
    reader = _LineReader()
    for start, raw in lines:
        end = start + len(raw) + 1  # the line feed
        if raw.startswith(_SKIPPED):
            continue
        for values in objects_in(raw):
            if folder is None and isinstance(cwd := values.get("cwd"), str):
                folder = bounded(cwd)
            is_side = values.pop("isSidechain", None) is True
            if (seen := reader.read(values, start, end)) is not None:
                (side if is_side and kind is Kind.MAIN else main).append(seen)
    requests, position = _chained(main, session_id, kind, at)
    if side:
        requests += [_request(r, session_id, Kind.SUBAGENT, r.ttl) for r in _responses(_in_order(side)) if r.tokens]
    return Scan(tuple(requests), replace(position, folder=folder))


def _text(value: object) -> str | None:
    return bounded(value, 256) if isinstance(value, str) and value else None


def _in_order(found: list[_Seen]) -> list[_Seen]:
    """The lines by time, each once. A line without a time follows the one before it in the file."""
    at: float | None = None
    known: set[str] = set()
    ordered = []
    for seen in found:
        if seen.line.at is None:
            seen.line.at = at
        at = seen.line.at
        if at is None:
            continue
        if seen.line.uuid is not None:
            if seen.line.uuid in known:
                continue
            known.add(seen.line.uuid)
        ordered.append(seen)
    return sorted(ordered, key=lambda seen: (seen.line.at or 0.0, seen.line.order))


def _responses(lines: list[_Seen], since: float = -math.inf) -> list[_Response]:
    """The responses in the order in which they began, each with its request's start."""
    responses: dict[str, _Response] = {}
    for seen in lines:
        if (identity := seen.line.response) is not None:
            if (response := responses.get(identity)) is None:
                response = responses[identity] = _Response(identity)
            response.take(seen)
    sent = {seen.line.request: seen.line.at for seen in lines if seen.line.request is not None}
    clock = _Clock(since)
    for seen in lines:
        line = seen.line
        if line.response is None:
            clock.take(seen)
            continue
        response = responses[line.response]
        if seen is response.parts[0]:
            clock.begin(response, sent)
        if seen is response.parts[-1]:
            clock.end(line.at or 0.0)
    return list(responses.values())


@dataclass(slots=True)
class _Clock:
    """What the next request began after, on the way through the lines."""

    ended_at: float  # the end of the latest response,
    ended_before: float = -math.inf  # and of the latest one before that moment
    start_at: float = -math.inf  # the latest line that a request begins after
    failed_at: float = -math.inf
    retry_seconds: float = 0.0
    was_compacted: bool = False
    client_ended: bool = False

    def take(self, seen: _Seen) -> None:
        line, at = seen.line, seen.line.at or 0.0
        self.client_ended |= seen.client_ended
        if line.starts_request or line.compaction is not None:
            self.start_at = at
        self.was_compacted |= line.compaction is not None
        if line.retry_seconds is not None:
            self.failed_at, self.retry_seconds = at, line.retry_seconds

    def end(self, at: float) -> None:
        """A response has ended."""
        if at > self.ended_at:
            self.ended_at, self.ended_before = at, self.ended_at

    def begin(self, response: _Response, sent: dict[str, float | None]) -> None:
        """Give the response its start: never after its first line."""
        first_at = response.first_at
        times = [at for part in response.parts if part.line.request_ref and (at := sent.get(part.line.request_ref))]
        if times:
            start = max((at for at in times if at <= first_at), default=first_at)
        else:
            ended_at = self.ended_at if self.ended_at < first_at else self.ended_before
            start = max(self.start_at, ended_at)
            start = first_at if start == -math.inf or start > first_at else start
        if self.failed_at >= start:
            retried_at = self.failed_at + self.retry_seconds
            start = retried_at if retried_at <= first_at else self.failed_at
        response.started_at = min(start, first_at)
        response.was_compacted, response.client_ended = self.was_compacted, self.client_ended
        self.was_compacted = self.client_ended = False


def _chained(found: list[_Seen], session_id: str, kind: Kind, at: Position) -> tuple[list[PastRequest], Position]:
    """The requests, each compared with the one before it, and where the next scan begins."""
    known = set(at.known)
    lines = [
        seen
        for seen in _in_order(found)
        if seen.line.response is None or (seen.line.response not in known and (seen.line.at or 0.0) >= at.since)
    ]
    begins = _begins(found, at.offset)
    requests: list[PastRequest] = []
    position = before = _Before(at.since, at.previous, at.previous_key, at.previous_session, at.ttl_seconds)
    names: list[str] = list(at.known)
    for response in _responses(lines, at.since):
        if response.tokens is None:
            continue
        before = position
        names.append(response.identity)
        ttl = response.ttl or before.ttl_seconds
        session = response.session_id or session_id
        step = _step(response, ttl, is_first=response.client_ended or before.session not in (None, session))
        requests.append(_request(response, session, kind, ttl, before=before, step=step))
        position = _Before(response.last_at, step, response.key, session, ttl)
    if not requests:
        return requests, at  # the lines that lead to the next response are needed again
    # Again from before the last response: it may be unfinished.
    last = names.pop()
    return requests, replace(
        at,
        offset=begins.get(last, at.offset),
        since=before.since,
        previous=before.step,
        previous_key=before.key,
        previous_session=before.session,
        ttl_seconds=before.ttl_seconds,
        known=tuple(names[-_REMEMBERED:]),
    )


class _Before(NamedTuple):
    """The request before the next one."""

    since: float  # the end of its response
    step: Step | None
    key: str | None
    session: str | None
    ttl_seconds: int | None


def _begins(found: list[_Seen], offset: int) -> dict[str, int]:
    """Where in the file each response begins, with the lines that led to it: behind the response before it."""
    begins: dict[str, int] = {}
    behind = offset
    for seen in found:
        if seen.line.response is not None:
            begins.setdefault(seen.line.response, behind)
            behind = seen.end
    return begins


def _step(response: _Response, ttl: int | None, *, is_first: bool) -> Step:
    tokens = response.tokens
    assert tokens is not None, "only responses with counts are chained"  # noqa: S101 - the caller's promise
    return Step(
        response.started_at,
        ttl,
        response.requested_model or response.model,
        response.effort,
        response.is_fast,
        tokens,
        response.cache_miss_reason,
        response.was_compacted,
        is_first,
    )


def _request(
    response: _Response,
    session_id: str,
    kind: Kind,
    ttl: int | None,
    *,
    before: _Before | None = None,
    step: Step | None = None,
) -> PastRequest:
    tokens = response.tokens
    assert tokens is not None, "only responses with counts are kept"  # noqa: S101 - the caller's promise
    common = (response.key, session_id, kind, response.started_at, response.model, response.effort)
    is_fast = step.is_fast if step else None
    if before is None or step is None or (previous := before.step) is None or kind is not Kind.MAIN:
        return PastRequest(*common, is_fast, ttl, tokens)
    return PastRequest(
        *common,
        is_fast,
        ttl,
        tokens,
        previous_key=before.key,
        gap_seconds=max(0.0, response.started_at - previous.started_at),
        previous_ttl_seconds=previous.ttl_seconds,
        previous_context=previous.tokens.context,
        rebuilt_tokens=rebuilt_tokens(previous, step),
        cause=cause_of(previous, step),
    )
