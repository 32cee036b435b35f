"""The loop between the files and the faces: ingest notes, read transcripts, make a snapshot, call the listener.

It opens the database only when something changed: notes in the spool, another writer, a transcript that grew. The
clock and the wait are passed in, so that tests move time instead of waiting for it.

Nothing that is wrong with one session or one file ends the loop: it goes on with the rest and shows the problem.
"""

import functools
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from claude_session_status import (
    alerting,
    config,
    free_memory,
    heartbeat,
    host_states,
    keep_warm_desk,
    pause,
    policy,
    reducer,
)
from claude_session_status.claude.discovery import Finder
from claude_session_status.claude.ingest import Ingester
from claude_session_status.claude.liveness import Liveness, LivenessProbe
from claude_session_status.clock import Clock, SystemClock
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreLockedError, file_and_reason
from claude_session_status.inbox import Inbox
from claude_session_status.keep_warm import Limits
from claude_session_status.keep_warm_desk import KeepWarmDesk, ReadPrice
from claude_session_status.keep_warm_times import Choice, until_of
from claude_session_status.lazy_log import Log
from claude_session_status.model import (
    Alert,
    Event,
    EventKind,
    Host,
    HostState,
    Pause,
    Process,
    Session,
    SessionState,
    Snapshot,
)
from claude_session_status.paths import Paths
from claude_session_status.quiet import quiet_until
from claude_session_status.session_cache import SessionCache
from claude_session_status.session_faults import SessionFaults
from claude_session_status.store.database import Store
from claude_session_status.values import replace
from claude_session_status.wake_listener import WakeListener
from claude_session_status.words import name_of

T = TypeVar("T")

log = Log(__name__)

TRIES = 3  # to open the database: the next poll is near
TICK_SECONDS = 1.0  # the faces count down by the second
SOON_SECONDS = 0.2  # until the next poll where another process is just recording the notes that wait
SHORT_LOCK_SECONDS = 5.0  # a lock of the database that is shown to nobody
BEAT_SECONDS = 2.0  # how often a long poll renews the heartbeat

# Gets a snapshot and the alerts that are due. Returns until when (in the snapshot's time) it needs no other one while
# nothing is new; None for a second. So a face that shows no seconds need not draw each of them.
Listener = Callable[[Snapshot, Sequence[Alert]], float | None]


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


