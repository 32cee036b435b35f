"""The loop between the files and the faces: drain the spool, look at the transcripts, make a snapshot, tell listeners.

It opens the database only when something changed: notes in the spool, another writer, a transcript that grew. Clock
and sleep are given to it, so that tests move time instead of waiting for it.
"""

import functools
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Protocol

from claude_session_status import alerting, config, heartbeat, notes, pause, policy, reducer
from claude_session_status.claude.discovery import Finder, Trace, event_of
from claude_session_status.claude.ingest import Ingester
from claude_session_status.claude.liveness import Liveness, LivenessProbe
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreLockedError, file_and_reason
from claude_session_status.model import Alert, Event, EventKind, Pause, Process, Session, Snapshot
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Stamp, Store

log = logging.getLogger(__name__)

TRIES = 3  # to open the database: the next poll is near
TICK_SECONDS = 1.0  # the faces count down by the second
WRITE_SECONDS = 10.0  # a busy transcript costs at most one write in this time

Listener = Callable[[Snapshot, Sequence[Alert]], None]


class Clock(Protocol):
    """The wall clock and how to wait for it."""

    def time(self) -> float:
        """Epoch seconds."""

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Return after `seconds`, or as soon as `wake` is set."""


class SystemClock:
    """The machine's own."""

    def time(self) -> float:
        """Epoch seconds."""
        return time.time()

    def wait(self, wake: threading.Event, seconds: float) -> None:
        """Return after `seconds`, or as soon as `wake` is set."""
        wake.wait(seconds)


def _tells_news(trace: Trace, session: Session | None) -> bool:
    return reducer.is_new_discovery(session, trace.at, runs=trace.listed is not None)


