"""One poll: takes in what is new of all sessions, and remembers what is wrong.

It opens the database only when something changed: notes in the spool, another writer, a transcript that grew. Nothing
that is wrong with one session or one file ends a poll: it goes on with the rest.
"""

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue
from typing import Protocol

from claude_session_status import config, heartbeat, host_states, pause
from claude_session_status.claude.discovery import Finder
from claude_session_status.claude.ingest import Ingester
from claude_session_status.claude.liveness import Liveness, LivenessProbe
from claude_session_status.clock import Clock
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreLockedError, file_and_reason
from claude_session_status.inbox import Inbox
from claude_session_status.keep_warm import Limits
from claude_session_status.keep_warm_desk import KeepWarmDesk, ReadPrice
from claude_session_status.lazy_log import Log
from claude_session_status.model import Event, EventKind, Host, HostState, Process, Session
from claude_session_status.paths import Paths
from claude_session_status.policy import Price
from claude_session_status.session_cache import SessionCache
from claude_session_status.session_faults import SessionFaults
from claude_session_status.store.database import Store

log = Log(__name__)

TICK_SECONDS = 1.0  # the faces count down by the second
BEAT_SECONDS = 2.0  # how often a long poll renews the heartbeat


class HostSource(Protocol):
    """The connections to other machines, as the monitor uses them; `remote.holder` has them."""

    def poll(
        self, hosts: Iterable[Host], rows: Mapping[str, Session], now: float, note: Callable[[Event], object]
    ) -> bool:
        """Note what changed on the hosts, by calling `note`; return whether anything did. Raises OSError."""

    def close(self) -> None:
        """End the connections."""


def _limits(settings: config.Config) -> Limits:
    return Limits(settings.keep_warm_min_tokens, settings.keep_warm_max_pings, settings.keep_warm_max_usage)


