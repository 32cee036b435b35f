"""The values that the stages hand to each other: frozen, and free of any behaviour that needs the outside.

All times are UTC epoch seconds (float), all durations seconds, all sizes tokens. None means "not known", never 0.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated

Time = Annotated[float, "UTC epoch seconds"]  # a field of `Session` with this type is a TIMESTAMP column


class Cache(StrEnum):
    """What is left of the conversation's prompt cache."""

    NONE = "none"  # no request yet, caching is off, or the conversation was just compacted
    WARM = "warm"
    EXPIRED = "expired"


class Activity(StrEnum):
    """What the session is doing. Apart from the cache: a waiting session's cache drains like any other."""

    IDLE = "idle"
    WORKING = "working"  # a turn is in progress
    WAITING = "waiting"  # a permission prompt holds the turn
    ENDED = "ended"


class Source(StrEnum):
    """Who told of the last request."""

    STATUS_LINE = "statusline"
    TRANSCRIPT = "transcript"
    HOOK = "hook"


class Turn(StrEnum):
    """Where the transcript's newest line leaves the turn."""

    OVER = "over"  # answered, interrupted or failed
    ASKED = "asked"  # the model is to speak next
    TOOL = "tool"  # a tool runs


class ClientStatus(StrEnum):
    """What the client itself says a session does."""

    IDLE = "idle"
    BUSY = "busy"
    WAITING = "waiting"


class EventKind(StrEnum):
    """What a note in the spool tells. The first seven are of hooks, the last of the status line, the others ours."""

    START = "start"
    PROMPT = "prompt"
    TURN = "turn"  # a turn ended
    FAILURE = "failure"  # a turn ended in an API error: its last request cached nothing
    TOOL = "tool"  # something happened inside a turn
    WAIT = "wait"
    END = "end"
    GONE = "gone"  # the session's process is no more
    STAYED = "stayed"  # one client left, and another has the same session open
    ALERTED = "alerted"  # a person was told of an expiry
    MUTE = "mute"  # a person wants to hear nothing of the session
    UNMUTE = "unmute"
    FORGET = "forget"  # a person wants nothing of the session to be kept
    FOUND = "found"  # a transcript shows a session that no hook has spoken of
    STATUS_LINE = "statusline"  # the client's own word on the cache, from its status line


class Pause(StrEnum):
    """For how long a person wants no notifications."""

    HOUR = "hour"
    TOMORROW = "tomorrow"
    OFF = "off"  # they are on again


@dataclass(frozen=True, slots=True)
class Process:
    """The client's process. `started` is the kernel's own tick count on Linux, since ids are reused and clocks jump."""

    pid: int
    started: int | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one session, `at` the moment the hook began."""

    kind: EventKind
    session_id: str
    at: float
    cwd: str | None = None
    project: str | None = None
    title: str | None = None
    transcript_path: str | None = None
    model: str | None = None
    source: str | None = None  # SessionStart: startup, resume, clear, compact, fork
    process: Process | None = None
    expires_at: float | None = None  # ALERTED: which expiry
    lead_seconds: float | None = None  # ALERTED: which lead time
    ttl_seconds: int | None = None  # STATUS_LINE: of the cache that expires at `expires_at`


@dataclass(frozen=True, slots=True)
class Request:
    """The last main request known: it read or wrote the conversation's prefix, so the cache lives from its start."""

    started_at: float
    ttl_seconds: int
    source: Source

    @property
    def expires_at(self) -> float:
        """Start plus TTL: the client's own countdown runs from the start of a request, not from its response."""
        return self.started_at + self.ttl_seconds


@dataclass(frozen=True, slots=True)
class TranscriptFacts:
    """What the end of a transcript says."""

    request_at: float | None = None  # start of the last main request that got a response
    request_cached: bool = True  # False: its response had no cache tokens at all
    pending_at: float | None = None  # start of a main request after that one, no line of a response yet
    response_at: float | None = None  # when the first line of its response was written
    ttl_seconds: int | None = None
    ttl_written_at: float | None = None  # which earlier response tells the TTL; None: the last one does so itself
    context_tokens: int | None = None
    model: str | None = None
    title: str | None = None
    title_given: bool = True  # False: made up by the model
    compacted_at: float | None = None  # after that request
    switched_at: float | None = None  # another model or effort was chosen after that request
    switched_back_at: float | None = None  # or it was, and then again what that request had
    turn: Turn | None = None
    turn_at: float | None = None  # when the line was written that tells the turn