class Monitor:
    """Watches all sessions. One thread runs it; `wake`, `submit` and `pause` may be called from any.

    `price` tells the cost of being late where a face shows it.
    """

    def __init__(
        self,
        paths: Paths,
        settings: config.Config | None = None,
        *,
        clock: Clock | None = None,
        alerts: bool = True,
        everything: bool = False,
        store: Store | None = None,
        alive: Callable[[Process | None, float | None], Liveness] | None = None,
        price: policy.Price | None = None,
    ) -> None:
        self._paths = paths
        self._config = config.ConfigFile(paths.config) if settings is None else None
        self._settings = settings or config.Config()
        self._clock = clock or SystemClock()
        self._gives_alerts = alerts
        self._everything = everything
        self._spool = Spool(paths.spool)
        self._store = store or Store(paths.database, tries=TRIES)
        self._ingester = Ingester(paths, self._store, self._settings.default_ttl_seconds, self._clock.time)
        self._alive = alive or LivenessProbe()
        self._finder = Finder(paths, self._alive)
        self._asked: dict[str, float] = {}  # session -> the time of its transcript when it was looked at
        self._price = price
        self._paused_until: float | None = None
        self._submitted: SimpleQueue[Event] = SimpleQueue()  # what a person wanted, on its way to the monitor's thread
        self._rows: dict[str, Session] = {}
        self._loaded: Stamp = None  # the database's stamp when the rows were read
        self._said: dict[tuple[str, EventKind, float | None], Event] = {}  # our own notes: true before they are rows
        self._unwritten: set[str] = set()  # read from transcripts, not in the database yet
        self._written_at = -math.inf
        self._problems: list[SessionStatusError] = []
        self._wake = threading.Event()

    def wake(self) -> None:
        """Poll now instead of at the next turn."""
        self._wake.set()

    def submit(self, kind: EventKind, session_id: str) -> None:
        """Have a session muted, unmuted or forgotten, as a person wants it. For any thread.

        The note is in the spool when this returns, and the next snapshot shows it. Raises OSError.
        """
        session = self._rows.get(session_id) or Session(session_id)
        event = Event(kind, session_id, reducer.action_time(session, self._clock.time()))
        self._spool.write(notes.encode(event), event.at)
        self._submitted.put(event)
        self.wake()

    def pause(self, wanted: Pause) -> None:
        """Give no alerts for a while, or give them again, as a person wants it. For any thread. Raises OSError."""
        pause.write(self._paths.pause, alerting.paused_until(wanted, self._clock.time()))
        self.wake()

    def run(self, stop: threading.Event, listener: Listener) -> None:
        """Poll and tell `listener` once a second and at each alert's mark, until `stop` is set.

        Whoever sets `stop` calls `wake` as well, to be heard at once.
        """
        next_poll = -math.inf
        try:
            while not stop.is_set():
                now = self._clock.time()
                # A poll that lies farther ahead than one interval means that the clock was set back.
                if self._wake.is_set() or now >= next_poll or next_poll - now > self._settings.poll_seconds:
                    self._wake.clear()
                    self.poll()
                    next_poll = now + self._settings.poll_seconds
                shot = self.snapshot()
                due = self.take_alerts(shot) if self._gives_alerts else ()
                listener(shot, due)
                mark = alerting.next_alert_time(shot.sessions, self._settings.notify_before_seconds, shot.now)
                if mark is not None and self._gives_alerts and mark <= shot.now + TICK_SECONDS:
                    next_poll = min(next_poll, mark)  # look once more before anybody is disturbed
                until = min(shot.now + TICK_SECONDS, next_poll, mark if mark is not None else math.inf)
                self._clock.wait(self._wake, max(0.01, until - self._clock.time()))
        finally:
            self.close()

    def close(self) -> None:
        """Write what was not written yet and stop saying that a monitor lives."""
        try:
            self._write(force=True)
        except SessionStatusError as error:
            log.warning("%s", error)
        heartbeat.stop(self._paths.monitor_alive)

    # ---- one poll -----------------------------------------------------------

    def poll(self) -> None:
        """Take in what is new. Never raises for the state of files: what is wrong is in the next snapshot."""
        self._do(self._beat, *self._looking, self._write)

    def look(self) -> None:
        """Take in what is new, once and without saying that a monitor lives."""
        self._do(*self._looking, functools.partial(self._write, force=True))

    @property
    def _looking(self) -> tuple[Callable[[], None], ...]:
        return (
            self._reread_config,
            self._hear,
            self._take_in,
            self._read_rows,
            self._find,
            self._refresh_transcripts,
            self._note_the_gone,
            self._note_who_stays,
        )

    @property
    def problem(self) -> SessionStatusError | None:
        """The first thing that went wrong at the last look, with what to do about it."""
        return self._problems[0] if self._problems else None

    def _do(self, *steps: Callable[[], None]) -> None:
        before = {str(problem) for problem in self._problems}
        self._problems = []
        for step in steps:
            try:
                try:
                    step()
                except StoreBrokenError:
                    if not self._ingester.mend(self._rows.values()):
                        raise
                    self._loaded = None
                    step()
            except SessionStatusError as error:
                self._problems.append(error)
            except OSError as error:
                title = file_and_reason(error, self._paths.folder)
                self._problems.append(SessionStatusError(title, "Check the folder's owner and the free space"))
        for problem in self._problems:
            if str(problem) not in before:  # a lock of ten minutes is one line, not one at each poll
                log.warning("%s", problem)

    def _beat(self) -> None:
        heartbeat.beat(self._paths.monitor_alive, self._clock.time())

    def _reread_config(self) -> None:
        if self._config is not None and self._config.reread():
            self._settings = self._config.loaded.config
            self._ingester.default_ttl = self._settings.default_ttl_seconds
            for problem in self._config.loaded.problems:
                log.warning("%s", problem)

    def _hear(self) -> None:
        """Take as true what a person wants, before it is a row."""
        self._paused_until = pause.read(self._paths.pause)
        while True:
            try:
                event = self._submitted.get_nowait()
            except Empty:
                return
            if event.session_id in self._rows:
                self._believe(event)

    def _take_in(self) -> None:
        """Apply the notes that wait."""
        if self._spool.names():
            self._ingester.drain()

    def _read_rows(self) -> None:
        """Read the rows again if anybody changed them; also where notes can't be applied, as on a full disk."""
        stamp = self._store.stamp()
        if stamp == self._loaded:
            return
        now = self._clock.time()
        rows = (
            self._store.load()
            if self._everything
            else self._store.load(now - policy.SHOWN_SECONDS, now - policy.ENDED_SHOWN_SECONDS)
        )
        self._rows = {s.session_id: s for s in rows}
        self._loaded = stamp  # taken before the rows were: a change in between is seen next time
        self._said = {key: event for key, event in self._said.items() if event.session_id in self._rows}
        for event in self._said.values():
            self._rows[event.session_id] = reducer.apply(self._rows[event.session_id], event, now)

    def _find(self) -> None:
        """Note the sessions that no hook has told of, and take them in."""
        now = self._clock.time()
        news = [trace for trace in self._finder.look(now) if self._is_news(trace)]
        if not news:
            return
        # The rows that are shown are not all: one that ended must not come back.
        try:
            remembered = {s.session_id: s for s in self._store.select(trace.session_id for trace in news)}
        except StoreLockedError:
            return  # somebody writes at this moment, a hook of that very session perhaps: the next poll will know
        for trace in news:
            session = remembered.get(trace.session_id)
            hooked = session if session is not None and not session.is_found else None
            # No client tells whether it runs: hooks alone can bring it back, however its transcript grows.
            self._asked[trace.session_id] = math.inf if hooked is not None and trace.listed is None else trace.at
            if _tells_news(trace, session) and (event := event_of(trace)):
                if hooked is not None:
                    event = replace(event, kind=EventKind.START, at=reducer.reopened_at(hooked))
                self._spool.write(notes.encode(event), now)
        self._take_in()
        self._read_rows()

    def _is_news(self, trace: Trace) -> bool:
        row = self._rows.get(trace.session_id)
        if row is not None and not _tells_news(trace, row):
            return False
        return self._asked.get(trace.session_id, -math.inf) < trace.at

    def _refresh_transcripts(self) -> None:
        for session_id, session in self._rows.items():
            fresh = self._ingester.refresh(session)
            if fresh is not session:
                self._rows[session_id] = fresh
                self._unwritten.add(session_id)

    def _note_the_gone(self) -> None:
        """A session whose process is no more has ended, whether or not a hook could say so.

        The note bears the time of the session's last event, so that any newer event brings the session back.
        """
        for session in self._rows.values():
            heard_at = session.found_at if session.is_found else session.last_event_at
            if session.is_ended or heard_at is None:
                continue
            if self._alive(session.process, heard_at) is Liveness.GONE or self._finder.has_moved_on(session):
                self._say(Event(EventKind.GONE, session.session_id, heard_at))

    def _note_who_stays(self) -> None:
        """A session that one client left goes on where another has it open: the hooks say only that one has left."""
        ended = [session for session in self._rows.values() if session.is_ended]
        for session, process in self._finder.open_elsewhere(ended, self._clock.time()):
            if session.ended_at is not None:
                self._say(Event(EventKind.STILL_OPEN, session.session_id, session.ended_at + 0.001, process=process))

    def _write(self, *, force: bool = False) -> None:
        """Remember what transcripts told, at most once in some seconds."""
        now = self._clock.time()
        if not self._unwritten or (not force and 0 <= now - self._written_at < WRITE_SECONDS):
            return
        stamps = self._ingester.write_refreshed(sorted(self._unwritten))
        if stamps is not None:
            self._unwritten.clear()
            self._written_at = now
            before, after = stamps
            if before == self._loaded:
                self._loaded = after  # our own change alone: the rows are that already

    def _say(self, event: Event) -> None:
        """Say something through the spool, the one way in, and take it as true at once. Raises OSError."""
        self._believe(event)
        self._spool.write(notes.encode(event), self._clock.time())

    def _believe(self, event: Event) -> None:
        self._said[event.session_id, event.kind, event.lead_seconds] = event
        self._rows[event.session_id] = reducer.apply(self._rows[event.session_id], event, self._clock.time())

    @property
    def _config_problems(self) -> tuple[str, ...]:
        return self._config.loaded.problems if self._config is not None else ()

    # ---- what is shown ------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """All sessions at this moment; no file is looked at."""
        now = self._clock.time()
        return policy.snapshot(
            (s for s in self._rows.values() if self._everything or not policy.is_abandoned(s, now)),
            now,
            stale=any(isinstance(p, StoreLockedError) for p in self._problems),
            problem=self.problem.title if self.problem else next(iter(self._config_problems), None),
            price=self._price,
            paused_until=self._paused_until,
        )

    def take_alerts(self, shot: Snapshot) -> tuple[Alert, ...]:
        """The alerts that are due, each remembered before it is given, so that it comes once at most."""
        leads = self._settings.notify_before_seconds
        due = alerting.due_alerts(
            shot.sessions,
            leads,
            shot.now,
            min_tokens=self._settings.min_tokens,
            paused_until=shot.paused_until,
            sound=self._settings.sound,
        )
        for event in (e for alert in due for e in alerting.alerted_events(alert, leads, shot.now)):
            try:
                self._say(event)
            except OSError as error:
                log.warning("an alert is remembered by this process only: %s", error)
        return due
