"""Notifications on Linux, straight over D-Bus: org.freedesktop.Notifications."""

import html
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from PIL import Image

from claude_session_status.desktop.linux.bus import (
    ASK_SECONDS,
    Bus,
    BusError,
    Call,
    CallError,
    NoAnswerError,
    Reply,
    Target,
)
from claude_session_status.desktop.linux.courier import Courier
from claude_session_status.desktop.notify.base import Attempt, NotifyOutcome, OnPress, nobody_listens
from claude_session_status.view import Command, Notification

log = logging.getLogger(__name__)

SERVICE = "org.freedesktop.Notifications"
TARGET = Target(SERVICE, "/org/freedesktop/Notifications", SERVICE)
APPLICATION = "claude-session-status"
RULES = (f"type='signal',sender='{SERVICE}',interface='{SERVICE}'",)
SOUND = "message-new-instant"  # a name of the freedesktop sound theme

TRIES, TRIES_WITHIN_TIME = 2, 6  # to get an answer at all; of 5 s each

NORMAL, CRITICAL = 1, 2
SERVICE_DECIDES = -1  # how long it stays on the screen

# There is no such service, or the bus could not start one.
_NO_SERVICE = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")
_NO_START = "org.freedesktop.DBus.Error.Spawn."


class FreedesktopNotifier:
    """Notifies over a bus connection of its own, made when it is first needed and made anew when it broke.

    `on_press` hears of the buttons, in a thread that must not be kept.
    """

    name = "D-Bus (org.freedesktop.Notifications)"

    def __init__(
        self,
        open_bus: Callable[[], Bus],
        on_press: OnPress = nobody_listens,
        *,
        clock: Callable[[], float] = time.time,
        patience: float = ASK_SECONDS,
    ) -> None:
        self._courier = Courier(open_bus, RULES, self._heard)
        self._on_press = on_press
        self._clock = clock
        self._patience = patience  # seconds, for each answer
        self._guard = threading.Lock()
        self._shown: dict[str, int] = {}  # the service's ids, by our keys
        self._said: dict[int, Notification] = {}  # what stands there, by the service's ids

    def notify(self, notification: Notification, image: Image.Image | None, until: float | None = None) -> Attempt:
        """Show it, in place of an earlier one with the same key.

        It is sent once at most: a service that did not answer has it, and may still show it. Then it is taken back.
        """
        try:
            # Asked each time: it costs a fifth of a millisecond, and another service may have taken over. A service
            # that hangs is found out by it, before it has anything that it could show late.
            (capabilities,) = self._capabilities(until)
            if until is not None and self._clock() >= until:
                return Attempt(self.name, NotifyOutcome.LATE, "the service took its time")
            (shown,) = self._ask(
                "Notify",
                "susssasa{sv}i",
                (
                    APPLICATION,
                    self._id_of(notification.key),
                    "",
                    notification.title,
                    html.escape(notification.body, quote=False) if "body-markup" in capabilities else notification.body,
                    _actions(notification) if "actions" in capabilities else [],
                    _hints(notification, image),
                    SERVICE_DECIDES,
                ),
                self._take_back,
            )
        except CallError as error:
            absent = error.name in _NO_SERVICE or error.name.startswith(_NO_START)
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE if absent else NotifyOutcome.FAILED, str(error))
        except NoAnswerError as error:
            return Attempt(self.name, NotifyOutcome.NO_ANSWER, str(error))
        except BusError as error:
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE, str(error))
        with self._guard:
            self._shown[notification.key] = shown
            self._said[shown] = notification
        return Attempt(self.name, NotifyOutcome.SENT)

    def close(self, key: str) -> None:
        """Take it off the screen, if it is still there."""
        with self._guard:
            shown = self._shown.pop(key, None)
            if shown is None:
                return
            self._said.pop(shown, None)
        try:
            self._ask("CloseNotification", "u", (shown,))
        except (CallError, BusError) as error:
            log.debug("%s", error)  # gone already: some services call that an error

    def disconnect(self) -> None:
        """Close the connection; the next notification opens another."""
        self._courier.disconnect()

    def _capabilities(self, until: float | None) -> tuple[Any, ...]:
        """What the service can do. Asking shows nothing, so it is asked again while what is to be said is true."""
        tries = TRIES if until is None else TRIES_WITHIN_TIME
        is_fresh = False
        while True:
            try:
                return self._ask("GetCapabilities")
            except NoAnswerError:  # a service that the bus has to start first takes its time
                tries -= 1
                if tries == 0 or (until is not None and self._clock() >= until):
                    raise
            except BusError:
                # Once more on a fresh connection: the old one may have died, and only now does it show.
                if is_fresh:
                    raise
                is_fresh = True
                self._courier.disconnect()

    def _take_back(self, reply: Reply) -> None:
        """Close what the service shows so late that it was given up: its words are of another moment."""
        if reply.error is None:
            self._courier.tell(TARGET, "CloseNotification", "u", reply.body)

    def _ask(
        self,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        on_late: Callable[[Reply], None] | None = None,
    ) -> tuple[Any, ...]:
        return self._courier.ask(TARGET, member, signature, body, self._patience, on_late=on_late)

    def _id_of(self, key: str) -> int:
        with self._guard:
            return self._shown.get(key, 0)

    def _heard(self, signal: Call) -> None:
        if signal.member == "ActionInvoked":
            shown, action = signal.body[:2]
            with self._guard:
                notification = self._said.get(shown)
            # Every program that notifies is heard here: only our ids and our buttons count.
            if notification is not None and action in [str(command) for command, _ in notification.buttons]:
                self._on_press(notification, Command(action))
        elif signal.member == "NotificationClosed":
            with self._guard:
                gone = self._said.pop(signal.body[0], None)
                if gone is not None and self._shown.get(gone.key) == signal.body[0]:
                    del self._shown[gone.key]


def _actions(notification: Notification) -> list[str]:
    """The buttons as the service wants them: key, label, key, label."""
    return [text for command, label in notification.buttons for text in (str(command), label)]


def _hints(notification: Notification, image: Image.Image | None) -> dict[str, tuple[str, Any]]:
    hints: dict[str, tuple[str, Any]] = {
        "urgency": ("y", CRITICAL if notification.urgent else NORMAL),
        "desktop-entry": ("s", APPLICATION),
    }
    if notification.sound:
        hints["sound-name"] = ("s", SOUND)
    else:
        hints["suppress-sound"] = ("b", True)
    if image is not None:
        rgba = image.convert("RGBA")
        pixels = (rgba.width, rgba.height, rgba.width * 4, True, 8, 4, rgba.tobytes())
        hints["image-data"] = ("(iiibiiay)", pixels)
    return hints
