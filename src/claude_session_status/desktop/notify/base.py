"""The protocol of a way of notifying, and its outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from PIL import Image

from claude_session_status.menu_items import Action
from claude_session_status.notification import Notification

OnPress = Callable[[Action], None]
"""Called with the action of the button that was pressed."""


def ignore_press(action: Action) -> None:
    """Do nothing when a button is pressed."""


class NotifyOutcome(StrEnum):
    """How an attempt to notify ended."""

    SENT = "sent"  # a notification service has accepted it
    UNCONFIRMED = "unconfirmed"  # passed to a program that does not report whether it was shown
    UNAVAILABLE = "unavailable"  # this way does not exist here
    FAILED = "failed"  # it should have worked, and did not
    NO_ANSWER = "no answer"  # a notification service exists, and does not reply
    LATE = "late"  # not true any more, so it was not sent

    @property
    def worked(self) -> bool:
        """Whether the user may have seen it."""
        return self in (NotifyOutcome.SENT, NotifyOutcome.UNCONFIRMED)

    @property
    def settled(self) -> bool:
        """Whether no other way is to be tried: another would reach the same service, and show it late or twice."""
        return self.worked or self in (NotifyOutcome.NO_ANSWER, NotifyOutcome.LATE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way that was tried, its outcome and, if it did not work, the reason."""

    way: str
    outcome: NotifyOutcome
    reason: str = ""

    @property
    def summary(self) -> str:
        """The outcome in words."""
        return f"{self.outcome} ({self.reason})" if self.reason else self.outcome.value


class Notifier(Protocol):
    """One way of notifying. Never raises, never waits longer than some seconds; for a thread of its own."""

    @property
    def name(self) -> str:
        """What `doctor` calls this way."""

    @property
    def replaces(self) -> bool:
        """Whether a notification takes the place of an earlier one with its key, and is not announced once more."""

    def notify(self, notification: Notification, image: Image.Image | None, until: float | None = None) -> Attempt:
        """Show it, in place of an earlier one with the same key where possible.

        From `until` (epoch seconds) on it is not true any more: a way that waits checks that before it shows it.
        """

    def close(self, key: str) -> None:
        """Withdraw what was shown under `key`, where possible."""

    def disconnect(self) -> None:
        """Close connections. The next notification opens them again."""


def fit(text: str, units: int) -> str:
    """Return `text` in at most `units` UTF-16 code units, which is what Windows counts; an emoji takes two."""
    if len(text) * 2 <= units or len(text.encode("utf-16-le")) // 2 <= units:
        return text
    kept = text.encode("utf-16-le")[: (units - 1) * 2].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"
