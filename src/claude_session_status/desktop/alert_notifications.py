"""Sends alerts as notifications, and withdraws them when they stop being true.

Everything that waits for a notification service runs in the thread of a task runner, and may run late while a service
does not respond. So the text is made there, just before it is sent: what expired "in 30 s" when it was queued may
expire in 12, or be over, and then nothing is sent.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from claude_session_status import alerting, glance, notification, policy
from claude_session_status.desktop.icon import draw
from claude_session_status.desktop.notify import Notifier
from claude_session_status.desktop.task_runner import TaskRunner
from claude_session_status.last_request import SAME_EXPIRY_SECONDS
from claude_session_status.model import Activity, Alert, AlertReason, Cache, SessionState, Snapshot, Urgency
from claude_session_status.notification import Notification

log = logging.getLogger(__name__)

ICON_PIXELS = 64


@dataclass(frozen=True, slots=True)
class _Context:
    """What an alert's text needs beside the alert: all sessions, two of which may have one name."""

    sessions: tuple[SessionState, ...]
    ahead: float  # seconds by which the snapshot's clock is ahead: the demo's clock is its own


@dataclass(frozen=True, slots=True)
class _Shown:
    """A notification on the screen: its alerts, and since when (epoch seconds of this machine's clock)."""

    alerts: tuple[Alert, ...]
    since: float


class AlertNotifications:
    """Sends through the attached notifier, in the thread of `tasks`.

    `clock` returns epoch seconds. A notification stays for `least_seconds` even if it stops being true sooner: the
    demo's times pass faster than anybody reads.
    """

    def __init__(self, tasks: TaskRunner, clock: Callable[[], float], *, least_seconds: float = 0.0) -> None:
        self._tasks = tasks
        self._clock = clock
        self._least_seconds = least_seconds
        self._shown: dict[str, _Shown] = {}  # by the notification's key
        self._lost: dict[str, float] = {}  # by the name of a machine that is away: since when, as notified
        self._notifier: Notifier | None = None

    def attach(self, notifier: Notifier) -> None:
        """Set how to notify."""
        self._notifier = notifier

    def show(self, snapshot: Snapshot, alerts: Sequence[Alert]) -> None:
        """Withdraw what is no longer true, and send the alerts. Returns at once."""
        context = _Context(snapshot.sessions, snapshot.now - self._clock())
        # A pause also withdraws: a service may keep a notification on the screen after its button was pressed.
        states = () if snapshot.paused_until is not None else snapshot.sessions
        self._withdraw({s.session.session_id: s for s in states}, context)
        for group in alerting.grouped(alerts):
            ids = {alert.state.session.session_id for alert in group}
            before = [
                key
                for key, shown in self._shown.items()
                if any(alert.state.session.session_id in ids for alert in shown.alerts)
            ]
            for key in before[1:]:
                self._remove(key)
            # Replaces the earlier notification about these sessions.
            self._put(before[0] if before else group[0].state.session.session_id, group, context)

    @property
    def are_shown(self) -> bool:
        """Whether a notification about sessions may be on the screen."""
        return bool(self._shown)

    def show_hosts(self, snapshot: Snapshot) -> None:
        """Notify once of each machine that is away, and withdraw that when it is back. Returns at once."""
        lost = {host.name: host for host in alerting.lost_hosts(snapshot)}
        for name in [name for name in self._lost if name not in lost]:
            del self._lost[name]
            self._tasks.submit(functools.partial(self._close, notification.key_of_host(name)))
        for name, host in lost.items():
            if self._lost.get(name) != host.since and alerting.is_due_lost(host, snapshot.now):
                self._lost[name] = host.since or 0.0
                content = notification.of_lost_host(host, alerting.sessions_lost_with(host, snapshot))
                self.send(content, draw(glance.IconSpec(), ICON_PIXELS))

    def send(self, content: Notification, image: Image.Image) -> None:
        """Send a notification that stays true. Returns at once."""
        self._tasks.submit(functools.partial(self._send, content, image))

    def stop(self, timeout: float) -> None:
        """Withdraw what is shown, whose buttons no longer work, and close connections.

        Waits for that up to `timeout` seconds.
        """
        for key in list(self._shown):
            self._remove(key)
        for name in self._lost:
            self._tasks.submit(functools.partial(self._close, notification.key_of_host(name)))
        if self._notifier is not None:
            self._tasks.submit(self._notifier.disconnect)  # in the thread that owns the connections
        self._tasks.stop(timeout)

    # ---- private ------------------------------------------------------------

    def _withdraw(self, states: Mapping[str, SessionState], context: _Context) -> None:
        """Close or shorten notifications that are no longer true: a session took a new turn, expired, or ended."""
        for key, shown in list(self._shown.items()):
            if self._clock() < shown.since + self._least_seconds:
                continue
            left = [
                dataclasses.replace(alert, state=state, sound=False)
                for alert in shown.alerts
                if (state := states.get(alert.state.session.session_id)) is not None and _is_still_true(alert, state)
            ]
            if not any(alert.reason is not AlertReason.EXPIRES or alert.state.cache is Cache.WARM for alert in left):
                self._remove(key)
            elif len(left) < len(shown.alerts):
                self._shown[key] = _Shown(tuple(left), self._clock())
                self._tasks.submit(functools.partial(self._amend, key, tuple(left), context))

    def _put(self, key: str, alerts: Sequence[Alert], context: _Context) -> None:
        self._shown[key] = _Shown(tuple(alerts), self._clock())
        self._tasks.submit(functools.partial(self._send_alerts, key, tuple(alerts), context))

    def _remove(self, key: str) -> None:
        del self._shown[key]
        self._tasks.submit(functools.partial(self._close, key))

    # ---- in the tasks' thread ---------------------------------------------

    def _send_alerts(self, key: str, alerts: Sequence[Alert], context: _Context) -> None:
        now = self._clock() + context.ahead
        due = [dataclasses.replace(a, state=state) for a in alerts if (state := _as_of(a, now)) is not None]
        if not due:
            log.warning("no notification about %s: it has expired meanwhile", key)
            return
        content = notification.of_alerts(*due, among=context.sessions)
        # The icon of these sessions, not the tray's: that one shows whichever session expires first.
        image = draw(glance.icon(Snapshot(now, tuple(alert.state for alert in due))), ICON_PIXELS)
        self._send(dataclasses.replace(content, key=key), image, _end_of(due, context.ahead))

    def _amend(self, key: str, alerts: Sequence[Alert], context: _Context) -> None:
        """Shorten a shown notification. A service that can't replace it would announce it again, so there it stays."""
        if self._notifier is not None and self._notifier.replaces:
            self._send_alerts(key, alerts, context)

    def _send(self, content: Notification, image: Image.Image, until: float | None = None) -> None:
        if self._notifier is not None:
            self._notifier.notify(content, image, until)

    def _close(self, key: str) -> None:
        if self._notifier is not None:
            self._notifier.close(key)


