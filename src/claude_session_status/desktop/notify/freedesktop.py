"""Notifications on Linux, straight over D-Bus: org.freedesktop.Notifications."""

import html
import logging
from collections.abc import Callable
from typing import Any

from PIL import Image

from claude_session_status.desktop.linux.bus import Bus, BusError, CallError, Target
from claude_session_status.desktop.notify.base import Outcome
from claude_session_status.view import Notification

log = logging.getLogger(__name__)

SERVICE = "org.freedesktop.Notifications"
TARGET = Target(SERVICE, "/org/freedesktop/Notifications", SERVICE)
APPLICATION = "claude-session-status"

NORMAL, CRITICAL = 1, 2
SERVICE_DECIDES = -1  # how long it stays on the screen

# There is no such service, or the bus could not start one.
_NO_SERVICE = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")
_NO_START = "org.freedesktop.DBus.Error.Spawn."


class FreedesktopNotifier:
    """Notifies over a bus connection of its own, made when it is first needed and made anew when it broke."""

    name = "D-Bus (org.freedesktop.Notifications)"

    def __init__(self, open_bus: Callable[[], Bus]) -> None:
        self._open_bus = open_bus
        self._bus: Bus | None = None
        self._shown: dict[str, int] = {}  # the service's ids, by our keys

    def notify(self, notification: Notification, image: Image.Image | None) -> Outcome:
        """Show it, in place of an earlier one with the same key."""
        try:
            # Asked each time: it costs a fifth of a millisecond, and another service may have taken over.
            (capabilities,) = self._ask("GetCapabilities")
            (shown,) = self._ask(
                "Notify",
                "susssasa{sv}i",
                (
                    APPLICATION,
                    self._shown.get(notification.key, 0),
                    "",
                    notification.title,
                    html.escape(notification.body, quote=False) if "body-markup" in capabilities else notification.body,
                    [],
                    _hints(notification, image),
                    SERVICE_DECIDES,
                ),
            )
        except CallError as error:
            log.info("%s", error)
            absent = error.name in _NO_SERVICE or error.name.startswith(_NO_START)
            return Outcome.UNAVAILABLE if absent else Outcome.FAILED
        except BusError as error:
            log.info("%s", error)
            return Outcome.UNAVAILABLE
        self._shown[notification.key] = shown
        return Outcome.SENT

    def close(self, key: str) -> None:
        """Take it off the screen, if it is still there."""
        shown = self._shown.pop(key, None)
        if shown is None:
            return
        try:
            self._ask("CloseNotification", "u", (shown,))
        except (CallError, BusError) as error:
            log.debug("%s", error)  # gone already: some services call that an error

    def hang_up(self) -> None:
        """Close the connection; the next notification opens another."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def _ask(self, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        try:
            return self._connected().ask(TARGET, member, signature, body)
        except BusError:
            self.hang_up()
        # Once more on a fresh connection: the old one may have died hours ago, and only now does it show.
        try:
            return self._connected().ask(TARGET, member, signature, body)
        except BusError:
            self.hang_up()
            raise

    def _connected(self) -> Bus:
        if self._bus is None:
            self._bus = self._open_bus()
        return self._bus


def _hints(notification: Notification, image: Image.Image | None) -> dict[str, tuple[str, Any]]:
    hints: dict[str, tuple[str, Any]] = {
        "urgency": ("y", CRITICAL if notification.urgent else NORMAL),
        "desktop-entry": ("s", APPLICATION),
    }
    if image is not None:
        rgba = image.convert("RGBA")
        pixels = (rgba.width, rgba.height, rgba.width * 4, True, 8, 4, rgba.tobytes())
        hints["image-data"] = ("(iiibiiay)", pixels)
    return hints
