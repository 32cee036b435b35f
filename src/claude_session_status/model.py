"""The values that pass between the stages: frozen values and enums without I/O.

All times are UTC epoch seconds (float), all durations seconds, all sizes tokens. None means "not known", never 0.
"""

from enum import IntEnum, StrEnum
from typing import Annotated

from claude_session_status.values import Value

Time = Annotated[float, "UTC epoch seconds"]  # a field of `Session` with this type is a TIMESTAMP column
LATEST_AT = 253402214400.0  # a day before the end of the year 9999: the last moment that every time zone can express


class Cache(StrEnum):
    """What is left of the conversation's prompt cache."""

    NONE = "none"  # no request yet, caching is off, or the conversation was just compacted
    WARM = "warm"
    EXPIRED = "expired"


class Activity(StrEnum):
    """What the session is doing. Independent of the cache: a waiting session's cache expires like any other."""

    IDLE = "idle"
    WORKING = "working"  # a turn is in progress
    WAITING = "waiting"  # a permission prompt or a question holds the turn
    ENDED = "ended"


class Source(StrEnum):
    """Where the last request is known from."""

    STATUS_LINE = "statusline"
    TRANSCRIPT = "transcript"
    HOOK = "hook"
    MOD = "mod"  # the keep-warm plugin's report of a ping


class Turn(StrEnum):
    """The state of the turn after the transcript's newest line."""

    OVER = "over"  # completed, interrupted or failed
    ASKED = "asked"  # the model has to respond
    TOOL = "tool"  # a tool runs


class Compaction(StrEnum):
    """What led to the compaction of a conversation."""

    MANUAL = "manual"  # the user asked for it
    AUTO = "auto"  # the context was nearly full
    IDLE = "idle"  # the client compacted an idle conversation before its cache expired


class ClientStatus(StrEnum):
    """The status that the client itself reports for a session."""

    IDLE = "idle"
    BUSY = "busy"
    WAITING = "waiting"


class EventKind(StrEnum):
    """What a note in the spool reports. Hooks write the first seven, the status line the last; the rest are our own."""

    START = "start"
    PROMPT = "prompt"
    TURN = "turn"  # a turn ended
    FAILURE = "failure"  # a turn ended in an API error: its last request cached nothing
    TOOL = "tool"  # something happened inside a turn
    WAIT = "wait"  # a permission prompt or a question opened
    END = "end"
    GONE = "gone"  # the session's process no longer exists
    STILL_OPEN = "stayed"  # one client left the session, another still has it open
    ALERTED = "alerted"  # the user was notified of an expiry
    MUTE = "mute"  # the user wants no notifications for the session
    UNMUTE = "unmute"
    FORGET = "forget"  # the user wants nothing of the session to be kept
    FOUND = "found"  # a transcript shows a session that no hook has reported
    STATUS_LINE = "statusline"  # the client's own countdown, from its status line
    KEPT = "kept"  # a keep-warm ping read the conversation from the cache
    MISSED = "missed"  # a keep-warm ping wrote it to the cache again
    REMOTE = "remote"  # another machine reports one of its sessions


class Pause(StrEnum):
    """How long the user wants no notifications."""

    HOUR = "hour"
    TOMORROW = "tomorrow"
    OFF = "off"  # notifications are on again


class Process(Value):
    """The client's process. `started` is the kernel's tick count on Linux, since ids are reused and clocks change."""

    pid: int
    started: int | None = None
    namespace: str | None = None


class RemoteState(Value):
    """What another machine reports of one of its sessions, with all times by this machine's clock."""

    host: str  # the name in this user's settings, never one that the other machine sent
    activity: Activity
    activity_at: float | None = None  # since when
    expires_at: float | None = None  # None: nothing is cached
    ttl_seconds: int | None = None
    source: Source | None = None
    title: str | None = None
    project: str | None = None
    cwd: str | None = None  # where the client was started, on that machine
    model: str | None = None
    context_tokens: int | None = None
    started_at: float | None = None
    last_turn_at: float | None = None
    compacts_at: float | None = None
    compacted_at: float | None = None
    cache_miss_reason: str | None = None
    ssh_client_port: int | None = None  # as in Session


