"""The icon on Linux: on D-Bus, and an X11 icon instead while no panel shows icons over D-Bus.

The X11 icon appears some seconds after the last panel has gone, so that a panel which only restarts does not cause one,
and goes when a panel comes.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux.bus import Bus
from claude_session_status.desktop.linux.status_icon import StatusIcon
from claude_session_status.glance import IconSpec
from claude_session_status.menu_items import MenuItem

log = logging.getLogger(__name__)

FALLBACK_SECONDS = 5.0


class FallbackIcon(Protocol):
    """The part of the X11 icon that is used here."""

    title: str

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon."""

    def run(self) -> None:
        """Show the icon until `stop`."""

    def stop(self) -> None:
        """End `run`."""


class LinuxIcon(StatusIcon):
    """The icon on D-Bus with its fallback.

    `make_fallback` takes a title and makes the X11 icon. It is None where there is no X display; it may raise.
    """

    def __init__(
        self,
        name: str,
        painter: IconPainter,
        open_bus: Callable[[], Bus],
        make_fallback: Callable[[str], FallbackIcon] | None,
        *,
        title: str,
        menu: Callable[[], Sequence[MenuItem]],
        perform: Callable[[MenuItem], None],
        on_opening: Callable[[], None] = lambda: None,
        fallback_seconds: float = FALLBACK_SECONDS,
    ) -> None:
        super().__init__(
            name,
            painter,
            open_bus,
            title=title,
            menu=menu,
            perform=perform,
            on_shown=self._update_fallback,
            on_opening=on_opening,
        )
        self._make_fallback = make_fallback
        self._fallback_seconds = fallback_seconds
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._fallback: FallbackIcon | None = None
        self._spec = IconSpec()

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon, wherever it is."""
        super().show_spec(spec)
        with self._lock:
            self._spec = spec
            if self._fallback is not None:
                self._fallback.show_spec(spec)

    @property
    def title(self) -> str:
        """The tooltip's text."""
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        self._title = title
        self._wake()
        with self._lock:
            if self._fallback is not None:
                self._fallback.title = title

    def run(self, setup: Callable[[Any], None] | None = None) -> None:
        """Call `setup`, then show the icon until `stop`."""
        self._update_fallback(False)  # noqa: FBT003  # the callback's only argument
        try:
            super().run(setup)
        finally:
            self._end_fallback()

    def _update_fallback(self, shown: bool) -> None:  # noqa: FBT001  # a callback's only argument
        if shown:
            self._end_fallback()
            return
        with self._lock:
            if self._timer is None and not self._leaving.is_set():
                self._timer = threading.Timer(self._fallback_seconds, self._begin_fallback)
                self._timer.daemon = True
                self._timer.start()

    def _begin_fallback(self) -> None:
        log.info("no panel shows tray icons over D-Bus; still waiting for one")
        with self._lock:
            if self._timer is None or self._make_fallback is None or self._leaving.is_set():
                return
            try:
                self._fallback = self._make_fallback(self._title)
            except Exception as error:  # Xlib's errors have no base of their own
                log.warning("no X11 icon either: %s", error)
                return
            self._fallback.show_spec(self._spec)
            threading.Thread(target=self._fallback.run, name="x11-icon", daemon=True).start()

    def _end_fallback(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._fallback is not None:
                self._fallback.stop()
                self._fallback = None