class Monitor:
    """Watches all sessions. One thread runs it; `wake`, `submit` and `pause` may be called from any.

    `alerts`: whether it gives alerts, or a function that says so when some are due. `price` knows what re-caching a
    session costs, and `read_price` what reading it costs, for the faces that show it.
    `everything`: also sessions that ended or were silent for long. `logs`: whether it logs problems; where not, the
    first one is still in the snapshot. `hosts` makes what connects to other machines, from what it calls at news;
    without it, another process of ours connects.
    """

    def __init__(
        self,
        paths: Paths,
        settings: config.Config | None = None,
        *,
        clock: Clock | None = None,
        alerts: bool | Callable[[], bool] = True,
        everything: bool = False,
        store: Store | None = None,
        alive: Callable[[Process | None, float | None], Liveness] | None = None,
        price: policy.Price | None = None,
        hosts: Callable[[Callable[[], object]], HostSource] | None = None,
        read_price: ReadPrice | None = None,
        logs: bool = True,
    ) -> None:
        self._paths = paths
        self._config = config.ConfigFile(paths.config) if settings is None else None
        self._settings = settings or config.Config()
        self._clock = clock or SystemClock()
        self._gives_alerts = alerts is not False
        self._may_give = alerts if callable(alerts) else lambda: True
        self._everything = everything
        self._price = price
        self._logs = logs
        self._faults = SessionFaults(logs=logs)
        store = store or Store(paths.database, tries=TRIES)
        self._store = store
        self._ingester = Ingester(
            paths, store, self._settings.default_ttl_seconds, self._clock.time, faults=self._faults
        )
        self._inbox = Inbox(paths, self._ingester, self._clock)
        self._cache = SessionCache(store, self._ingester, self._faults, everything=everything)
        self._alive = alive or LivenessProbe()
        self._make_hosts = hosts
        self._hosts: HostSource | None = None
        self._host_states: tuple[HostState, ...] = ()
        self._finder = Finder(paths, self._alive, self._faults)
        self._keep_warm = KeepWarmDesk(paths, _limits(self._settings), price, read_price)
        self._paused_until: float | None = None
        self._submitted: SimpleQueue[Event] = SimpleQueue()  # from the faces to the monitor's thread
        self._beat_at = -math.inf
        self._looked_at = -math.inf  # when all steps of a poll were last done
        self._problems: list[SessionStatusError] = []
        self._locked_since: float | None = None
        self._wake = threading.Event()

    @property
    def settings(self) -> config.Config:
        """The settings in effect. For any thread."""
        return self._settings

    def wake(self) -> None:
        """Poll now instead of at the next turn."""
        self._wake.set()

    def submit(self, kind: EventKind, session_id: str) -> None:
        """Mute, unmute or forget a session. For any thread.

        The note is in the spool when this returns, and the next snapshot shows it. Raises OSError.
        """
        session = self._cache.sessions.get(session_id) or Session(session_id)
        event = Event(kind, session_id, reducer.action_time(session, self._clock.time()))
        self._inbox.add(event, event.at)
        if kind is EventKind.FORGET:
            self._keep_warm.forget(session_id)
        self._submitted.put(event)
        self.wake()

    def keep_warm(self, session_id: str, choice: Choice, *, consents: bool = False) -> tuple[str, ...]:
        """Keep a session warm, or no longer. For any thread.

        `consents`: a person confirmed that it takes many pings. Returns sentences about what was done. Raises
        SessionStatusError where it can't be kept warm, and OSError.
        """
        now = self._clock.time()
        session = self._cache.sessions.get(session_id)
        if session is None:
            raise SessionStatusError("The session is gone", "Choose one of the list")
        until = until_of(choice, now)
        if until is None:
            keep_warm_desk.stop(self._paths, session_id)
            sentences: tuple[str, ...] = (f"{name_of(session)} is no longer kept warm.",)
        else:
            state = self._keep_warm.with_keep_warm(policy.state_of(session, now, self._price), now)
            sentences = keep_warm_desk.place(self._paths, state, self._keep_warm.limits, until, now, consents=consents)
        self.wake()
        return sentences

    def pause(self, wanted: Pause) -> None:
        """Give no alerts for a while, or give them again. For any thread. Raises OSError."""
        pause.write(self._paths.pause, alerting.paused_until(wanted, self._clock.time()))
        self.wake()

    def run(self, stop: threading.Event, listener: Listener) -> None:
        """Poll, and call `listener` when something is new, when an alert is due, and when it wants to, until `stop`.

        After setting `stop`, call `wake` as well to end the wait at once.
        """
        next_poll = shown_at = show_at = -math.inf
        alert_at: float | None = None
        shown: object = None
        seen: object = None  # what the last snapshot was made of
        hooks = WakeListener(self._paths.wake, self.wake)
        try:
            hooks.start()
            while not stop.is_set():
                now = self._clock.time()
                # A poll that lies farther ahead than one interval means that the clock was set back.
                was_set_back = next_poll - now > self._settings.poll_seconds
                is_woken = self._wake.is_set()
                if is_woken or self._inbox.is_behind or now >= next_poll or was_set_back:
                    self._wake.clear()
                    openings = self._store.openings
                    self.poll()
                    if self._store.openings != openings:
                        free_memory.give_back()
                    next_poll = now + (SOON_SECONDS if self._inbox.is_taken else self._settings.poll_seconds)
                if self._inbox.is_behind and 0 <= now - shown_at < TICK_SECONDS:
                    continue
                before, seen = seen, self._known
                if is_woken or seen != before or not shown_at <= now < show_at:
                    shot = self.snapshot()
                    facts = policy.without_countdown(shot), self._settings
                    if is_woken or facts != shown or not shown_at <= shot.now < show_at:
                        shown, shown_at = facts, shot.now
                        due = self.take_alerts(shot) if self._gives_alerts else ()
                        wanted = listener(shot, due) or shot.now + TICK_SECONDS
                        show_at = min(wanted, policy.next_change(shot))
                        alert_at = self._next_alert_time(shot) if self._gives_alerts else None
                if alert_at is not None:
                    show_at = min(show_at, alert_at)
                    next_poll = min(next_poll, alert_at)  # poll once more before anybody is disturbed
                if not self._inbox.is_behind:
                    # The listener takes time, and the clock may have been set meanwhile.
                    seconds = min(show_at, next_poll) - max(now, self._clock.time())
                    self._clock.wait(self._wake, max(0.01, seconds))
        finally:
            hooks.stop()
            self.close()

    @property
    def _known(self) -> tuple[object, ...]:
        """All that a snapshot depends on beside the clock; equal as long as no poll took anything in."""
        return (
            tuple(self._cache),
            self._settings,
            self._paused_until,
            self._host_states,
            self._keep_warm.known,
            self.problem,
            self._config_problems,
        )

    def close(self) -> None:
        """Write what was not written yet, and remove the heartbeat."""
        try:
            self._cache.write(self._clock.time(), force=True)
        except SessionStatusError as error:
            log.warning("%s", error)
        heartbeat.stop(self._paths.monitor_alive)
        if self._hosts is not None:
            self._hosts.close()

    # ---- one poll -----------------------------------------------------------

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
        yield self._inbox.apply_batch
        yield self._inbox.check_writable
        now = self._clock.time()
        if self._inbox.is_behind and 0 <= now - self._looked_at < TICK_SECONDS:
            return
        self._looked_at = now
        yield self._reload
        yield self._note_remote
        yield self._discover
        yield lambda: self._cache.refresh(self._beat_if_due)
        yield self._end_gone_sessions
        yield self._keep_open_sessions
        yield self._look_at_pings
        yield lambda: self._cache.write(self._clock.time())

    def look(self) -> None:
        """Take in what is new, once and without a heartbeat."""
        self._run_steps(
            (
                self._reread_config,
                self._apply_submitted,
                self._inbox.apply_all,
                self._inbox.check_writable,
                self._reload,
                self._read_host_states,
                self._discover,
                self._cache.refresh,
                self._end_gone_sessions,
                self._keep_open_sessions,
                self._look_at_pings,
                lambda: self._cache.write(self._clock.time(), force=True),
            )
        )

    @property
    def problem(self) -> SessionStatusError | None:
        """The first thing that went wrong at the last poll, with what to do about it."""
        return self._problems[0] if self._problems else self._faults.problem

    def _run_steps(self, steps: Iterable[Callable[[], None]]) -> None:
        before = {str(problem) for problem in self._problems}
        self._problems = []
        for step in steps:
            try:
                try:
                    step()
                except StoreBrokenError:
                    if not self._ingester.replace_database(self._cache):
                        raise
                    self._cache.invalidate()
                    step()
            except SessionStatusError as error:
                self._problems.append(error)
            except OSError as error:
                title = file_and_reason(error, self._paths.folder)
                self._problems.append(SessionStatusError(title, "Check the folder's owner and the free space"))
            except Exception as error:  # a monitor that ended would show nothing at all
                problem = SessionStatusError(f"{type(error).__name__}: {error}", "Please report this line with the log")
                self._problems.append(problem)
                if self._logs and str(problem) not in before:
                    log.exception("a step of the poll failed")
        if not any(isinstance(problem, StoreLockedError) for problem in self._problems):
            self._locked_since = None
        elif self._locked_since is None:
            self._locked_since = self._clock.time()
        for problem in self._problems:
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
            self._settings = self._config.loaded.config
            self._ingester.default_ttl = self._settings.default_ttl_seconds
            self._keep_warm.limits = _limits(self._settings)
            for problem in self._config.loaded.problems:
                log.warning("%s", problem)

    def _apply_submitted(self) -> None:
        """Show what the user chose in a menu before it is a row."""
        self._paused_until = pause.read(self._paths.pause)
        while True:
            try:
                event = self._submitted.get_nowait()
            except Empty:
                return
            self._cache.assume(event, self._clock.time())

    def _reload(self) -> None:
        self._cache.reload(self._clock.time())

    def _note_remote(self) -> None:
        """Note what changed on other machines, where this process is connected to them, and show it."""
        hosts, now = self._settings.hosts, self._clock.time()
        if self._hosts is None and hosts and self._make_hosts is not None:
            self._hosts = self._make_hosts(self.wake)
        if self._hosts is not None and self._hosts.poll(
            hosts, self._cache.sessions, now, lambda event: self._inbox.add(event, now)
        ):
            self._inbox.apply_batch()
            self._reload()
        self._read_host_states()

    def _read_host_states(self) -> None:
        self._host_states = host_states.current(self._paths, self._settings.hosts)

    def _discover(self) -> None:
        """Note the sessions that no hook has reported, and show them."""
        now = self._clock.time()
        try:
            events = self._finder.new_events(self._cache.sessions, self._store.select, now)
        except StoreLockedError:
            return  # somebody writes at this moment, perhaps a hook of that very session: the next poll will know
        if events:
            for event in events:
                self._inbox.add(event, now)
            self._inbox.apply_batch()
            self._reload()

    def _end_gone_sessions(self) -> None:
        """End the sessions whose process is gone, whether or not a hook could report it.

        The event has the time of the session's last one, so that any newer event brings the session back.
        """
        for session in self._cache:
            gone_at = self._faults.attempt(
                session, "checking its process", functools.partial(self._gone_at, session), otherwise=None
            )
            if gone_at is not None:
                self._note(Event(EventKind.GONE, session.session_id, gone_at))

    def _gone_at(self, session: Session) -> float | None:
        """The time of the last event of a session whose process is gone; None while it may run."""
        reported_at = session.found_at if session.is_found else session.last_event_at
        if session.host is not None or session.is_ended or reported_at is None:
            return None
        is_gone = self._alive(session.process, reported_at) is Liveness.GONE or self._finder.has_moved_on(session)
        return reported_at if is_gone else None

    def _keep_open_sessions(self) -> None:
        """Reopen ended sessions that another running client still has open: hooks say only that one client left."""
        ended = [session for session in self._cache if session.is_ended]
        for session, process in self._finder.still_open(ended, self._clock.time()):
            if session.ended_at is not None:
                self._note(Event(EventKind.STILL_OPEN, session.session_id, session.ended_at + 0.001, process=process))

    def _look_at_pings(self) -> None:
        """Take in what keep-warm pings did, and end what has to end."""
        now = self._clock.time()
        events = self._faults.without_faulty(
            "looking at its pings", tuple(self._cache), lambda s: s, lambda good: self._keep_warm.look(good, now)
        )
        for event in events:
            self._note(event)

    def _note(self, event: Event) -> bool:
        """Show an event of ours at once, and put its note into the spool, the only way in. Raises OSError.

        False, and no note, when the event can't be applied to its session.
        """
        now = self._clock.time()
        if not self._cache.assume(event, now):
            return False
        self._inbox.add(event, now)
        return True

    @property
    def _config_problems(self) -> tuple[str, ...]:
        return self._config.loaded.problems if self._config is not None else ()

    # ---- what is shown ------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """All sessions at this moment; reads no file."""
        now = self._clock.time()
        names = {host.name for host in self._settings.hosts}

        def snapshot_of(sessions: Iterable[Session]) -> Snapshot:
            shown = (
                s
                for s in sessions
                if (s.host is None or s.host in names) and (self._everything or not policy.is_abandoned(s, now))
            )
            shot = policy.snapshot(
                shown,
                now,
                price=self._price,
                paused_until=self._paused_until,
                quiet_until=quiet_until(self._settings.quiet, now),
            )
            return replace(shot, sessions=tuple(self._keep_warm.with_keep_warm(s, now) for s in shot.sessions))

        shot = self._faults.without_faulty("showing it", tuple(self._cache), lambda s: s, snapshot_of)
        return replace(
            shot,
            stale=any(isinstance(problem, StoreLockedError) for problem in self._problems),
            problem=self._shown_problem(now),
            hosts=self._host_states,
        )

    def _shown_problem(self, now: float) -> str | None:
        """Return the problem for the user. A short lock is none: another of our processes may just be writing."""
        problem = self.problem
        is_short = self._locked_since is not None and now - self._locked_since < SHORT_LOCK_SECONDS
        if problem is None or (is_short and isinstance(problem, StoreLockedError)):
            return next(iter(self._config_problems), None)
        return problem.title

    def take_alerts(self, shot: Snapshot) -> tuple[Alert, ...]:
        """The alerts that are due, each remembered before it is given, so that it comes at most once.

        None while many notes wait: what the rows say is not the latest then.
        """
        if self._inbox.is_behind:
            return ()
        leads = self._settings.notify_before_seconds

        def due_of(states: Sequence[SessionState]) -> tuple[Alert, ...]:
            return alerting.due_alerts(
                states,
                leads,
                shot.now,
                min_tokens=self._settings.min_tokens,
                paused_until=shot.paused_until,
                quiet=self._settings.quiet,
                when_waiting=self._settings.notify_when_waiting,
                sound=self._settings.sound,
            )

        due = self._of_states("checking its alerts", shot, due_of)
        if due and not self._may_give():
            return ()
        return tuple(alert for alert in due if self._remember(alert, shot.now))

    def _remember(self, alert: Alert, now: float) -> bool:
        """Note that an alert is given. False when this process can't remember it: it would be given again and again."""
        is_remembered = True
        for event in alerting.alerted_events(alert, self._settings.notify_before_seconds, now):
            try:
                is_remembered &= self._note(event)
            except OSError as error:
                log.warning("an alert is remembered by this process only: %s", error)
        return is_remembered

    def _next_alert_time(self, shot: Snapshot) -> float | None:
        leads, when_waiting = self._settings.notify_before_seconds, self._settings.notify_when_waiting

        def next_of(states: Sequence[SessionState]) -> float | None:
            return alerting.next_alert_time(states, leads, shot.now, when_waiting=when_waiting)

        return self._of_states("finding its next alert", shot, next_of)

    def _of_states(self, doing: str, shot: Snapshot, work: Callable[[Sequence[SessionState]], T]) -> T:
        return self._faults.without_faulty(doing, shot.sessions, lambda state: state.session, work)
