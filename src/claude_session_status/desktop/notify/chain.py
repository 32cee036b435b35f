"""Several ways of notifying behind one: the first that works wins; failures are logged, never raised."""

import logging
from collections.abc import Sequence

from PIL import Image

from claude_session_status.desktop.notify.base import Attempt, Notifier, NotifyOutcome
from claude_session_status.notification import Notification

log = logging.getLogger(__name__)


class Chain:
    """Tries each way in turn, at every notification again from the first: a service that starts late is found."""

    name = "chain"

    def __init__(self, ways: Sequence[Notifier]) -> None:
        self._ways = tuple(ways)
        self._attempts: tuple[Attempt, ...] = ()

    @property
    def replaces(self) -> bool:
        """Whether the way that showed the last notification can replace it."""
        used = {attempt.way for attempt in self._attempts if attempt.outcome.worked}
        return any(way.replaces for way in self._ways if way.name in used)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts for the last notification; the last of them worked, if any did."""
        return self._attempts

    def notify(self, notification: Notification, image: Image.Image | None, until: float | None = None) -> Attempt:
        """Show it in the first way that works."""
        attempts: list[Attempt] = []
        for way in self._ways:
            try:
                attempt = way.notify(notification, image, until)
            except Exception as error:
                log.exception("notification by %s", way.name)
                attempt = Attempt(way.name, NotifyOutcome.FAILED, f"{type(error).__name__}: {error}")
            attempts.append(attempt)
            if not attempt.outcome.worked:
                log.warning("notification by %s: %s", attempt.way, attempt.summary)
            if attempt.outcome.settled:
                break
        self._attempts = tuple(attempts)
        return attempts[-1] if attempts else Attempt(self.name, NotifyOutcome.UNAVAILABLE)

    def close(self, key: str) -> None:
        """Withdraw what was shown under `key`, in whichever way."""
        for way in self._ways:
            try:
                way.close(key)
            except Exception:
                log.exception("closing a notification by %s", way.name)

    def disconnect(self) -> None:
        """Close connections."""
        for way in self._ways:
            way.disconnect()
