"""Reads from the end of a transcript what the countdown needs, and no more.

No schema of these files exists: every field may be missing, new or of another type. So each field is taken only with
the right type and within bounds, and a line that makes no sense is skipped. The reader goes backwards until it knows
the last response, when its request began, and the TTL. No text of a prompt or a response leaves this module.

The order in the file is not the order of events: a tool's result can stand before the last line of the response that
asked for it, and old lines can be written again behind newer ones. So the lines are put in order by time, and of lines
with the same uuid the earliest counts.

*When a request began.* Newer clients write a line when they send it. Otherwise the request began after everything that
it answers to: the nearest earlier `user` or `attachment` line, the end of the response before it, the wait after a
failed try. The latest of these is a time before which it did not begin, so the countdown never shows too much.
"""

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from claude_session_status.claude.choices import is_same_model, with_context_size
from claude_session_status.claude.files import open_plain
from claude_session_status.claude.jsonl import BLOCK, lines_backwards, objects_in
from claude_session_status.claude.transcript_files import AHEAD_OF_CLOCK
from claude_session_status.claude.transcript_line import Line, Usage, epoch_seconds, line_of, title_in
from claude_session_status.model import TranscriptFacts, Turn

FARTHEST_FOR_MORE = 1024 * 1024  # bytes from the end: how far to look for a title, the last write, and newer lines

AHEAD_OF_FILE = 120.0  # seconds by which a line may be later than the file: another machine may have written that time

_TITLES = (b'"custom-title"', b'"ai-title"')


def read(path: str, now: float = math.inf) -> TranscriptFacts | None:
    """What the end of the transcript at `path` shows; None when it can't be read. Never blocks, never raises.

    Lines from after `now`, or from after the file was written, are skipped: a clock was wrong.
    """
    try:
        with open_plain(path) as (descriptor, size):
            latest = min(now + AHEAD_OF_CLOCK, os.fstat(descriptor).st_mtime + AHEAD_OF_FILE)
            return facts_of(lines_backwards(descriptor, size), latest)
    except OSError:
        return None


def facts_of(lines: Iterable[tuple[int, bytes]], latest: float = math.inf) -> TranscriptFacts:
    """The facts in `lines`, which come last first, each with its start's distance to the end of the file in bytes.

    Lines from after `latest` (epoch seconds) are skipped.
    """
    found = _Found(latest)
    look_again_at = BLOCK
    is_known = False
    for from_end, raw in lines:
        if from_end > look_again_at:
            look_again_at = from_end + BLOCK
            is_known = found.has_request()
        if is_known and from_end > FARTHEST_FOR_MORE:
            break
        if not is_known or found.may_matter(raw):
            found.take(raw, is_unfinished=from_end == len(raw))
            is_known = is_known and found.has_request()
    return _facts(found)


# ---- the lines that were found ----------------------------------------------


