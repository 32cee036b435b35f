"""What every way of notifying a person has in common."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from PIL import Image

from claude_session_status.view import Command, Notification

OnPress = Callable[[Notification, Command], None]
"""Hears that a person pressed one of a notification's buttons."""


def nobody_listens(notification: Notification, command: Command) -> None:
    """Let a button be pressed in vain."""


class NotifyOutcome(StrEnum):
    """How an attempt to notify ended."""

    SENT = "sent"  # a notification service has taken it
    UNCONFIRMED = "unconfirmed"  # handed over to something that does not say whether anybody showed it
    UNAVAILABLE = "unavailable"  # this way does not exist here
    FAILED = "failed"  # it should have worked, and did not
    NO_ANSWER = "no answer"  # a notification service is there, and does not say what became of it
    LATE = "late"  # it is not true any more, so it was not said

    @property
    def worked(self) -> bool:
        """Whether a person may have seen it."""
        return self in (NotifyOutcome.SENT, NotifyOutcome.UNCONFIRMED)

    @property
    def settled(self) -> bool:
        """Whether no other way is to be tried: another would reach the same service, and say it late or twice."""
        return self.worked or self in (NotifyOutcome.NO_ANSWER, NotifyOutcome.LATE)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way that was tried, how it ended and, where it did not work, in some words why."""

    way: str
    outcome: NotifyOutcome
    reason: str = ""

    @property
    def told(self) -> str:
        """How it ended, for a person."""
        return f"{self.outcome} ({self.reason})" if self.reason else self.outcome.value


class Notifier(Protocol):
    """One way of notifying. Never raises, never waits longer than some seconds; call it from a thread of its own."""

    @property
    def name(self) -> str:
        """What `doctor` calls this way."""

    def notify(self, notification: Notification, image: Image.Image | None, until: float | None = None) -> Attempt:
        """Show it, in place of an earlier one with the same key where that can be done.

        `until` is the moment (epoch seconds) from which it is not true any more; who waits looks at it afterwards.
        """

    def close(self, key: str) -> None:
        """Take back what was shown under `key`, where that can be done."""

    def disconnect(self) -> None:
        """Let go of connections. Another notification would open them again."""


def fit(text: str, units: int) -> str:
    """Return `text` in at most `units` UTF-16 code units, which is what Windows counts; an emoji takes two."""
    if len(text) * 2 <= units or len(text.encode("utf-16-le")) // 2 <= units:
        return text
    kept = text.encode("utf-16-le")[: (units - 1) * 2].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"
