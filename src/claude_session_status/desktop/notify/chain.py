"""Several ways of notifying behind one: the first that works wins, and what failed is logged, never raised."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from claude_session_status.desktop.notify.base import Notifier, Outcome
from claude_session_status.view import Notification

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way that was tried, and how it ended."""

    way: str
    outcome: Outcome


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

    def notify(self, notification: Notification, image: Image.Image | None) -> Outcome:
        """Show it by the first way that works."""
        attempts: list[Attempt] = []
        for way in self._ways:
            try:
                outcome = way.notify(notification, image)
            except Exception:
                log.exception("notification by %s", way.name)
                outcome = Outcome.FAILED
            attempts.append(Attempt(way.name, outcome))
            if outcome.worked:
                break
            log.warning("notification by %s: %s", way.name, outcome)
        self._attempts = tuple(attempts)
        return attempts[-1].outcome if attempts else Outcome.UNAVAILABLE

    def close(self, key: str) -> None:
        """Take back what was shown under `key`, by whichever way it went."""
        for way in self._ways:
            try:
                way.close(key)
            except Exception:
                log.exception("closing a notification by %s", way.name)

    def hang_up(self) -> None:
        """Let go of connections."""
        for way in self._ways:
            way.hang_up()
