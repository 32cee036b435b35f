"""The loop between the files and the faces: poll, make a snapshot, find the alerts that are due, call the listener.

`poller` takes in what is new. The clock and the wait are passed in, so that tests move time instead of waiting for it.

Nothing that is wrong with one session or one file ends the loop: it goes on with the rest and shows the problem.
"""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from claude_session_status import (
    alerting,
    config,
    free_memory,
    keep_warm_desk,
    pause,
    policy,
    reducer,
)
from claude_session_status.claude.liveness import Liveness
from claude_session_status.clock import Clock, SystemClock
from claude_session_status.errors import SessionStatusError, StoreLockedError
from claude_session_status.keep_warm_desk import ReadPrice
from claude_session_status.keep_warm_times import Choice, until_of
from claude_session_status.lazy_log import Log
from claude_session_status.model import (
    Alert,
    Event,
    EventKind,
    Pause,
    Process,
    Session,
    SessionState,
    Snapshot,
)
from claude_session_status.paths import Paths
from claude_session_status.poller import TICK_SECONDS, HostSource, Poller
from claude_session_status.quiet import quiet_until
from claude_session_status.store.database import Store
from claude_session_status.values import replace
from claude_session_status.wake_listener import WakeListener
from claude_session_status.words import name_of

T = TypeVar("T")

log = Log(__name__)

TRIES = 3  # to open the database: the next poll is near
SOON_SECONDS = 0.2  # until the next poll where another process is just recording the notes that wait
SHORT_LOCK_SECONDS = 5.0  # a lock of the database that is shown to nobody