def _end_of(alerts: Sequence[Alert], ahead: float) -> float | None:
    """When none of the alerts is true any more, by this machine's clock; None where nobody knows."""
    expiries = [alert.state.expires_at for alert in alerts if alert.reason is AlertReason.EXPIRES]
    return max((at for at in expiries if at is not None), default=0.0) - ahead if expiries else None


def _as_of(alert: Alert, now: float) -> SessionState | None:
    """The alert's state at `now`; None when the alert is about a cache that has expired by then."""
    state = alert.state
    if state.expires_at is None or state.expires_at <= now:
        if alert.reason is AlertReason.EXPIRES:
            return None
        cache = Cache.NONE if state.expires_at is None else Cache.EXPIRED
        return dataclasses.replace(state, cache=cache, urgency=Urgency.NONE)
    left = state.expires_at - now
    request = state.session.request
    urgency = policy.urgency_of(left, request.ttl_seconds) if request is not None else state.urgency
    return dataclasses.replace(state, seconds_left=left, urgency=urgency)


def _is_still_true(alert: Alert, state: SessionState) -> bool:
    """Whether what the alert says is still right, apart from the seconds by which sources differ."""
    if state.activity is Activity.ENDED or state.session.muted:
        return False
    if alert.reason is AlertReason.STOPPED:
        return True  # it reports what has happened
    if alert.reason is AlertReason.WAITS and state.activity is not Activity.WAITING:
        return False
    if (alert.state.compacts_at is None) != (state.compacts_at is None):
        return False  # the client has compacted the conversation, or it no longer will
    alerted, now = alert.state.expires_at, state.expires_at
    if alerted is None or now is None:
        return alerted == now
    return abs(alerted - now) < SAME_EXPIRY_SECONDS