@dataclass(slots=True)
class _Found:
    """What was found on the way back through the file."""

    latest: float
    lines: list[Line] = field(default_factory=list)  # last first
    custom_title: str | None = None
    ai_title: str | None = None
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)  # response -> its first and last time
    newest: str | None = None  # the response that ended last
    oldest: tuple[float, str] | None = None  # the earliest line of a response, and which response that is
    start_at: float = math.inf  # the earliest line that a request begins after
    boundary_at: float = math.inf  # the earliest compaction
    ttl_is_known: bool = False

    def take(self, raw: bytes, *, is_unfinished: bool) -> None:
        """Take what a line says."""
        for fields in reversed(objects_in(raw, is_unfinished=is_unfinished)):
            self.custom_title = self.custom_title or title_in(fields, "custom")
            self.ai_title = self.ai_title or title_in(fields, "ai")
            line = line_of(fields)
            if line is not None and (line.at is None or line.at <= self.latest):
                line.order = -len(self.lines)
                self.lines.append(line)
                self._note(line)

    def _note(self, line: Line) -> None:
        if line.at is None:
            return
        if line.response is not None:
            first, last = self.spans.get(line.response, (line.at, line.at))
            self.spans[line.response] = min(first, line.at), max(last, line.at)
            if self.newest is None or self.spans[line.response][1] > self.spans[self.newest][1]:
                self._look_before(line.response)
            self.oldest = min(self.oldest or (line.at, line.response), (line.at, line.response))
            has_ttl = line.asked_ttl if line.response == self.newest else None
            self.ttl_is_known |= bool(has_ttl or (line.usage and line.usage.written_ttl))
        if line.starts_request:
            self.start_at = min(self.start_at, line.at)
        if line.compaction is not None:
            self.boundary_at = min(self.boundary_at, line.at)

    def _look_before(self, response: str) -> None:
        """Take the response for the last one: what its request began after is farther back in the file."""
        if response != self.newest:
            self.newest, self.oldest = response, None
            self.start_at = self.boundary_at = math.inf

    def has_request(self) -> bool:
        """Whether the last response and what its request began after are found: lines from before both are."""
        if self.newest is None or self.oldest is None:
            return False
        first = self.spans[self.newest][0]
        is_other = self.oldest[1] != self.newest and self.oldest[0] < first
        return (is_other and self.start_at < first) or self.boundary_at < first

    def may_matter(self, raw: bytes) -> bool:
        """Whether a line before the last request can still matter: a quick look before the JSON is parsed."""
        if self.custom_title is None and any(name in raw for name in _TITLES):
            return True
        if not self.ttl_is_known and b'"ephemeral_' in raw:
            return True
        # Old lines were written again behind this one.
        newest_at = self.spans[self.newest][1] if self.newest is not None else -math.inf
        return any(seconds > newest_at for seconds in map(_seconds, _STAMP.findall(raw)))


_STAMP = re.compile(rb'"timestamp": ?"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"')


def _seconds(stamp: bytes) -> float:
    return epoch_seconds(stamp.decode()) or -math.inf


# ---- the facts --------------------------------------------------------------


@dataclass(slots=True)
class _Response:
    """One response: its lines, the earliest first."""

    lines: list[Line]

    @property
    def first_at(self) -> float:
        return self.lines[0].at or 0.0

    @property
    def last_at(self) -> float:
        return self.lines[-1].at or 0.0

    def last(self, name: str) -> Any:
        """The last stated value of that field of its lines; None when none states it."""
        return next((value for line in reversed(self.lines) if (value := getattr(line, name)) is not None), None)

    @property
    def usage(self) -> Usage | None:
        """The last usage with counts, else the last one."""
        usages = [line.usage for line in reversed(self.lines) if line.usage is not None]
        return next((usage for usage in usages if usage.context_tokens is not None), usages[0] if usages else None)

    @property
    def written_ttl(self) -> int | None:
        return min((u.written_ttl for line in self.lines if (u := line.usage) and u.written_ttl), default=None)

    @property
    def ttl(self) -> int | None:
        """What the request asked for holds also where it wrote nothing; where both are stated the shorter counts."""
        return min((ttl for ttl in (self.last("asked_ttl"), self.written_ttl) if ttl), default=None)


def _facts(found: _Found) -> TranscriptFacts:
    lines = _in_order(found.lines)
    responses = _responses(lines)
    turn, turn_at = _turn(lines)
    facts = TranscriptFacts(
        title=found.custom_title or found.ai_title,
        title_given=found.custom_title is not None,
        turn=turn,
        turn_at=turn_at,
    )
    last = responses[-1] if responses else None
    facts = replace(facts, pending_at=_pending_at(lines, last))
    since = -math.inf if last is None else last.last_at
    compactions = [line for line in lines if line.compaction is not None and _at(line) >= since]
    if compactions:
        facts = replace(facts, compacted_at=compactions[-1].at, compaction=compactions[-1].compaction)
    if last is None or (usage := last.usage) is None:
        return facts
    writer = last if last.ttl else next((r for r in reversed(responses) if r.written_ttl), None)
    request_at = _request_at(lines, responses, last)
    switched_at, switched_back_at = _switches(lines, last, request_at)
    return replace(
        facts,
        request_at=request_at,
        request_cached=usage.is_cached,
        response_at=last.first_at,
        ttl_seconds=writer.ttl if writer is last else writer.written_ttl if writer else None,
        ttl_written_at=None if writer is None or writer is last else writer.last_at,
        context_tokens=usage.context_tokens,
        model=last.last("model"),
        switched_at=switched_at,
        switched_back_at=switched_back_at,
        cache_miss_reason=last.last("cache_miss_reason"),
    )


