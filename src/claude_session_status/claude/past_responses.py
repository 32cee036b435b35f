"""The responses of a conversation in the order in which they began, each with its request's start.

The order of the lines in the file is not the order of events, so they are put in order by time, each once. When a
request began is decided as in `transcript`, which wants only the last one.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from operator import itemgetter

from claude_session_status.claude.past_lines import Moment, Statement
from claude_session_status.costs.request import TokenCounts


@dataclass(slots=True)
class Response:
    """What the lines of one response say, taken in order of time, and how its request began.

    Of most facts the last statement counts; of the ids the first.
    """

    identity: str
    first_at: float
    first: int  # the number of its first line among all lines, and of its last one
    last: int = 0
    last_at: float = 0.0
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
    request_refs: list[str] = field(default_factory=list)
    _statement: Statement | None = None

    def take(self, number: int, at: float, statement: Statement) -> None:
        """Add a line."""
        self.last, self.last_at = number, at
        if statement is self._statement:
            return
        self._statement = statement
        line, usage = statement.line, statement.line.usage
        self.tokens = statement.tokens or self.tokens
        self.model = line.model or self.model
        self.requested_model = line.requested_model or self.requested_model
        self.effort = line.effort or self.effort
        self.cache_miss_reason = line.cache_miss_reason or self.cache_miss_reason
        self.asked_ttl = line.asked_ttl or self.asked_ttl
        self.request_id = self.request_id or statement.request_id or ""
        self.session_id = self.session_id or statement.session_id
        if line.request_ref is not None:
            self.request_refs.append(line.request_ref)
        if usage is not None:
            self.is_fast = usage.is_fast
            self.written_ttl = _shorter(self.written_ttl, usage.written_ttl)

    @property
    def ttl(self) -> int | None:
        """What the request asked for holds also where it wrote nothing; where both are stated the shorter counts."""
        return _shorter(self.asked_ttl, self.written_ttl)

    @property
    def key(self) -> str:
        """Names the request: the same in each copy of its lines."""
        return f"{self.identity}:{self.request_id}"


def _shorter(one: int | None, other: int | None) -> int | None:
    return min(one, other) if one and other else one or other


class Conversation:
    """The lines of one conversation, given in the order of the file.

    Lines of responses in `known` or from before `since` (epoch seconds) were read by an earlier scan.
    """

    def __init__(self, offset: int = 0, since: float = -math.inf, known: Collection[str] = ()) -> None:
        self.begins: dict[str, int] = {}  # where in the file each response begins, with the lines that led to it
        self._behind = offset  # the end of the response before
        self._since = since
        self._known = known
        self._at: float | None = None
        self._uuids: set[str] = set()
        self._lines: list[tuple[float, Statement]] = []  # their times, epoch seconds

    def add(self, moment: Moment, end: int) -> None:
        """Add a line, which ends at `end` in the file. One without a time follows the one before it."""
        at, uuid, statement = moment
        response = statement.line.response
        if response is not None:
            self.begins.setdefault(response, self._behind)
            self._behind = end
        at = self._at = self._at if at is None else at
        if at is None:
            return
        if uuid is not None:
            if uuid in self._uuids:
                return
            self._uuids.add(uuid)
        if response is None or (response not in self._known and at >= self._since):
            self._lines.append((at, statement))

    def responses(self) -> list[Response]:
        """The responses that state what they used, each with its request's start."""
        lines = sorted(self._lines, key=itemgetter(0))
        responses: dict[str, Response] = {}
        sent: dict[str, float] = {}
        for number, (at, statement) in enumerate(lines):
            if (identity := statement.line.response) is not None:
                if (response := responses.get(identity)) is None:
                    response = responses[identity] = Response(identity, at, number)
                response.take(number, at, statement)
            elif statement.line.request is not None:
                sent[statement.line.request] = at
        clock = _Clock(self._since)
        for number, (at, statement) in enumerate(lines):
            if (identity := statement.line.response) is None:
                clock.take(statement, at)
                continue
            response = responses[identity]
            if number == response.first:
                clock.begin(response, sent)
            if number == response.last:
                clock.end(at)
        return [response for response in responses.values() if response.tokens is not None]


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

    def take(self, statement: Statement, at: float) -> None:
        """Take a line that is part of no response."""
        line = statement.line
        self.client_ended |= statement.client_ended
        if line.starts_request or line.compaction is not None:
            self.start_at = at
        self.was_compacted |= line.compaction is not None
        if line.retry_seconds is not None:
            self.failed_at, self.retry_seconds = at, line.retry_seconds

    def end(self, at: float) -> None:
        """A response has ended."""
        if at > self.ended_at:
            self.ended_at, self.ended_before = at, self.ended_at

    def begin(self, response: Response, sent: dict[str, float]) -> None:
        """Give the response its start: never after its first line."""
        first_at = response.first_at
        times = [at for ref in response.request_refs if (at := sent.get(ref))]
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