class Event(Value):
    """One thing that happened to one session; `at` is the moment the hook began."""

    kind: EventKind
    session_id: str
    at: float
    cwd: str | None = None
    project_folder: str | None = None  # where the client was started, whatever folder it has changed to
    entrypoint: str | None = None  # how the client was started: cli, sdk-cli, ...
    project: str | None = None
    title: str | None = None
    transcript_path: str | None = None
    model: str | None = None
    source: str | None = None  # SessionStart: startup, resume, clear, compact, fork
    process: Process | None = None
    expires_at: float | None = None  # ALERTED: which expiry
    lead_seconds: float | None = None  # ALERTED: which lead time
    ttl_seconds: int | None = None  # STATUS_LINE: TTL of the cache that expires at `expires_at`; KEPT: of the request
    tokens: int | None = None  # KEPT: read from the cache; MISSED: written to it
    usage_percent: int | None = None  # STATUS_LINE: how much of the account's five-hour window is used, rounded up
    usage_resets_at: float | None = None  # STATUS_LINE: when that window ends
    ssh_client_port: int | None = None  # as in Session
    remote: RemoteState | None = None  # REMOTE


class Request(Value):
    """The last known main request. It read or wrote the conversation's prefix, so the TTL runs from its start."""

    started_at: float
    ttl_seconds: int
    source: Source

    @property
    def expires_at(self) -> float:
        """Start plus TTL: the client's own countdown runs from the start of a request, not from its response."""
        return self.started_at + self.ttl_seconds


class TranscriptFacts(Value):
    """What the end of a transcript shows."""

    request_at: float | None = None  # start of the last main request that got a response
    request_cached: bool = True  # False: its response had no cache tokens at all
    pending_at: float | None = None  # start of a later main request without any line of a response yet
    response_at: float | None = None  # when the first line of the response was written
    ttl_seconds: int | None = None
    ttl_written_at: float | None = None  # the earlier response that shows the TTL; None: the last response shows it
    context_tokens: int | None = None
    model: str | None = None
    title: str | None = None
    title_given: bool = True  # False: the model made it up
    compacted_at: float | None = None  # after that request
    compaction: Compaction | None = None  # what led to that compaction
    cache_miss_reason: str | None = None  # why that request missed the cache, in the API's own term
    switched_at: float | None = None  # the user chose another model or effort after that request
    switched_back_at: float | None = None  # the user chose the request's model and effort again
    turn: Turn | None = None
    turn_at: float | None = None  # when the line that shows the turn was written


