"""An icon for trays of the old kind (XEmbed): trayer, tint2, stalonetray. It has no menu.

pystray's X11 icon, with its loop replaced. The original talks to X from two threads at once and hangs after some dozen
updates; ignores left clicks; leaves the loop when a tray goes away; and draws an opaque, stretched square. Here one
thread does everything with X, and the others only wake it.
"""

import logging
import select
import threading
import time
from contextlib import suppress
from typing import Any

from PIL import Image
from Xlib import X
from Xlib.error import ConnectionClosedError, XError

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.loop_waker import LoopWaker
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.glance import IconSpec

# pystray opens a display while this module of its own is imported; without one it raises Xlib's own errors.
from pystray._xorg import Icon as PystrayX11Icon  # isort: skip  # after pystray_base, which keeps its backend quiet

log = logging.getLogger(__name__)

REDRAW_SECONDS = 3.0  # the shortest time between two redraws: each sends some kilobytes
DOCK_SECONDS = 3.0  # between two searches for a tray
DARK = (24, 26, 30)


class X11Icon(PystrayX11Icon):  # type: ignore[misc]  # pystray ships no types
    """The icon. Its constructor connects, as pystray's does; construct it where failures are handled.

    A left click does the menu's default action.
    """

    run_pending_signals = None
    menu_may_be_open = False  # it has none

    # Set by pystray's own methods.
    _running: bool
    _display: Any
    _window: Any
    _systray_manager: Any
    _icon_data: Any

    def __init__(self, name: str, painter: IconPainter, *, title: str, menu: Menu) -> None:
        self._painter = painter
        self._spec = IconSpec()
        self._drawn: tuple[IconSpec, str] | None = None
        self._drawn_at = 0.0
        self._searched_at = 0.0
        self._leaving = threading.Event()
        self._pipe = LoopWaker()
        try:
            super().__init__(name, painter.image(IconSpec(), 64), title, menu)
        except BaseException:
            self._pipe.close()
            raise
        self._display.set_error_handler(lambda error, _request: log.debug("X11: %s", error))

    def __del__(self) -> None:
        """Nothing to do: the loop cleans up. pystray's own `__del__` would use X in any thread."""

    # ---- for any thread -----------------------------------------------------

    @property
    def docked(self) -> bool:
        """Whether a tray has taken the icon."""
        return self._systray_manager is not None

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon soon."""
        self._spec = spec
        self._wake()

    def stop(self) -> None:
        """End `run`, also before it has begun."""
        self._leaving.set()
        self._wake()

    def _wake(self) -> None:
        self._pipe.wake()

    # ---- pystray's hooks ----------------------------------------------------

    def _rewrite_implementation(self, *_methods: Any) -> None:  # pystray's
        """Leave the methods as they are: pystray would send them through X, from the calling thread."""

    def _show(self) -> None:
        self._wake()

    def _hide(self) -> None:
        self._wake()

    def _update_icon(self) -> None:
        self._icon_valid = True
        self._wake()

    def _update_title(self) -> None:
        self._wake()

    def _stop(self) -> None:
        self.stop()

    def _create_window(self) -> Any:  # Xlib has no types
        window = super()._create_window()
        window.change_attributes(event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask)
        return window

    def _on_destroy_notify(self, event: Any) -> None:  # no types
        """The tray has gone: wait for the next, with the window hidden."""
        if self._systray_manager is not None and event.window.id == self._systray_manager.id:
            self._systray_manager = None
            self._window.unmap()
            self._window.reparent(self._display.screen().root, 0, 0)

    def _assert_icon_data(self, width: int, height: int) -> None:
        """Draw at the window's size, centred and not stretched, on the colour of the panel."""
        if self._icon_data is not None and self._icon_data.size == (width, height):
            return
        size = max(1, min(width, height))
        image = self._painter.image(self._spec, size)
        ground: Any = Image.new("RGB", (width, height), self._panel_colour())
        ground.paste(image, ((width - size) // 2, (height - size) // 2), image)
        ground.tostring = ground.tobytes  # the name Xlib still calls it by
        self._icon_data = ground

    def _panel_colour(self) -> tuple[int, int, int]:
        """The panel's colour below the icon's first pixel; dark when it can't be read."""
        try:
            self._window.change_attributes(background_pixmap=X.ParentRelative)
            self._window.clear_area()
            pixel = self._window.get_image(0, 0, 1, 1, X.ZPixmap, 0xFFFFFFFF).data
        except XError:
            return DARK
        return (pixel[2], pixel[1], pixel[0]) if len(pixel) >= 3 else DARK

    # ---- the loop -----------------------------------------------------------

    def _mainloop(self) -> None:
        try:
            while not self._leaving.is_set():
                self._wait(self._update(time.monotonic()))
                while self._display.pending_events():
                    self._handle(self._display.next_event())
        except ConnectionClosedError as error:
            log.warning("the X display went away: %s", error)
        finally:
            self._running = False
            with suppress(Exception):  # the display itself may have failed
                self._window.destroy()
                self._display.close()
            self._pipe.close()

    def _handle(self, event: Any) -> None:  # Xlib has no types
        if event.type == X.DestroyNotify and event.window == self._window:
            # The tray's end has destroyed the window.
            self._systray_manager = None
            self._window = self._create_window()
            self._gc = self._window.create_gc()
            self._drawn = None
            return
        handler = self._message_handlers.get(event.type)
        if handler is not None:
            handler(event)

    def _wait(self, seconds: float | None) -> None:
        self._display.flush()  # also what an event has drawn
        if self._display.pending_events():  # arrived with the reply to a request
            return
        select.select([self._display.fileno(), self._pipe], [], [], seconds)
        self._pipe.drain()

    def _update(self, now: float) -> float | None:
        """Bring the screen up to date; returns the seconds until there is more to do, None for never."""
        if not self._visible:
            return None
        if not self.docked:
            left = self._searched_at + DOCK_SECONDS - now
            if self._searched_at and left > 0:
                return left
            self._searched_at = now
            self._dock_window()
            self._drawn = None
            return 0 if self.docked else DOCK_SECONDS
        target = (self._spec, self._title)
        if target == self._drawn:
            return None
        left = self._drawn_at + REDRAW_SECONDS - now
        if self._drawn is not None and left > 0:
            return left
        self._drawn, self._drawn_at = target, now
        self._window.set_wm_name(self._title)
        self._icon_data = None
        self._draw()
        return None
