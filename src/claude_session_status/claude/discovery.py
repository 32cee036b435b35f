"""Finds sessions that no hook has reported, by their transcripts: so the first start shows what runs already.

Looking is cheap. A folder of transcripts is listed when its time changed, which happens when a session begins, and all
folders are listed once a minute, since appending to a transcript changes no folder. Where there are very many folders,
only those that changed last are checked at each look. Only transcripts written within the last hour count: older ones
are cold. Subagents' files are never taken for sessions.

Where clients list themselves (`registry`), a session that no running client lists is over and not found. Older clients
list nothing; then the transcript alone decides, also where a newer client ran once and left.
"""

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from claude_session_status import policy, reducer
from claude_session_status.claude.files import json_object, open_plain
from claude_session_status.claude.jsonl import lines_backwards
from claude_session_status.claude.liveness import Liveness, LivenessProbe
from claude_session_status.claude.payload import text_of
from claude_session_status.claude.registry import ListedClient, Registry
from claude_session_status.claude.transcript_files import first_folder
from claude_session_status.model import Event, EventKind, Process, Session
from claude_session_status.paths import Paths
from claude_session_status.session_faults import SessionFaults
from claude_session_status.values import Value, replace

FULL_LOOK_SECONDS = 60.0
FOLDERS_A_LOOK = 100
_TAIL = 1024 * 1024  # bytes from the end of a transcript in which a folder must be named
_CLOCK_SLACK_SECONDS = 60.0  # a file's time may be a little ahead of ours
_COARSE_SECONDS = 2.0  # some file systems keep times no finer than this
_SUBAGENT = "agent-"  # older clients keep subagents' transcripts beside the sessions' own
_TRANSCRIPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl", re.IGNORECASE)

_NAME_LENGTH = 36 + len(".jsonl")


class Trace(Value):
    """A transcript that was written at `at` (epoch seconds), and the client that lists its session."""

    session_id: str
    path: str
    at: float
    listed: ListedClient | None = None


# ---- decisions --------------------------------------------------------------


_LAST_LINES_SECONDS = 60.0  # a client may write some lines after its last hook


def is_news(trace: Trace, session: Session | None) -> bool:
    """Whether a trace shows an unknown session (None), or one that had ended or was silent for so long as to be hidden.

    A session that a hook has reported counts only if a running client lists it: then it goes on without hooks.
    """
    if session is None:
        return True
    if session.is_forgotten or not (session.is_found or trace.listed):
        return False
    if not session.is_ended:
        return trace.at > policy.last_seen(session) + policy.SHOWN_SECONDS
    return trace.at > ((session.found_at or 0.0) if session.is_found else _reopened_at(session))


def wait_until(trace: Trace, session: Session | None) -> float:
    """Return until when (a time of its transcript, in epoch seconds) a trace need not be examined again.

    Unless a client lists the session, only a hook can bring back one that a hook has reported, however its transcript
    grows.
    """
    is_hooked = session is not None and not session.is_found
    return math.inf if is_hooked and trace.listed is None else trace.at


def as_event(found: Event, session: Session | None) -> Event:
    """The event to note for `found`. A session that hooks reported before is taken to have been opened again."""
    if session is None or session.is_found:
        return found
    return replace(found, kind=EventKind.START, at=_reopened_at(session))


def _reopened_at(session: Session) -> float:
    """When a session that goes on without its hooks is assumed to have reopened: soon after its last hook.

    That is before its current activity, so that the activity stays the newest evidence.
    """
    return (session.last_event_at or 0.0) + _LAST_LINES_SECONDS


# ---- the files --------------------------------------------------------------