@dataclass(frozen=True, slots=True)
class Session:
    """What is remembered of one session. Times only grow, so any order of events ends alike.

    Each field is a column of the table, and its type decides the column's type: a new field needs a migration in
    `store.schema`, and nothing else.
    """

    session_id: str
    project: str | None = None
    cwd: str | None = None
    title: str | None = None
    started_at: Time | None = None  # the first event
    opened_at: Time | None = None  # the last start or resume
    prompted_at: Time | None = None
    last_turn_at: Time | None = None  # the last end of a turn, good or bad
    answered_at: Time | None = None  # the last good one
    waiting_at: Time | None = None
    tool_at: Time | None = None
    ended_at: Time | None = None
    last_event_at: Time | None = None
    request: Request | None = None
    uncached_at: Time | None = None  # compacted, or a response without cache tokens: nothing older counts
    switched_at: Time | None = None  # another model or effort was chosen: what is cached is of no use to it
    switched_back_at: Time | None = None  # and then again the one that the last request had
    response_at: Time | None = None  # when the last response that the transcript shows began to arrive
    ttl_written_at: Time | None = None  # which response told the TTL, where that of the request itself did not
    transcript_path: str | None = None
    transcript_mark: str | None = None  # size and mtime when it was last read
    transcript_at: Time | None = None  # the newest line that tells something of the turn
    transcript_turn: Turn | None = None
    client_status: ClientStatus | None = None
    client_status_at: Time | None = None
    context_tokens: int | None = None
    model: str | None = None
    process: Process | None = None
    muted: bool = False
    alerts: tuple[tuple[float, float], ...] = ()  # (lead seconds, the latest expiry told of at that lead)
    stamps: tuple[tuple[str, float], ...] = ()  # (field, when the event was that it is from): the newest holds
    found_at: Time | None = None  # the last sign of life that no hook gave: a transcript, a status line
    forgotten_at: Time | None = None  # nothing from before is kept, and nothing from before comes back

    @property
    def is_ended(self) -> bool:
        """Whether the last word on the session is its end; a newer event brings it back.

        Once a hook has spoken of the session, no other sign of life does: a client writes lines and renders its status
        line even while it goes.
        """
        heard_at = self.last_event_at if self.last_event_at is not None else self.found_at
        return self.ended_at is not None and self.ended_at >= (heard_at or 0.0)

    @property
    def is_found(self) -> bool:
        """Whether the session is known without any hook having spoken of it."""
        return self.found_at is not None and self.last_event_at is None

    @property
    def is_forgotten(self) -> bool:
        """Whether a person wanted it forgotten and no hook has spoken of it since."""
        return self.forgotten_at is not None and self.last_event_at is None


class Urgency(IntEnum):
    """How soon a warm cache goes cold. Ordered."""

    NONE = 0  # nothing is warm
    CALM = 1
    SOON = 2
    LAST = 3


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session at one moment: what `policy.state_of` makes of a row and the clock."""

    session: Session
    cache: Cache
    activity: Activity
    expires_at: float | None  # None exactly when the cache is NONE
    seconds_left: float | None  # 0 when expired, None when nothing is cached
    urgency: Urgency = Urgency.NONE
    rewrite_cost_usd: float | None = None  # an estimate of what reading it all anew costs more than the cache would


@dataclass(frozen=True, slots=True)
class Alert:
    """A person should hear now that this session's cache expires."""

    state: SessionState
    lead_seconds: float
    sound: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All sessions at one moment, in the order in which they are shown."""

    now: float
    sessions: tuple[SessionState, ...] = ()
    stale: bool = False  # the database was locked: these are the rows of an earlier poll
    problem: str | None = None  # one line for a person
    paused_until: float | None = None  # no notifications before that moment; None: they are on