class Poller:
    """Takes in notes, rows, transcripts, processes, other machines' sessions and pings. One thread polls.

    `submit` may be called from any thread. `price` and `read_price` know what re-caching a session and reading it cost.
    `everything`: also sessions that ended or were silent for long. `hosts` makes what connects to other machines.
    `logs`: whether it logs problems; the first one is kept in any case.
    """

    def __init__(
        self,
        paths: Paths,
        settings: config.Config | None,
        clock: Clock,
        store: Store,
        *,
        everything: bool,
        alive: Callable[[Process | None, float | None], Liveness] | None,
        price: Price | None,
        read_price: ReadPrice | None,
        hosts: Callable[[], HostSource] | None,
        logs: bool,
    ) -> None:
        self._paths = paths
        self._config = config.ConfigFile(paths.config) if settings is None else None
        self._clock = clock
        self._store = store
        self._logs = logs
        self.settings = settings or config.Config()
        self.faults = SessionFaults(logs=logs)
        self._ingester = Ingester(paths, store, self.settings.default_ttl_seconds, clock.time, faults=self.faults)
        self.inbox = Inbox(paths, self._ingester, clock)
        self.cache = SessionCache(store, self._ingester, self.faults, everything=everything)
        self._alive = alive or LivenessProbe()
        self._make_hosts = hosts
        self._hosts: HostSource | None = None
        self.host_states: tuple[HostState, ...] = ()
        self._finder = Finder(paths, self._alive, self.faults)
        self.keep_warm = KeepWarmDesk(paths, _limits(self.settings), price, read_price)
        self.paused_until: float | None = None
        self._submitted: SimpleQueue[Event] = SimpleQueue()  # from the faces to the thread that polls
        self._beat_at = -math.inf
        self._looked_at = -math.inf  # when all steps of a poll were last done
        self.problems: list[SessionStatusError] = []
        self.locked_since: float | None = None  # since when the database has been locked, epoch seconds

    def submit(self, event: Event) -> None:
        """Show what the user chose before it is a row. For any thread."""
        self._submitted.put(event)

    def close(self) -> None:
        """Write what was not written yet, and remove the heartbeat."""
        try:
            self.cache.write(self._clock.time(), force=True)
        except SessionStatusError as error:
            log.warning("%s", error)
        heartbeat.stop(self._paths.monitor_alive)
        if isinstance(self._alive, LivenessProbe):
            self._alive.close()
        if self._hosts is not None:
            self._hosts.close()

    def poll(self) -> None:
        """Take in what is new. Never raises for the state of files: the next snapshot shows what is wrong.

        Of many notes it applies one batch; `run` polls again at once while more wait, and the rows are read again by
        the second.
        """
        self._run_steps(self._steps())

    def _steps(self) -> Iterator[Callable[[], None]]:
        yield self._beat
        yield self._reread_config
        yield self._apply_submitted
        yield self.inbox.apply_batch
        yield self.inbox.check_writable
        now = self._clock.time()
        if self.inbox.is_behind and 0 <= now - self._looked_at < TICK_SECONDS:
            return
        self._looked_at = now
        yield self._reload
        yield self._note_remote
        yield self._discover
        yield lambda: self.cache.refresh(self._beat_if_due)
        yield self._end_gone_sessions
        yield self._keep_open_sessions
        yield self._look_at_pings
        yield lambda: self.cache.write(self._clock.time())

    def look(self) -> None:
        """Take in what is new, once and without a heartbeat."""
        self._run_steps(
            (
                self._reread_config,
                self._apply_submitted,
                self.inbox.apply_all,
                self.inbox.check_writable,
                self._reload,
                self._read_host_states,
                self._discover,
                self.cache.refresh,
                self._end_gone_sessions,
                self._keep_open_sessions,
                self._look_at_pings,
                lambda: self.cache.write(self._clock.time(), force=True),
            )
        )

    @property
    def problem(self) -> SessionStatusError | None:
        """The first thing that went wrong at the last poll, with what to do about it."""
        return self.problems[0] if self.problems else self.faults.problem

    def _run_steps(self, steps: Iterable[Callable[[], None]]) -> None:
        before = {str(problem) for problem in self.problems}
        self.problems = []
        for step in steps:
            try:
                try:
                    step()
                except StoreBrokenError:
                    if not self._ingester.replace_database(self.cache):
                        raise
                    self.cache.invalidate()
                    step()
            except SessionStatusError as error:
                self.problems.append(error)
            except OSError as error:
                title = file_and_reason(error, self._paths.folder)
                self.problems.append(SessionStatusError(title, "Check the folder's owner and the free space"))
            except Exception as error:  # a monitor that ended would show nothing at all
                problem = SessionStatusError(f"{type(error).__name__}: {error}", "Please report this line with the log")
                self.problems.append(problem)
                if self._logs and str(problem) not in before:
                    log.exception("a step of the poll failed")
        if not any(isinstance(problem, StoreLockedError) for problem in self.problems):
            self.locked_since = None
        elif self.locked_since is None:
            self.locked_since = self._clock.time()
        for problem in self.problems:
            if self._logs and str(problem) not in before:  # a lock of ten minutes is one line, not one at each poll
                log.warning("%s", problem)

    def _beat(self) -> None:
        self._beat_at = self._clock.time()
        heartbeat.beat(self._paths.monitor_alive, self._beat_at)

    def _beat_if_due(self) -> None:
        if abs(self._clock.time() - self._beat_at) >= BEAT_SECONDS:
            self._beat()

    def _reread_config(self) -> None:
        if self._config is not None and self._config.reread():
            self.settings = self._config.loaded.config
            self._ingester.default_ttl = self.settings.default_ttl_seconds
            self.keep_warm.limits = _limits(self.settings)
            for problem in self._config.loaded.problems:
                log.warning("%s", problem)

    def _apply_submitted(self) -> None:
        """Show what the user chose in a menu before it is a row."""
        self.paused_until = pause.read(self._paths.pause)
        while True:
            try:
                event = self._submitted.get_nowait()
            except Empty:
                return
            self.cache.assume(event, self._clock.time())

    def _reload(self) -> None:
        self.cache.reload(self._clock.time())

    def _note_remote(self) -> None:
        """Note what changed on other machines, where this process is connected to them, and show it."""
        hosts, now = self.settings.hosts, self._clock.time()
        if self._hosts is None and hosts and self._make_hosts is not None:
            self._hosts = self._make_hosts()
        if self._hosts is not None and self._hosts.poll(
            hosts, self.cache.sessions, now, lambda event: self.inbox.add(event, now)
        ):
            self.inbox.apply_batch()
            self._reload()
        self._read_host_states()

    def _read_host_states(self) -> None:
        self.host_states = host_states.current(self._paths, self.settings.hosts)

    def _discover(self) -> None:
        """Note the sessions that no hook has reported, and show them."""
        now = self._clock.time()
        try:
            events = self._finder.new_events(self.cache.sessions, self._store.select, now)
        except StoreLockedError:
            return  # somebody writes at this moment, perhaps a hook of that very session: the next poll will know
        if events:
            for event in events:
                self.inbox.add(event, now)
            self.inbox.apply_batch()
            self._reload()

    def _end_gone_sessions(self) -> None:
        """End the sessions whose process is gone, whether or not a hook could report it.

        The event has the time of the session's last one, so that any newer event brings the session back.
        """
        for session in self.cache:
            gone_at = self.faults.attempt(
                session, "checking its process", functools.partial(self._gone_at, session), otherwise=None
            )
            if gone_at is not None:
                self.note(Event(EventKind.GONE, session.session_id, gone_at))

    def _gone_at(self, session: Session) -> float | None:
        """The time of the last event of a session whose process is gone; None while it may run."""
        reported_at = session.found_at if session.is_found else session.last_event_at
        if session.host is not None or session.is_ended or reported_at is None:
            return None
        is_gone = self._alive(session.process, reported_at) is Liveness.GONE or self._finder.has_moved_on(session)
        return reported_at if is_gone else None

    def _keep_open_sessions(self) -> None:
        """Reopen ended sessions that another running client still has open: hooks say only that one client left."""
        ended = [session for session in self.cache if session.is_ended]
        for session, process in self._finder.still_open(ended, self._clock.time()):
            if session.ended_at is not None:
                self.note(Event(EventKind.STILL_OPEN, session.session_id, session.ended_at + 0.001, process=process))

    def _look_at_pings(self) -> None:
        """Take in what keep-warm pings did, and end what has to end."""
        now = self._clock.time()
        events = self.faults.without_faulty(
            "looking at its pings", tuple(self.cache), lambda s: s, lambda good: self.keep_warm.look(good, now)
        )
        for event in events:
            self.note(event)

    def note(self, event: Event) -> bool:
        """Show an event of ours at once, and put its note into the spool, the only way in. Raises OSError.

        False, and no note, when the event can't be applied to its session.
        """
        now = self._clock.time()
        if not self.cache.assume(event, now):
            return False
        self.inbox.add(event, now)
        return True

    @property
    def config_problems(self) -> tuple[str, ...]:
        """What is wrong with config.toml, a line each."""
        return self._config.loaded.problems if self._config is not None else ()