# Gets a snapshot and the alerts that are due. Returns until when (in the snapshot's time) it needs no other one while
# nothing is new; None for a second. So a face that shows no seconds need not draw each of them. A session that changes
# by the clock alone, as at its expiry, counts as new.
Listener = Callable[[Snapshot, Sequence[Alert]], float | None]


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
        self._clock = clock or SystemClock()
        self._gives_alerts = alerts is not False
        self._may_give = alerts if callable(alerts) else lambda: True
        self._everything = everything
        self._price = price
        self._store = store or Store(paths.database, tries=TRIES)
        self._poller = Poller(
            paths,
            settings,
            self._clock,
            self._store,
            everything=everything,
            alive=alive,
            price=price,
            read_price=read_price,
            hosts=None if hosts is None else lambda: hosts(self.wake),
            logs=logs,
        )
        self._wake = threading.Event()

    @property
    def settings(self) -> config.Config:
        """The settings in effect. For any thread."""
        return self._poller.settings

    def wake(self) -> None:
        """Poll now instead of at the next turn."""
        self._wake.set()

    def submit(self, kind: EventKind, session_id: str) -> None:
        """Mute, unmute or forget a session. For any thread.

        The note is in the spool when this returns, and the next snapshot shows it. Raises OSError.
        """
        session = self._poller.cache.sessions.get(session_id) or Session(session_id)
        event = Event(kind, session_id, reducer.action_time(session, self._clock.time()))
        self._poller.inbox.add(event, event.at)
        if kind is EventKind.FORGET:
            self._poller.keep_warm.forget(session_id)
        self._poller.submit(event)
        self.wake()

    def keep_warm(self, session_id: str, choice: Choice, *, consents: bool = False) -> tuple[str, ...]:
        """Keep a session warm, or no longer. For any thread.

        `consents`: a person confirmed that it takes many pings. Returns sentences about what was done. Raises
        SessionStatusError where it can't be kept warm, and OSError.
        """
        now = self._clock.time()
        session = self._poller.cache.sessions.get(session_id)
        if session is None:
            raise SessionStatusError("The session is gone", "Choose one of the list")
        until = until_of(choice, now)
        if until is None:
            keep_warm_desk.stop(self._paths, session_id)
            sentences: tuple[str, ...] = (f"{name_of(session)} is no longer kept warm.",)
        else:
            desk = self._poller.keep_warm
            state = desk.with_keep_warm(policy.state_of(session, now, self._price), now)
            sentences = keep_warm_desk.place(self._paths, state, desk.limits, until, now, consents=consents)
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
        inbox = self._poller.inbox
        try:
            hooks.start()
            while not stop.is_set():
                now = self._clock.time()
                # A poll that lies farther ahead than one interval means that the clock was set back.
                was_set_back = next_poll - now > self.settings.poll_seconds
                is_woken = self._wake.is_set()
                if is_woken or inbox.is_behind or now >= next_poll or was_set_back:
                    self._wake.clear()
                    openings = self._store.openings
                    self.poll()
                    if self._store.openings != openings:
                        free_memory.give_back()
                    next_poll = now + (SOON_SECONDS if inbox.is_taken else self.settings.poll_seconds)
                if inbox.is_behind and 0 <= now - shown_at < TICK_SECONDS:
                    continue
                before, seen = seen, self._known
                if is_woken or seen != before or not shown_at <= now < show_at:
                    shot = self.snapshot()
                    facts = policy.without_countdown(shot), self.settings
                    if is_woken or facts != shown or not shown_at <= shot.now < show_at:
                        shown, shown_at = facts, shot.now
                        due = self.take_alerts(shot) if self._gives_alerts else ()
                        wanted = listener(shot, due) or shot.now + TICK_SECONDS
                        show_at = min(wanted, policy.next_change(shot))
                        alert_at = self._next_alert_time(shot) if self._gives_alerts else None
                if alert_at is not None:
                    show_at = min(show_at, alert_at)
                    next_poll = min(next_poll, alert_at)  # poll once more before anybody is disturbed
                if not inbox.is_behind:
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
            tuple(self._poller.cache),
            self.settings,
            self._poller.paused_until,
            self._poller.host_states,
            self._poller.keep_warm.known,
            self.problem,
            self._poller.config_problems,
        )

    # ---- polls, of which `run` makes one every few seconds ------------------

    def poll(self) -> None:
        """Take in what is new. Never raises for the state of files: the next snapshot shows what is wrong.

        Of many notes it applies one batch; `run` polls again at once while more wait, and the rows are read again by
        the second.
        """
        self._poller.poll()

    def look(self) -> None:
        """Take in what is new, once and without a heartbeat."""
        self._poller.look()

    def close(self) -> None:
        """Write what was not written yet, and remove the heartbeat."""
        self._poller.close()

    @property
    def problem(self) -> SessionStatusError | None:
        """The first thing that went wrong at the last poll, with what to do about it."""
        return self._poller.problem

    # ---- what is shown ------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """All sessions at this moment; reads no file."""
        now = self._clock.time()
        names = {host.name for host in self._poller.settings.hosts}

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
                paused_until=self._poller.paused_until,
                quiet_until=quiet_until(self._poller.settings.quiet, now),
            )
            return replace(shot, sessions=tuple(self._poller.keep_warm.with_keep_warm(s, now) for s in shot.sessions))

        shot = self._poller.faults.without_faulty("showing it", tuple(self._poller.cache), lambda s: s, snapshot_of)
        return replace(
            shot,
            stale=any(isinstance(problem, StoreLockedError) for problem in self._poller.problems),
            problem=self._shown_problem(now),
            hosts=self._poller.host_states,
        )

    def _shown_problem(self, now: float) -> str | None:
        """Return the problem for the user. A short lock is none: another of our processes may just be writing."""
        problem = self.problem
        is_short = self._poller.locked_since is not None and now - self._poller.locked_since < SHORT_LOCK_SECONDS
        if problem is None or (is_short and isinstance(problem, StoreLockedError)):
            return next(iter(self._poller.config_problems), None)
        return problem.title

    def take_alerts(self, shot: Snapshot) -> tuple[Alert, ...]:
        """The alerts that are due, each remembered before it is given, so that it comes at most once.

        None while many notes wait: what the rows say is not the latest then.
        """
        if self._poller.inbox.is_behind:
            return ()
        leads = self._poller.settings.notify_before_seconds

        def due_of(states: Sequence[SessionState]) -> tuple[Alert, ...]:
            return alerting.due_alerts(
                states,
                leads,
                shot.now,
                min_tokens=self._poller.settings.min_tokens,
                paused_until=shot.paused_until,
                quiet=self._poller.settings.quiet,
                when_waiting=self._poller.settings.notify_when_waiting,
                sound=self._poller.settings.sound,
            )

        due = self._of_states("checking its alerts", shot, due_of)
        if due and not self._may_give():
            return ()
        return tuple(alert for alert in due if self._remember(alert, shot.now))

    def _remember(self, alert: Alert, now: float) -> bool:
        """Note that an alert is given. False when this process can't remember it: it would be given again and again."""
        is_remembered = True
        for event in alerting.alerted_events(alert, self._poller.settings.notify_before_seconds, now):
            try:
                is_remembered &= self._poller.note(event)
            except OSError as error:
                log.warning("an alert is remembered by this process only: %s", error)
        return is_remembered

    def _next_alert_time(self, shot: Snapshot) -> float | None:
        leads, when_waiting = self._poller.settings.notify_before_seconds, self._poller.settings.notify_when_waiting

        def next_of(states: Sequence[SessionState]) -> float | None:
            return alerting.next_alert_time(states, leads, shot.now, when_waiting=when_waiting)

        return self._of_states("finding its next alert", shot, next_of)

    def _of_states(self, doing: str, shot: Snapshot, work: Callable[[Sequence[SessionState]], T]) -> T:
        return self._poller.faults.without_faulty(doing, shot.sessions, lambda state: state.session, work)
