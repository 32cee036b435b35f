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
from claude_session_status.desktop.linux.bus_thread import BusThread
from claude_session_status.desktop.notify.base import Attempt, NotifyOutcome, OnPress, ignore_press
from claude_session_status.menu_items import Action, with_activation_token
from claude_session_status.notification import Notification

log = logging.getLogger(__name__)

SERVICE = "org.freedesktop.Notifications"
TARGET = Target(SERVICE, "/org/freedesktop/Notifications", SERVICE)
APPLICATION = "claude-session-status"
RULES = (f"type='signal',sender='{SERVICE}',interface='{SERVICE}'",)
SOUND = "message-new-instant"  # a name of the freedesktop sound theme

TRIES, TRIES_WITHIN_TIME = 2, 6  # of 5 s each, until the service replies

NORMAL, CRITICAL = 1, 2
DEFAULT = "default"  # the action of a click on the notification itself
NO_DEFAULT = ("lxqt-notificationd",)  # it hides more than three actions, this one included, in a list to choose from
NO_LABEL = ""  # xfce4-notifyd shows every action with a label as a button
SERVICE_DECIDES = -1  # how long it stays on the screen

# There is no such service, or the bus could not start one.
_NO_SERVICE = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")
_NO_START = "org.freedesktop.DBus.Error.Spawn."


class FreedesktopNotifier:
    """Notifies over a bus connection of its own, opened at the first use and again when it broke.

    `on_press` is called in the connection's thread, and must return at once.
    """

    name = "D-Bus (org.freedesktop.Notifications)"
    replaces = True

    def __init__(
        self,
        open_bus: Callable[[], Bus],
        on_press: OnPress = ignore_press,
        *,
        clock: Callable[[], float] = time.time,
        patience: float = ASK_SECONDS,
    ) -> None:
        self._bus = BusThread(open_bus, RULES, self._on_signal)
        self._on_press = on_press
        self._clock = clock
        self._patience = patience  # seconds for each reply
        self._lock = threading.Lock()
        self._shown: dict[str, int] = {}  # the service's ids, by our keys
        self._on_screen: dict[int, Notification] = {}  # by the service's ids
        self._tokens: dict[int, str] = {}  # the permission to take the focus that came with a click, by the same ids

    def notify(self, notification: Notification, image: Image.Image | None, until: float | None = None) -> Attempt:
        """Show it, in place of an earlier one with the same key.

        It is sent at most once: a service that does not reply has it, and may show it later. Then it is withdrawn.
        """
        try:
            # Asked each time: it takes a fifth of a millisecond, and another service may have taken over. It also
            # detects a service that hangs, before it has anything that it could show late.
            (capabilities,) = self._capabilities(until)
            server = self._ask("GetServerInformation")[0] if "actions" in capabilities else ""
            if until is not None and self._clock() >= until:
                return Attempt(self.name, NotifyOutcome.LATE, "the service was slow")
            (shown,) = self._ask(
                "Notify",
                "susssasa{sv}i",
                (
                    APPLICATION,
                    self._id_of(notification.key),
                    "",
                    notification.title,
                    html.escape(notification.body, quote=False) if "body-markup" in capabilities else notification.body,
                    _keys_and_labels(notification, server) if "actions" in capabilities else [],
                    _hints(notification, image),
                    SERVICE_DECIDES,
                ),
                self._withdraw,
            )
        except CallError as error:
            absent = error.name in _NO_SERVICE or error.name.startswith(_NO_START)
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE if absent else NotifyOutcome.FAILED, str(error))
        except NoAnswerError as error:
            return Attempt(self.name, NotifyOutcome.NO_ANSWER, str(error))
        except BusError as error:
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE, str(error))
        with self._lock:
            self._shown[notification.key] = shown
            self._on_screen[shown] = notification
        return Attempt(self.name, NotifyOutcome.SENT)

    def close(self, key: str) -> None:
        """Remove it from the screen, if it is still there."""
        with self._lock:
            shown = self._shown.pop(key, None)
            if shown is None:
                return
            self._on_screen.pop(shown, None)
        try:
            self._ask("CloseNotification", "u", (shown,))
        except (CallError, BusError) as error:
            log.debug("%s", error)  # already gone: some services call that an error

    def disconnect(self) -> None:
        """Close the connection; the next notification opens another."""
        self._bus.disconnect()

    def _capabilities(self, until: float | None) -> tuple[Any, ...]:
        """What the service can do. Asking shows nothing, so it is repeated while the notification is still true."""
        tries = TRIES if until is None else TRIES_WITHIN_TIME
        is_new = False
        while True:
            try:
                return self._ask("GetCapabilities")
            except NoAnswerError:  # a service that the bus has to start first is slow
                tries -= 1
                if tries == 0 or (until is not None and self._clock() >= until):
                    raise
            except BusError:
                # Once more on a new connection: the old one may have died, which only shows now.
                if is_new:
                    raise
                is_new = True
                self._bus.disconnect()

    def _withdraw(self, reply: Reply) -> None:
        """Close what the service shows after the timeout: its text is outdated."""
        if reply.error is None:
            self._bus.send(TARGET, "CloseNotification", "u", reply.body)

    def _ask(
        self,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        on_late_reply: Callable[[Reply], None] | None = None,
    ) -> tuple[Any, ...]:
        return self._bus.ask(TARGET, member, signature, body, self._patience, on_late_reply=on_late_reply)

    def _id_of(self, key: str) -> int:
        with self._lock:
            return self._shown.get(key, 0)

    def _on_signal(self, signal: Call) -> None:
        # The signals of every program's notifications arrive here: only our ids and our buttons count.
        if signal.member == "ActivationToken":  # just before the click that it belongs to; Wayland only
            shown, token = signal.body[:2]
            with self._lock:
                if shown in self._on_screen:
                    self._tokens[shown] = token
        elif signal.member == "ActionInvoked":
            shown, key = signal.body[:2]
            with self._lock:
                notification, token = self._on_screen.get(shown), self._tokens.pop(shown, None)
            action = _action_of(notification, key) if notification is not None else None
            if action is not None:
                self._bus.send(TARGET, "CloseNotification", "u", (shown,))  # not every service does it by itself
                self._on_press(with_activation_token(action, token))
        elif signal.member == "NotificationClosed":
            with self._lock:
                gone = self._on_screen.pop(signal.body[0], None)
                self._tokens.pop(signal.body[0], None)
                if gone is not None and self._shown.get(gone.key) == signal.body[0]:
                    del self._shown[gone.key]


def _keys_and_labels(notification: Notification, server: str) -> list[str]:
    """The actions in the service's form: key, label, key, label."""
    has_default = notification.default is not None and server not in NO_DEFAULT
    default = [DEFAULT, NO_LABEL] if has_default else []
    return default + [text for button in notification.buttons for text in (button.key, button.label)]


def _action_of(notification: Notification, key: str) -> Action | None:
    """What the click does that the service reports as `key`; None for a key that is not ours."""
    if key == DEFAULT:
        return notification.default
    return next((button.action for button in notification.buttons if button.key == key), None)


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
