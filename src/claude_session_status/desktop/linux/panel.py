"""The icon on Linux: the one on D-Bus, and the X11 one as its stand-in while no panel shows icons over D-Bus.

The stand-in comes some seconds after the last panel has gone, so that a panel which merely restarts is waited for, and
goes when a panel comes.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux.bus import Bus
from claude_session_status.desktop.linux.status_icon import StatusIcon
from claude_session_status.view import IconSpec

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0

Setup = Callable[[Any], None]


class StandIn(Protocol):
    """What is needed of the X11 icon."""

    title: str
    visible: bool

    def show_spec(self, spec: IconSpec) -> None:
        """Draw the icon anew."""

    def run(self, setup: Setup | None = None) -> None:
        """Show the icon until `stop`."""

    def stop(self) -> None:
        """End `run`."""


class LinuxIcon(StatusIcon):
    """The icon on D-Bus with its stand-in. `make_stand_in` is None where there is no X display; it may raise."""

    def __init__(
        self,
        name: str,
        painter: IconPainter,
        open_bus: Callable[[], Bus],
        make_stand_in: Callable[[str, Any], StandIn] | None,
        *,
        title: str = "",
        menu: Any = None,  # pystray's, without types
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        super().__init__(name, painter, open_bus, title=title, menu=menu, on_panel=self._panel_changed)
        self._make_stand_in = make_stand_in
        self._patience = patience
        self._guard = threading.Lock()
        self._timer: threading.Timer | None = None
        self._stand_in: StandIn | None = None
        self._spec = IconSpec()

    def show_spec(self, spec: IconSpec) -> None:
        """Draw the icon anew, wherever it is."""
        super().show_spec(spec)
        with self._guard:
            self._spec = spec
            if self._stand_in is not None:
                self._stand_in.show_spec(spec)

    def _update_title(self) -> None:
        super()._update_title()
        with self._guard:
            if self._stand_in is not None:
                self._stand_in.title = self._title

    def _run(self) -> None:
        self._panel_changed(False)  # noqa: FBT003  # the callback's only argument
        try:
            super()._run()
        finally:
            self._end_stand_in()

    def _panel_changed(self, shown: bool) -> None:  # noqa: FBT001  # likewise
        if shown:
            self._end_stand_in()
            return
        with self._guard:
            if self._timer is None and not self._leaving.is_set():
                self._timer = threading.Timer(self._patience, self._begin_stand_in)
                self._timer.daemon = True
                self._timer.start()

    def _begin_stand_in(self) -> None:
        log.info("no panel shows tray icons over D-Bus; still waiting for one")
        with self._guard:
            if self._timer is None or self._make_stand_in is None or self._leaving.is_set():
                return
            try:
                self._stand_in = self._make_stand_in(self._title, self._menu)
            except Exception as error:  # Xlib's errors have no base of their own
                log.warning("no X11 icon either: %s", error)
                return
            self._stand_in.show_spec(self._spec)
            threading.Thread(target=self._stand_in.run, name="x11-icon", daemon=True).start()

    def _end_stand_in(self) -> None:
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._stand_in is not None:
                self._stand_in.stop()
                self._stand_in = None