class Finder:
    """Looks for sessions in one folder of Claude Code. The constructor reads nothing."""

    def __init__(
        self,
        paths: Paths,
        alive: Callable[[Process | None, float | None], Liveness] | None = None,
        faults: SessionFaults | None = None,
    ) -> None:
        self._projects = paths.projects
        self._registry = Registry(paths.client_registry)
        self._alive = alive or LivenessProbe()
        self._faults = faults or SessionFaults()
        self._examined: dict[str, float] = {}  # session -> up to which time its transcript was examined
        self._checked: tuple[int | None, float, list[Session]] | None = None  # what `still_open` was last asked
        self._listed: dict[str, int] = {}  # folder -> its time when it was listed
        self._projects_changed = 0
        self._recent: list[str] = []  # the folders that changed last
        self._traces: dict[str, Trace] = {}
        self._full_look_at: float | None = None

    def new_events(
        self,
        known: Mapping[str, Session],
        stored: Callable[[Iterable[str]], Iterable[Session]],
        now: float,
    ) -> list[Event]:
        """Events to note for sessions that no hook has reported. `known`: the sessions that are shown.

        `stored` reads sessions from the database, by id: the shown ones are not all, and one that ended must not come
        back. Raises what `stored` raises; then the same is found next time. `now`: epoch seconds.
        """
        traces = [trace for trace in self.look(now) if self._is_unexamined(trace, known.get(trace.session_id))]
        if not traces:
            return []
        remembered = {session.session_id: session for session in stored(trace.session_id for trace in traces)}
        events = []
        for trace in traces:
            session = remembered.get(trace.session_id)
            self._examined[trace.session_id] = wait_until(trace, session)
            if is_news(trace, session) and (found := self._event_of(trace)) is not None:
                events.append(as_event(found, session))
        return events

    def _event_of(self, trace: Trace) -> Event | None:
        return self._faults.attempt(
            Session(trace.session_id), "reading its transcript", lambda: event_of(trace), otherwise=None
        )

    def _is_unexamined(self, trace: Trace, shown: Session | None) -> bool:
        if shown is not None and not is_news(trace, shown):
            return False
        return self._examined.get(trace.session_id, -math.inf) < trace.at

    def look(self, now: float) -> tuple[Trace, ...]:
        """The sessions that may be running, each by the newest of its transcripts. Never raises."""
        full = self._full_look_at is None or not 0 <= now - self._full_look_at < FULL_LOOK_SECONDS
        if full:
            self._full_look_at = now
        for folder, changed in self._folders(now, full=full):
            if full or self._listed.get(folder) != changed:
                self._list(folder, now)
                self._listed[folder] = _settled(changed, now)
        since = now - policy.FOUND_SECONDS
        self._traces = {key: trace for key, trace in self._traces.items() if trace.at > since}
        return tuple(self._running()) if self._traces else ()

    def has_moved_on(self, session: Session) -> bool:
        """Whether the client of a session without hooks lists another session now: then this one has ended."""
        return session.is_found and self._registry.lists_another(session.session_id, session.process)

    def still_open(self, ended: Iterable[Session], now: float) -> list[tuple[Session, Process]]:
        """Ended sessions that another running client still has open, with its process: two clients may resume one.

        Sessions without hooks are left to their transcripts. While no client comes or goes and no session ends the
        result stays the same, so it is returned once, and again each minute. `now`: epoch seconds.
        """
        left = [s for s in ended if s.host is None and not s.is_found and s.process is not None]
        if not left:
            return []
        changed = _changed(self._registry.folder)
        state = changed, now // FULL_LOOK_SECONDS, left
        if state == self._checked:
            return []
        self._checked = state if changed is None or _settled(changed, now) else None
        clients = self._registry.listed()
        return [
            (session, other)
            for session in left
            if (other := self._other_client(session, clients.get(session.session_id, []))) is not None
        ]

    def _other_client(self, left: Session, clients: Iterable[ListedClient]) -> Process | None:
        for client in clients:
            # The client that left may still list this session for a moment, as at /clear.
            is_same = left.process is not None and client.process.pid == left.process.pid
            if not is_same and self._alive(client.process, _named_at(client, left.ended_at)) is Liveness.ALIVE:
                return client.process
        return None

    def _folders(self, now: float, *, full: bool) -> list[tuple[str, int]]:
        """The folders to look at, with their times: all when one came or went, else those that changed last."""
        changed = _changed(self._projects)
        if not full and changed == self._projects_changed:
            return [(folder, at) for folder in self._recent if (at := _changed(folder)) is not None]
        self._projects_changed = _settled(changed or 0, now)
        found = sorted(_folders(self._projects), key=lambda item: -item[1])
        self._recent = [folder for folder, _ in found[:FOLDERS_A_LOOK]]
        return found

    def _list(self, folder: str, now: float) -> None:
        since, until = now - policy.FOUND_SECONDS, now + _CLOCK_SLACK_SECONDS
        for entry in _entries(folder):
            if len(entry.name) != _NAME_LENGTH:
                continue
            try:
                at = entry.stat().st_mtime
            except OSError:
                continue
            # Nearly all of many thousand transcripts are old: their names are not looked at.
            if not since < at < until or (name := _TRANSCRIPT.fullmatch(entry.name)) is None:
                continue
            known = self._traces.get(name[1])
            if known is None or at >= known.at:
                self._traces[name[1]] = Trace(name[1], entry.path, round(at, 6))

    def _running(self) -> Iterator[Trace]:
        listed = self._registry.listed()
        # A transcript that is written well after the last listed client exited belongs to an older client, which lists
        # nothing.
        since = math.inf if listed else self._registry.changed_at() + _CLOCK_SLACK_SECONDS
        for trace in self._traces.values():
            if trace.at > since:
                yield trace
                continue
            for client in listed.get(trace.session_id, ()):
                if self._alive(client.process, _named_at(client, trace.at)) is not Liveness.GONE:
                    yield Trace(trace.session_id, trace.path, trace.at, client)
                    break


