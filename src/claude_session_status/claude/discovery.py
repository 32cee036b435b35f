"""Finds sessions that no hook has told of, by their transcripts: so the first start shows what runs already.

A look is cheap: a folder of transcripts is listed when its time changed, which happens when a session begins, and all
of them once a minute, since appending to a transcript changes no folder. Where there are very many folders, only those
that changed last are asked for their time at each look. Only transcripts written within the last hour count: what is
older is cold. Subagents' files are never taken for sessions.

Where the clients list themselves (`registry`), a session that no running client lists is over and not found. Older
clients list nothing; then the transcript alone must do, also where a newer one ran once and left.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from claude_session_status import policy, reducer
from claude_session_status.claude.files import open_plain
from claude_session_status.claude.liveness import Liveness, LivenessProbe
from claude_session_status.claude.payload import folder_name
from claude_session_status.claude.registry import ListedClient, Registry
from claude_session_status.claude.transcript import lines_backwards
from claude_session_status.model import Event, EventKind, Process, Session
from claude_session_status.paths import Paths

FULL_LOOK_SECONDS = 60.0
FOLDERS_A_LOOK = 100
_TAIL = 1024 * 1024  # bytes from the end of a transcript in which its folder must be told
_CLOCK_SLACK_SECONDS = 60.0  # a file's time may be a little ahead of ours
_COARSE_SECONDS = 2.0  # some file systems keep times no finer than this
_SUBAGENT = "agent-"  # older clients keep the transcripts of subagents beside those of sessions
_TRANSCRIPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trace:
    """A transcript that was written at `at` (epoch seconds), and the client that lists its session."""

    session_id: str
    path: str
    at: float
    listed: ListedClient | None = None


class Finder:
    """Looks for sessions in one Claude Code's folder. Making one looks at nothing."""

    def __init__(self, paths: Paths, alive: Callable[[Process | None, float | None], Liveness] | None = None) -> None:
        self._projects = paths.projects
        self._registry = Registry(paths.client_registry)
        self._alive = alive or LivenessProbe()
        self._asked: tuple[int | None, float, list[Session]] | None = None  # what `open_elsewhere` has answered
        self._seen: dict[str, int] = {}  # folder -> its time when it was listed
        self._projects_changed = 0
        self._lively: list[str] = []  # the folders that changed last
        self._traces: dict[str, Trace] = {}
        self._full_look_at: float | None = None

    def look(self, now: float) -> tuple[Trace, ...]:
        """The sessions that may be running, each by the newest of its transcripts. Raises nothing."""
        full = self._full_look_at is None or not 0 <= now - self._full_look_at < FULL_LOOK_SECONDS
        if full:
            self._full_look_at = now
        for folder, changed in self._folders(now, full=full):
            if full or self._seen.get(folder) != changed:
                self._list(folder, now)
                self._seen[folder] = _settled(changed, now)
        since = now - policy.FOUND_SECONDS
        self._traces = {key: trace for key, trace in self._traces.items() if trace.at > since}
        return tuple(self._running()) if self._traces else ()

    def has_moved_on(self, session: Session) -> bool:
        """Whether the client of a session that was found lists another by now: no hook tells that this one ended."""
        return session.is_found and self._registry.lists_another(session.session_id, session.process)

    def open_elsewhere(self, ended: Iterable[Session], now: float) -> list[tuple[Session, Process]]:
        """Those of the sessions that another running client has open than the one that left: two may resume the same.

        Of sessions that were found their transcripts tell. While no client comes or goes and no session ends the answer
        is the same, and is given once; it is looked for again once a minute. `now`: epoch seconds.
        """
        left = [s for s in ended if not s.is_found and s.process is not None]
        if not left:
            return []
        changed = _changed(self._registry.folder)
        asked = changed, now // FULL_LOOK_SECONDS, left
        if asked == self._asked:
            return []
        self._asked = asked if changed is None or _settled(changed, now) else None
        clients = self._registry.listed()
        return [
            (session, other)
            for session in left
            if (other := self._another(session, clients.get(session.session_id, []))) is not None
        ]

    def _another(self, left: Session, clients: Iterable[ListedClient]) -> Process | None:
        for client in clients:
            # The same one is about to list another session, as at /clear.
            is_same = left.process is not None and client.process.pid == left.process.pid
            if not is_same and self._alive(client.process, _named_at(client, left.ended_at)) is Liveness.ALIVE:
                return client.process
        return None

    def _folders(self, now: float, *, full: bool) -> list[tuple[str, int]]:
        """The folders to look at, with their times: all where one came or went, else those that changed last."""
        changed = _changed(self._projects)
        if not full and changed == self._projects_changed:
            return [(folder, at) for folder in self._lively if (at := _changed(folder)) is not None]
        self._projects_changed = _settled(changed or 0, now)
        found = sorted(_folders(self._projects), key=lambda item: -item[1])
        self._lively = [folder for folder, _ in found[:FOLDERS_A_LOOK]]
        return found

    def _list(self, folder: str, now: float) -> None:
        for entry in _entries(folder):
            name = _TRANSCRIPT.fullmatch(entry.name)
            if name is None:
                continue
            try:
                at = entry.stat().st_mtime
            except OSError:
                continue
            known = self._traces.get(name[1])
            if now - policy.FOUND_SECONDS < at < now + _CLOCK_SLACK_SECONDS and (known is None or at >= known.at):
                self._traces[name[1]] = Trace(name[1], entry.path, round(at, 6))

    def _running(self) -> Iterator[Trace]:
        listed = self._registry.listed()
        # What was written a good while after the last of them left is an older client's.
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
    """When the client was surely there: a process of its id that began later is another."""
    return otherwise if client.started_at is None else client.started_at


def sessions(claude_dir: str, since: float) -> Iterator[Session]:
    """What the transcripts written at or after `since` (epoch seconds) tell, for a table that is made anew."""
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
    """What is to be noted of a trace; None where the file is not a session's own, or says too little."""
    cwd = _working_folder(trace.path)
    if cwd is None:
        return None
    return Event(
        EventKind.FOUND,
        trace.session_id,
        trace.at,
        cwd=cwd,
        project=folder_name(cwd),
        title=trace.listed.title if trace.listed else None,
        transcript_path=trace.path,
        process=trace.listed.process if trace.listed else None,
    )


def _working_folder(path: str) -> str | None:
    """The folder that a session works in, by the last line of its transcript that tells it."""
    try:
        with open_plain(path) as (descriptor, size):
            for from_end, raw in lines_backwards(descriptor, size):
                if b'"cwd"' in raw and (line := _object(raw)) is not None:
                    if line.get("isSidechain") is True:
                        return None
                    cwd = line.get("cwd")
                    if isinstance(cwd, str) and cwd:
                        return cwd[:4096].encode("utf-8", "replace").decode()
                if from_end > _TAIL:
                    break
    except OSError:
        pass
    return None


def _object(raw: bytes) -> dict[str, object] | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _changed(folder: str) -> int | None:
    """A folder's time in nanoseconds; None where there is none."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


def _settled(changed: int, now: float) -> int:
    """A time to compare with later; 0 for one so recent that more may come within the same tick of a coarse clock."""
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