def _at(line: Line) -> float:
    return -math.inf if line.at is None else line.at


def _in_order(found: list[Line]) -> list[Line]:
    """The lines by time, each once. `found`: last first.

    A line without a time follows the one before it in the file, and shows nothing of the turn.
    """
    at: float | None = None
    known: dict[str, Line] = {}
    lines = []
    for line in reversed(found):
        if line.at is None:
            line.at = at
            line.turn = None
        at = line.at
        if line.at is None:
            continue
        copy = known.get(line.uuid) if line.uuid is not None else None
        if copy is None:
            lines.append(line)
            if line.uuid is not None:
                known[line.uuid] = line
        elif line.at < _at(copy):
            copy.at = line.at
    return sorted(lines, key=lambda line: (_at(line), line.order))


def _responses(lines: list[Line]) -> list[_Response]:
    """The responses that state their usage, the one that ended last at the end."""
    by_id: dict[str, list[Line]] = {}
    for line in lines:
        if line.response is not None:
            part = by_id.pop(line.response, [])
            part.append(line)
            by_id[line.response] = part  # a response that goes on comes last
    return [response for part in by_id.values() if (response := _Response(part)).usage is not None]


def _request_at(lines: list[Line], responses: list[_Response], last: _Response) -> float:
    """The start of the request that led to the last response: never after the response's first line."""
    first_at = last.first_at
    refs = {line.request_ref for line in last.lines} - {None}
    before = lines[: next(i for i, line in enumerate(lines) if line is last.lines[0])]
    sent = [_at(line) for line in lines if line.request in refs]
    if sent:
        start = max((at for at in sent if at <= first_at), default=first_at)
    else:
        starts = [_at(line) for line in before if line.starts_request or line.compaction is not None]
        ends = [response.last_at for response in responses if response.last_at < first_at]
        start = max(starts + ends, default=first_at)
    for failed in (line for line in reversed(before) if line.retry_seconds is not None):
        if _at(failed) >= start:
            retried_at = _at(failed) + (failed.retry_seconds or 0.0)
            return retried_at if retried_at <= first_at else _at(failed)
        break
    return start


def _pending_at(lines: list[Line], last: _Response | None) -> float | None:
    """When the last request was sent that has no response yet and has not failed."""
    ended_at = -math.inf if last is None else last.last_at
    refs = set() if last is None else {line.request_ref for line in last.lines}
    for line in reversed(lines):
        if line.is_failure or line.compaction is not None or _at(line) < ended_at:
            return None
        if line.request is not None and line.request not in refs:
            return line.at
    return None


def _turn(lines: list[Line]) -> tuple[Turn | None, float | None]:
    """Where the newest line that shows it leaves the turn, and when that was. A try that failed keeps it open."""
    retried_at = None
    for line in reversed(lines):
        if line.retry_seconds is not None and retried_at is None:
            retried_at = line.at
        if line.turn is not None:
            if retried_at is not None and line.turn is Turn.ASKED:
                return Turn.ASKED, retried_at
            return line.turn, line.at
    return None, None


def _switches(lines: list[Line], last: _Response, request_at: float) -> tuple[float | None, float | None]:
    """When the user chose something else than the last response had, and when the same again; None: not done."""
    usage = last.usage
    model = response_model = last.last("requested_model") or last.last("model") or ""
    effort, is_fast = last.last("effort"), usage.is_fast if usage else None
    chosen: dict[str, tuple[float, bool]] = {}  # what -> when, and whether the response had the same
    for line in lines:
        if (choice := line.choice) is None:
            continue
        at = _at(line)
        if at <= request_at:
            effort = last.last("effort") or choice.effort or effort
            if choice.model is not None:
                model = with_context_size(response_model, choice.model)
            continue
        if choice.model is not None:
            chosen["model"] = at, is_same_model(choice.model, model)
        if choice.effort is not None and (choice.is_effort_only or effort is not None):
            chosen["effort"] = at, choice.effort == (effort or "").lower()
        if choice.fast is not None and is_fast is not None:
            chosen["speed"] = at, choice.fast is is_fast
    away = [at for at, is_same in chosen.values() if not is_same]
    if away:
        return max(away), None
    return None, max((at for at, _ in chosen.values()), default=None)