def _named_at(client: ListedClient, otherwise: float | None) -> float | None:
    """When the client certainly ran: a process with its id that began later is another one."""
    return otherwise if client.started_at is None else client.started_at


def sessions(claude_dir: str, since: float) -> Iterator[Session]:
    """Sessions read from transcripts written at or after `since` (epoch seconds), to rebuild a table."""
    for folder, _ in _folders(os.path.join(claude_dir, "projects")):
        for entry in _entries(folder):
            name = entry.name.removesuffix(".jsonl")
            if name == entry.name or name.startswith(_SUBAGENT):
                continue
            try:
                at = entry.stat().st_mtime
            except OSError:
                continue
            event = event_of(Trace(name, entry.path, round(at, 6))) if at >= since else None
            if event is not None:
                yield reducer.apply(Session(name), event)


def event_of(trace: Trace) -> Event | None:
    """The event to note for a trace; None where the file is not a session's own, or says too little."""
    cwd = first_folder(trace.path) or _last_folder(trace.path)
    if cwd is None:
        return None
    return Event(
        EventKind.FOUND,
        trace.session_id,
        trace.at,
        cwd=cwd,
        project_folder=cwd,
        entrypoint=trace.listed.entrypoint if trace.listed else None,
        title=trace.listed.title if trace.listed else None,
        transcript_path=trace.path,
        process=trace.listed.process if trace.listed else None,
    )


def _last_folder(path: str) -> str | None:
    """The working folder in the last line of a transcript that names one, for a file whose first lines are huge."""
    try:
        with open_plain(path) as (descriptor, size):
            for from_end, raw in lines_backwards(descriptor, size):
                if b'"cwd"' in raw and (line := json_object(raw)) is not None:
                    if line.get("isSidechain") is True:
                        return None
                    if (cwd := text_of(line, "cwd")) is not None:
                        return cwd
                if from_end > _TAIL:
                    break
    except OSError:
        pass
    return None


def _changed(folder: str) -> int | None:
    """A folder's time in nanoseconds; None where there is none."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


def _settled(changed: int, now: float) -> int:
    """A time to compare later; 0 for one so recent that a coarse clock may give a later change the same time."""
    return changed if now - changed / 1e9 > _COARSE_SECONDS else 0


def _folders(projects: str) -> Iterator[tuple[str, int]]:
    for entry in _entries(projects):
        try:
            if entry.is_dir():
                yield entry.path, entry.stat().st_mtime_ns
        except OSError:
            continue


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
