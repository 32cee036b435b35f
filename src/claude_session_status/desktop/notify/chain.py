"""Several ways of notifying behind one: the first that works wins, and what failed is logged, never raised."""

import logging
from collections.abc import Sequence

from PIL import Image

from claude_session_status.desktop.notify.base import Attempt, Notifier, NotifyOutcome
from claude_session_status.view import Notification

log = logging.getLogger(__name__)


class Chain:
    """Tries each way in turn, from the first at every notification: a service that was late is found when it comes."""

    name = "chain"

    def __init__(self, ways: Sequence[Notifier]) -> None:
        self._ways = tuple(ways)
        self._attempts: tuple[Attempt, ...] = ()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """How the last notification went, way by way; the last of them worked, if any did."""
        return self._attempts

    def notify(self, notification: Notification, image: Image.Image | None, until: float | None = None) -> Attempt:
        """Show it by the first way that works."""
        attempts: list[Attempt] = []
        for way in self._ways:
            try:
                attempt = way.notify(notification, image, until)
            except Exception as error:
                log.exception("notification by %s", way.name)
                attempt = Attempt(way.name, NotifyOutcome.FAILED, f"{type(error).__name__}: {error}")
            attempts.append(attempt)
            if not attempt.outcome.worked:
                log.warning("notification by %s: %s", attempt.way, attempt.told)
            if attempt.outcome.settled:
                break
        self._attempts = tuple(attempts)
        return attempts[-1] if attempts else Attempt(self.name, NotifyOutcome.UNAVAILABLE)

    def close(self, key: str) -> None:
        """Take back what was shown under `key`, by whichever way it went."""
        for way in self._ways:
            try:
                way.close(key)
            except Exception:
                log.exception("closing a notification by %s", way.name)

    def disconnect(self) -> None:
        """Let go of connections."""
        for way in self._ways:
            way.disconnect()
