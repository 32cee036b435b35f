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
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

from claude_session_status.claude.files import open_plain
from claude_session_status.claude.past_fields import fields_in
from claude_session_status.claude.past_lines import LineReader, lines_from
from claude_session_status.claude.past_responses import Conversation, Response
from claude_session_status.claude.payload import bounded
from claude_session_status.costs.misses import Step, cause_of, rebuilt_tokens
from claude_session_status.costs.request import Kind, PastRequest, TokenCounts

_REMEMBERED = 16  # earlier responses, whose late lines are skipped by the next scan
_SEAM_BYTES = 128


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
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.previous is not None:
            values["previous"] = {**self.previous._asdict(), "tokens": self.previous.tokens._asdict()}
        return json.dumps(values)

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


def scan(path: str, session_id: str, kind: Kind, position: Position | None = None) -> Scan:
    """The requests in the transcript at `path` from `position` on. Never blocks; raises OSError."""
    at = position or Position()
    with open_plain(path) as (descriptor, size):
        if size < at.offset or (at.offset and _seam(descriptor, at.offset) != at.seam):
            at = Position()  # another file took its place
        found = _scan(descriptor, session_id, kind, at)
        seam = _seam(descriptor, found.position.offset)
        return replace(found, position=replace(found.position, seam=seam))


def _seam(descriptor: int, offset: int) -> int:
    start = max(0, offset - _SEAM_BYTES)
    os.lseek(descriptor, start, os.SEEK_SET)
    return zlib.crc32(os.read(descriptor, offset - start))


def _scan(descriptor: int, session_id: str, kind: Kind, at: Position) -> Scan:
    main, side = Conversation(at.offset, at.since, frozenset(at.known)), Conversation()
    folder = at.folder
    reader = LineReader()
    for start, raw in lines_from(descriptor, at.offset):
        for values in fields_in(raw):
            if folder is None and isinstance(cwd := values.get("cwd"), str):
                folder = bounded(cwd)
            is_side = values.pop("isSidechain", None) is True
            if (moment := reader.read(values)) is not None:
                (side if is_side and kind is Kind.MAIN else main).add(moment, start + len(raw))
    requests, position = _chained(main, session_id, kind, at)
    requests += [_request(response, session_id, Kind.SUBAGENT, response.ttl) for response in side.responses()]
    return Scan(tuple(requests), replace(position, folder=folder))


def _chained(
    conversation: Conversation, session_id: str, kind: Kind, at: Position
) -> tuple[list[PastRequest], Position]:
    """The requests, each compared with the one before it, and where the next scan begins."""
    requests: list[PastRequest] = []
    position = before = _Before(at.since, at.previous, at.previous_key, at.previous_session, at.ttl_seconds)
    names: list[str] = list(at.known)
    for response in conversation.responses():
        before = position
        names.append(response.identity)
        ttl = response.ttl or before.ttl_seconds
        session = response.session_id or session_id
        step = _step(response, ttl, is_first=response.client_ended or before.session not in (None, session))
        requests.append(request := _request(response, session, kind, ttl, before=before, step=step))
        position = _Before(response.last_at, step, request.key, session, ttl)
    if not requests:
        return requests, at  # the lines that lead to the next response are needed again
    # Again from before the last response: it may be unfinished.
    last = names.pop()
    return requests, replace(
        at,
        offset=conversation.begins.get(last, at.offset),
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


def _step(response: Response, ttl: int | None, *, is_first: bool) -> Step:
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
    response: Response,
    session_id: str,
    kind: Kind,
    ttl: int | None,
    *,
    before: _Before | None = None,
    step: Step | None = None,
) -> PastRequest:
    tokens = response.tokens
    assert tokens is not None, "only responses with counts are kept"  # noqa: S101 - the caller's promise
    started_at, is_fast = response.started_at, None if step is None else step.is_fast
    common = (response.key, session_id, kind, started_at, response.model, response.effort, is_fast, ttl, tokens)
    if before is None or step is None or (previous := before.step) is None or kind is not Kind.MAIN:
        return PastRequest(*common)
    gap_seconds = max(0.0, started_at - previous.started_at)
    compared = (before.key, gap_seconds, previous.ttl_seconds, previous.tokens.context)
    return PastRequest(*common, *compared, rebuilt_tokens(previous, step), cause_of(previous, step))
