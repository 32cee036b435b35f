"""Notifications through the tray icon: a toast on Windows. Thin: the icon does it."""

from typing import Protocol

from PIL import Image

from claude_session_status.desktop.notify.base import Attempt, NotifyOutcome, fit
from claude_session_status.desktop.notify.through_plyer import BODY_UNITS, TITLE_UNITS
from claude_session_status.notification import Notification


class NotifyingIcon(Protocol):
    """The part of the icon that is needed."""

    def notify(self, message: str, title: str, *, sound: bool) -> None:
        """Show a notification; silent without `sound`."""

    def remove_notification(self) -> None:
        """Withdraw the last one."""


class IconNotifier:
    """Notifies through the icon, which shows one notification at a time: the newest."""

    name = "tray icon"
    replaces = False

    def __init__(self, icon: NotifyingIcon) -> None:
        self._icon = icon
        self._key: str | None = None

    def notify(
        self,
        notification: Notification,
        image: Image.Image | None,  # noqa: ARG002  # it has its own
        until: float | None = None,  # noqa: ARG002  # it does not wait
    ) -> Attempt:
        """Show it, in place of the last one."""
        try:
            title, body = fit(notification.title, TITLE_UNITS), fit(notification.body, BODY_UNITS)
            self._icon.notify(body, title, sound=notification.sound)
        except NotImplementedError:
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE)
        except Exception as error:
            return Attempt(self.name, NotifyOutcome.FAILED, f"{type(error).__name__}: {error}")
        self._key = notification.key
        return Attempt(self.name, NotifyOutcome.SENT)

    def close(self, key: str) -> None:
        """Withdraw it, if it is the one that is shown."""
        if key == self._key:
            self._key = None
            self._icon.remove_notification()

    def disconnect(self) -> None:
        """Nothing to do: the icon is not ours to close."""
