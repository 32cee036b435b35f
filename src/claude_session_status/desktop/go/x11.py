"""Windows on X11, by the EWMH properties that every window manager there keeps.

https://specifications.freedesktop.org/wm-spec/latest/
"""

import contextlib
import logging
import os
import time
from typing import Any

from Xlib import X, Xatom, display, error
from Xlib.ext import res
from Xlib.protocol import event

from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.window import Window
from claude_session_status.desktop.linux.x_display import opens

log = logging.getLogger(__name__)

OPEN_SECONDS = 1.0
ACTIVE_SECONDS = 0.8  # how long a window manager may take to raise a window
_STEP_SECONDS = 0.005
_PAGER = 2  # the source of a request that a user made: window managers do not refuse the focus then
_EVERY_DESKTOP = 0xFFFFFFFF
_PARENTS = 8  # WINDOWID may name a child of the top-level window


def connect(name: str, *, is_complete: bool, patience: float = 1.0) -> "X11 | None":
    """Connect to the display of that name; None where it does not answer.

    `is_complete`: every program's windows are there, as they are not on Wayland. `patience` multiplies time limits.
    """
    if not opens(name, OPEN_SECONDS):
        return None
    try:
        return X11(display.Display(name), is_complete=is_complete, patience=patience)
    except Exception as failure:  # Xlib's errors have no base of their own
        log.info("X display %s: %s", name, failure)
        return None


class X11:
    """The windows of a display. The connection belongs to it."""

    def __init__(self, connection: Any, *, is_complete: bool, patience: float) -> None:  # python-xlib has no types
        self._patience = patience
        self.lists_all = is_complete
        self.name = "X11" if is_complete else "This Wayland desktop"
        self._display = connection
        self._root = connection.screen().root
        self._host = os.uname().nodename.encode()
        self._has_resources = connection.has_extension("X-Resource")
        connection.set_error_handler(lambda *_: None)  # a window may close at any time
        # python-xlib 0.33: its RandR extension registers errors 0 to 2 in place of the protocol's own, BadValue among
        # them, with classes that it can't read.
        connection.display.error_classes.update(error.xerror_class)

    def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(Exception):
            self._display.close()

    def windows(self) -> tuple[Window, ...]:
        """All windows in the order in which they were opened."""
        active = self._number(self._root, "_NET_ACTIVE_WINDOW")
        attention = self._display.intern_atom("_NET_WM_STATE_DEMANDS_ATTENTION")
        found = []
        for window_id in self._values(self._root, "_NET_CLIENT_LIST"):
            window = self._window(window_id)
            states = self._values(window, "_NET_WM_STATE")
            found.append(
                Window(str(window_id), self._pid(window), self._title(window), window_id == active, attention in states)
            )
        return tuple(found)

    def window_named(self, place: Place) -> str | None:
        """The top-level window that WINDOWID names or is in. Its owner is not checked here."""
        number = place.number("WINDOWID")
        if not number:
            return None
        tops = set(self._values(self._root, "_NET_CLIENT_LIST"))
        window = self._window(number)
        for _ in range(_PARENTS):
            if window.id in tops:
                return str(window.id)
            try:
                window = window.query_tree().parent
            except (error.XError, AttributeError):
                return None
            if not window or window.id == self._root.id:
                return None
        return None

    def activate(self, window: Window) -> bool:
        """Raise the window, on its own desktop, and wait until it is active."""
        found = self._window(int(window.id))
        now = self._server_time()
        desktop, current = self._number(found, "_NET_WM_DESKTOP"), self._number(self._root, "_NET_CURRENT_DESKTOP")
        if desktop is not None and current is not None and desktop not in (current, _EVERY_DESKTOP):
            self._send(self._root, "_NET_CURRENT_DESKTOP", desktop, now)  # openbox does not do it by itself
        self._send(found, "_NET_ACTIVE_WINDOW", _PAGER, now, self._number(self._root, "_NET_ACTIVE_WINDOW") or 0)
        self._display.sync()
        deadline = time.monotonic() + ACTIVE_SECONDS * self._patience
        while self._number(self._root, "_NET_ACTIVE_WINDOW") != found.id:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_STEP_SECONDS)
        return True

    # ---- private ------------------------------------------------------------

    def _window(self, window_id: int) -> Any:
        return self._display.create_resource_object("window", window_id)

    def _property(self, window: Any, name: str) -> Any:
        try:
            found = window.get_full_property(self._display.intern_atom(name), X.AnyPropertyType)
        except error.XError:  # it has closed
            return None
        return None if found is None else found.value

    def _values(self, window: Any, name: str) -> list[int]:
        value = self._property(window, name)
        return [] if value is None or isinstance(value, bytes) else [int(number) for number in value]

    def _number(self, window: Any, name: str) -> int | None:
        return next(iter(self._values(window, name)), None)

    def _title(self, window: Any) -> str:
        value = self._property(window, "_NET_WM_NAME") or self._property(window, "WM_NAME")
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")

    def _pid(self, window: Any) -> int | None:
        """The process that owns the window. A window may say what it likes, so the X server is asked first."""
        if self._has_resources:
            try:
                reply = res.query_client_ids(self._display, [{"client": window.id, "mask": res.LocalClientPIDMask}])
                for found in reply.ids:
                    if found.spec.mask == res.LocalClientPIDMask and found.value:
                        return int(found.value[0])
            except Exception as failure:  # whatever an X server answers
                log.debug("X-Resource: %s", failure)
        machine = self._property(window, "WM_CLIENT_MACHINE")
        if isinstance(machine, bytes) and machine and machine != self._host:
            return None  # its process ids are another machine's
        return self._number(window, "_NET_WM_PID")

    def _server_time(self) -> int:
        """The X server's time. mutter compares it with the last key press, and takes 0 for an older moment."""
        window = self._root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
        window.change_property(self._display.intern_atom("WM_NAME"), Xatom.STRING, 8, b"")
        self._display.sync()  # the event comes before the reply
        time_now = X.CurrentTime
        while self._display.pending_events():
            seen = self._display.next_event()
            if seen.type == X.PropertyNotify and seen.window.id == window.id:
                time_now = seen.time
        window.destroy()
        return int(time_now)

    def _send(self, window: Any, name: str, *data: int) -> None:
        values = (32, [*data, *[0] * (5 - len(data))])
        message = event.ClientMessage(window=window, client_type=self._display.intern_atom(name), data=values)
        self._root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