class Session(Value):
    """What is remembered of one session. Times only grow, so events may come in any order.

    Each field is a column of the table, and its type decides the column's type: a new field needs a migration in
    `store.schema`, and nothing else.
    """

    session_id: str  # the row's key: of another machine's session, `HOST/ID`
    project: str | None = None
    cwd: str | None = None
    title: str | None = None
    started_at: Time | None = None  # the first event
    opened_at: Time | None = None  # the last start or resume
    prompted_at: Time | None = None
    last_turn_at: Time | None = None  # the last end of a turn, completed or failed
    answered_at: Time | None = None  # the last completed turn
    waiting_at: Time | None = None
    tool_at: Time | None = None
    ended_at: Time | None = None
    last_event_at: Time | None = None
    request: Request | None = None
    uncached_at: Time | None = None  # compacted, or a response without cache tokens: no older request counts
    switched_at: Time | None = None  # another model or effort was chosen, which can't use what is cached
    switched_back_at: Time | None = None  # the last request's model and effort were chosen again
    response_at: Time | None = None  # when the last response in the transcript began to arrive
    ttl_written_at: Time | None = None  # the response that showed the TTL, where the request's own did not
    transcript_path: str | None = None
    transcript_mark: str | None = None  # size and mtime when it was last read
    transcript_at: Time | None = None  # the newest line that shows the state of the turn
    transcript_turn: Turn | None = None
    client_status: ClientStatus | None = None
    client_status_at: Time | None = None
    context_tokens: int | None = None
    model: str | None = None
    process: Process | None = None
    muted: bool = False
    # (lead seconds, the latest expiry notified at that lead); at lead 0, the start of the latest wait that was notified
    alerts: tuple[tuple[float, float], ...] = ()
    stamps: tuple[tuple[str, float], ...] = ()  # (field, time of the event that set it): the newest event wins
    found_at: Time | None = None  # the last sign of life without a hook: a transcript, a status line
    forgotten_at: Time | None = None  # nothing older is kept, and nothing older comes back
    project_folder: str | None = None  # where the client was started
    entrypoint: str | None = None  # how the client was started: cli, sdk-cli, ...
    compacted_at: Time | None = None
    idle_compact_tokens: int | None = None  # the client compacts an idle conversation from this size on; None: never
    reported_at: Time | None = None  # when the status line last reported a countdown
    cache_miss_reason: str | None = None  # why the last response's request missed the cache, in the API's own term
    kept_at: Time | None = None  # the start of the last keep-warm ping that read the conversation from the cache
    kept_tokens: int | None = None  # what it read
    missed_at: Time | None = None  # the start of the last keep-warm ping that did not
    missed_tokens: int | None = None  # what it wrote
    usage_percent: int | None = None  # of the account's five-hour window, as the session's status line reported it
    usage_resets_at: Time | None = None
    usage_at: Time | None = None  # when it was reported
    host: str | None = None  # the machine that runs the session, by its name in the settings; None: this machine
    compacts_at: Time | None = None  # of another machine's session only; for our own, `policy` computes it
    ssh_client_port: int | None = None  # of the ssh connection in which the client was started, at its client's end

    @property
    def own_id(self) -> str:
        """The session's id on the machine that runs it."""
        return self.session_id if self.host is None else self.session_id.removeprefix(f"{self.host}/")

    @property
    def folder(self) -> str | None:
        """The folder that names the project and from which the session is resumed: where the client was started.

        `cwd` follows every `cd` of the session. It is the fallback where the start folder is not known.
        """
        return self.project_folder or self.cwd

    @property
    def is_ended(self) -> bool:
        """Whether the newest event is the session's end; a newer event brings the session back.

        Once a hook has reported the session, only hooks bring it back: a client still writes lines and renders its
        status line while it exits.
        """
        last_seen = self.last_event_at if self.last_event_at is not None else self.found_at
        return self.ended_at is not None and self.ended_at >= (last_seen or 0.0)

    @property
    def is_found(self) -> bool:
        """Whether the session was discovered and no hook has reported it."""
        return self.found_at is not None and self.last_event_at is None

    @property
    def is_forgotten(self) -> bool:
        """Whether the user had it forgotten and no hook has reported it since."""
        return self.forgotten_at is not None and self.last_event_at is None


CLIENT_WORKTREES = "/.claude/worktrees/"


def folder_name(path: str | None) -> str | None:
    """The last part of a folder's path, of Linux, macOS or Windows; None where there is no path.

    Of a worktree that the client has made in a repository, the repository's name as well: `web-shop/fix-login`.
    """
    if not path:
        return None
    plain = path.replace("\\", "/").rstrip("/")
    repository, _, worktree = plain.partition(CLIENT_WORKTREES)
    if worktree and "/" not in worktree and repository:
        return f"{repository.rpartition('/')[2]}/{worktree}"
    return plain.rpartition("/")[2] or path


class Urgency(IntEnum):
    """How soon a warm cache expires. Ordered."""

    NONE = 0  # nothing is warm
    CALM = 1
    SOON = 2
    LAST = 3


class Refusal(Value):
    """Why a session can't be kept warm, and what would help."""

    title: str
    next_step: str


