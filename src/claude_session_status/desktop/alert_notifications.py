"""What a person has been told and is still on the screen: alerts become notifications, and are taken back.

All that waits on others happens in the errands' thread, and that may take its time while a notification service does
not answer. So the words are made there, just before they go out: what was "in 30 s" when it was queued may be in 12, or
over, and then it is not said at all.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from claude_session_status import alerting, policy, reducer, view
from claude_session_status.desktop.notify import Notifier
from claude_session_status.desktop.worker import TaskRunner
from claude_session_status.model import Activity, Alert, Cache, SessionState, Snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What was so when something was to be told: the icon, and the sessions, of which two may bear one name."""

    image: Image.Image
    sessions: tuple[SessionState, ...]
    ahead: float  # seconds by which the snapshot's clock is: one that is made up runs by itself


class AlertNotifications:
    """Tells of alerts through `notifier`, from the errands' thread. `clock` gives epoch seconds."""

    def __init__(self, errands: TaskRunner, clock: Callable[[], float]) -> None:
        self._errands = errands
        self._clock = clock
        self._standing: dict[str, tuple[Alert, ...]] = {}  # key -> what stands there
        self._notifier: Notifier | None = None

    def attach(self, notifier: Notifier) -> None:
        """Say how to notify."""
        self._notifier = notifier

    def show(self, snapshot: Snapshot, alerts: Sequence[Alert], image: Image.Image) -> None:
        """Take back what is no longer true, and notify of the alerts. Returns at once."""
        scene = _Scene(image, snapshot.sessions, snapshot.now - self._clock())
        # Who wants quiet wants it now: a service may leave a notification standing after its button was pressed.
        states = () if snapshot.paused_until is not None else snapshot.sessions
        self._take_back({s.session.session_id: s for s in states}, scene)
        for group in alerting.grouped(alerts):
            ids = {alert.state.session.session_id for alert in group}
            before = [k for k, shown in self._standing.items() if any(a.state.session.session_id in ids for a in shown)]
            for key in before[1:]:
                self._remove(key)
            # What was said of these sessions before is replaced, not stacked upon.
            self._put(before[0] if before else group[0].state.session.session_id, group, scene)

    def say(self, notification: view.Notification, image: Image.Image) -> None:
        """Notify of something that stays true. Returns at once."""
        self._errands.submit(functools.partial(self._send, notification, image))

    def stop(self, timeout: float) -> None:
        """Let go of connections, and wait for that up to `timeout` seconds."""
        if self._notifier is not None:
            self._errands.submit(self._notifier.disconnect)  # in the thread whose connections they are
        self._errands.stop(timeout)

    # ---- private ------------------------------------------------------------

    def _take_back(self, states: Mapping[str, SessionState], scene: _Scene) -> None:
        """Close or mend the notifications that are no longer true: a session took a new turn, expired, or ended."""
        for key, shown in list(self._standing.items()):
            now = {a.state.session.session_id: states.get(a.state.session.session_id) for a in shown}
            left = [
                dataclasses.replace(alert, state=state, sound=False)
                for alert in shown
                if (state := now[alert.state.session.session_id]) is not None and _still_stands(alert, state)
            ]
            if not any(alert.state.cache is Cache.WARM for alert in left):
                self._remove(key)
            elif len(left) < len(shown):
                self._put(key, left, scene)

    def _put(self, key: str, alerts: Sequence[Alert], scene: _Scene) -> None:
        self._standing[key] = tuple(alerts)
        self._errands.submit(functools.partial(self._send_alerts, key, self._standing[key], scene))

    def _remove(self, key: str) -> None:
        del self._standing[key]
        self._errands.submit(functools.partial(self._close, key))

    # ---- in the errands' thread ---------------------------------------------

    def _send_alerts(self, key: str, alerts: Sequence[Alert], scene: _Scene) -> None:
        now = self._clock() + scene.ahead
        due = [dataclasses.replace(a, state=state) for a in alerts if (state := _as_of(a.state, now)) is not None]
        if not due:
            log.warning("not notified of %s: it has expired meanwhile", key)
            return
        until = max(alert.state.expires_at or now for alert in due) - scene.ahead
        told = view.notification(*due, among=scene.sessions)
        self._send(dataclasses.replace(told, key=key), scene.image, until)

    def _send(self, notification: view.Notification, image: Image.Image, until: float | None = None) -> None:
        if self._notifier is not None:
            self._notifier.notify(notification, image, until)

    def _close(self, key: str) -> None:
        if self._notifier is not None:
            self._notifier.close(key)


def _as_of(state: SessionState, now: float) -> SessionState | None:
    """The state as it is a moment later; None when the cache has expired by then."""
    if state.expires_at is None or state.expires_at <= now:
        return None
    left = state.expires_at - now
    request = state.session.request
    urgency = policy.urgency_of(left, request.ttl_seconds) if request is not None else state.urgency
    return dataclasses.replace(state, seconds_left=left, urgency=urgency)


def _still_stands(alert: Alert, state: SessionState) -> bool:
    """Whether what was said of the session holds, but for the seconds by which sources differ."""
    said, now = alert.state.expires_at, state.expires_at
    if said is None or now is None or abs(said - now) >= reducer.SAME_EXPIRY_SECONDS:
        return False
    return state.activity is not Activity.ENDED and not state.session.muted