class KeepWarm(Value):
    """Whether a session can be kept warm and is, at one moment, as `keep_warm.keep_warm_of` derives it."""

    refusal: Refusal | None = None  # None: it can be kept warm
    until: float | None = None  # a person asked for it until then
    next_ping_at: float | None = None  # about when the next ping comes; None: none is expected
    no_ping_since: float | None = None  # when it was last seen that an expected ping does not come
    max_pings: int = 0  # in a row
    pings_an_hour: int = 0
    usd_an_hour: float | None = None
    ends_at: float | None = None  # when the allowed number of pings in a row ends it; None without a request
    needs_consent: bool = False  # it takes many pings: a person has to confirm that
    is_trial: bool = False  # no ping was ever sent by this installation
    client_version: str | None = None
    is_distrusted: bool = False  # a ping of that version missed
    stopped: "Stop | None" = None  # what ended it lately, although the user had not


class StopReason(StrEnum):
    """What ended keeping a session warm before its time."""

    MISSED = "missed"  # a ping wrote the conversation again
    USAGE = "usage"  # too much of the five-hour window is used
    KEPT_ALIVE = "kept alive"  # the client itself keeps the cache alive
    DISTRUSTED = "distrusted"  # a ping of this version of the client missed in another session
    SHORTER = "shorter"  # its cache lasts five minutes by now, and the order was for an hour
    COMPACTION = "compaction"  # the client will compact the conversation, which a ping does not postpone


class Stop(Value):
    """The end of keeping a session warm, at `at` (epoch seconds)."""

    at: float
    reason: StopReason
    tokens: int | None = None  # MISSED: what the ping wrote
    usd: float | None = None  # MISSED: what that costs beyond reading it
    is_late: bool = False  # MISSED: the ping's request came after the expiry
    usage_percent: int | None = None


class SessionState(Value):
    """A session at one moment, as `policy.state_of` derives it from a row and the clock."""

    session: Session
    cache: Cache
    activity: Activity
    expires_at: float | None  # None exactly when the cache is NONE
    seconds_left: float | None  # 0 when expired, None when nothing is cached
    urgency: Urgency = Urgency.NONE
    rewrite_cost_usd: float | None = None  # estimate: what re-caching costs beyond reading from the cache
    compacts_at: float | None = None  # when the client will compact the idle conversation by itself
    is_compacted: bool = False  # nothing is cached because the conversation was compacted
    keep_warm: KeepWarm | None = None  # None: not looked at


class AlertReason(StrEnum):
    """Why the user is notified of a session."""

    EXPIRES = "expires"  # its cache is about to expire, or the client to compact the conversation
    WAITS = "waits"  # it has waited for the user for a while
    STOPPED = "stopped"  # it is no longer kept warm, sooner than the user wanted


class Alert(Value):
    """The user should be notified of this session now."""

    state: SessionState
    lead_seconds: float
    sound: bool = False
    reason: AlertReason = AlertReason.EXPIRES


class Host(Value):
    """Another machine or container, as the settings name it, and how to run a command there."""

    name: str
    command: tuple[str, ...] = ()  # a program and its arguments, to which the command there is appended; empty: ssh
    program: str | None = None  # our program there; None: found on the PATH of a login shell


class HostConnection(StrEnum):
    """The state of the connection to another machine."""

    OFF = "off"  # no tray and no `watch` runs here, which would connect
    CONNECTING = "connecting"
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # the key, the user or this machine's idea of the host key is not accepted
    NO_PROGRAM = "no-program"  # our program was not found there
    WRONG_VERSION = "wrong-version"  # our program there is too old or too new to be understood
    BAD_DATA = "bad-data"  # what comes is not what our program prints


class HostState(Value):
    """The connection to another machine at one moment."""

    name: str
    connection: HostConnection
    since: float | None = None  # when the connection came into this state; None: not known
    detail: str | None = None  # why, in one line
    version: str | None = None  # of our program there


class Snapshot(Value):
    """All sessions at one moment, in display order."""

    now: float
    sessions: tuple[SessionState, ...] = ()
    stale: bool = False  # the database was locked: these are the rows of an earlier poll
    problem: str | None = None  # one line for the user
    paused_until: float | None = None  # the user wants no notifications before that moment; None: there is no pause
    quiet_until: float | None = None  # the end of the quiet hours of the settings; None outside them
    hosts: tuple[HostState, ...] = ()  # the other machines of the settings, in their order
