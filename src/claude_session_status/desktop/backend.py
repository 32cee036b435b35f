"""Which way the icon gets onto the screen here: facts are gathered, the choice is pure, the making comes last."""

import functools
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.view import IconSpec

log = logging.getLogger(__name__)

NAME = "claude-session-status"


class Route(StrEnum):
    """How an icon is shown."""

    STATUS_NOTIFIER = "D-Bus (StatusNotifierItem)"
    X11 = "X11 (XEmbed)"
    WINDOWS = "Windows notification area"
    MACOS = "macOS menu bar"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DesktopFacts:
    """What is there to show an icon on. All but `platform` concern Linux and its like."""

    platform: str
    bus: bool = False  # a session bus answers
    watcher: bool = False  # somebody takes icons on it
    host: bool = False  # and has a panel that shows them
    x_display: bool = False  # an X display can be opened
    x_named: bool = False  # one is named
    wayland: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The route, and in one line why it is none or which shortcoming it has."""

    route: Route
    reason: str = ""
    stand_in: bool = False  # an X11 icon may be shown while no panel shows icons on D-Bus


class TrayIcon(Protocol):
    """What the tray needs of an icon: pystray's API, and `show_spec` and `poke`."""

    title: str
    visible: bool

    def show_spec(self, spec: IconSpec) -> None:
        """Draw the icon anew. For any thread."""

    def update_menu(self) -> None:
        """Read the menu anew. For any thread."""

    def poke(self) -> None:
        """Let the main thread run a little Python, for the sake of signals. For any thread."""

    def run(self, setup: Callable[[Any], None] | None = None) -> None:
        """Show the icon until `stop`. For the main thread."""

    def stop(self) -> None:
        """End `run`. For any thread."""


def choose(facts: DesktopFacts) -> Choice:
    """The best route for the facts."""
    if facts.platform == "win32":
        return Choice(Route.WINDOWS)
    if facts.platform == "darwin":
        return Choice(Route.MACOS)
    if facts.host:
        return Choice(Route.STATUS_NOTIFIER, stand_in=facts.x_named)
    if facts.watcher:
        reason = "Tray icons are taken here, but no panel shows them; the icon comes when one does"
        return Choice(Route.STATUS_NOTIFIER, reason, stand_in=facts.x_display)
    if not facts.x_display and not facts.wayland:
        if facts.x_named:
            return Choice(Route.NONE, "The display that DISPLAY names can't be opened")
        return Choice(Route.NONE, "There is no graphical display here")
    if facts.bus:
        reason = "No panel takes tray icons yet; the icon comes when one does"
        return Choice(Route.STATUS_NOTIFIER, reason, stand_in=facts.x_display)
    if facts.x_display:
        return Choice(Route.X11, "There is no D-Bus session bus: the icon has no menu")
    return Choice(Route.NONE, "There is no D-Bus session bus, without which Wayland shows no tray icon")


def gather(environ: Mapping[str, str], platform: str = sys.platform) -> DesktopFacts:
    """Look around. Opens a connection to the session bus and, where that has no panel, one to the X display."""
    if platform in ("win32", "darwin"):
        return DesktopFacts(platform)
    bus, watcher, host = _look_at_bus(environ)
    x_named = bool(environ.get("DISPLAY"))
    return DesktopFacts(
        platform=platform,
        bus=bus,
        watcher=watcher,
        host=host,
        x_display=x_named and not host and _x_display_opens(environ["DISPLAY"]),
        x_named=x_named,
        wayland=bool(environ.get("WAYLAND_DISPLAY")),
    )


def make_icon(
    choice: Choice, environ: Mapping[str, str], painter: IconPainter, title: str, menu: Any
) -> TrayIcon:  # pystray's menu has no types
    """Make the icon for a route other than NONE."""
    if choice.route is Route.WINDOWS:
        from claude_session_status.desktop.windows import WindowsIcon  # noqa: PLC0415  # this platform only

        return _as_tray_icon(WindowsIcon(NAME, painter, title=title, menu=menu))
    if choice.route is Route.MACOS:
        from claude_session_status.desktop.macos import MacIcon  # noqa: PLC0415  # this platform only

        return _as_tray_icon(MacIcon(NAME, painter, title=title, menu=menu))
    if choice.route is Route.X11:
        return _as_tray_icon(_make_x11_icon(painter, title, menu))
    from claude_session_status.desktop.linux.bus import open_session_bus  # noqa: PLC0415  # this platform only
    from claude_session_status.desktop.linux.panel import LinuxIcon  # noqa: PLC0415  # this platform only

    make_stand_in = functools.partial(_make_x11_icon, painter) if choice.stand_in else None
    open_bus = functools.partial(open_session_bus, environ)
    return _as_tray_icon(LinuxIcon(NAME, painter, open_bus, make_stand_in, title=title, menu=menu))


def _as_tray_icon(icon: TrayIcon) -> TrayIcon:
    """Have the type checker see what it can: pystray's part of an icon has no types."""
    return icon


def _make_x11_icon(painter: IconPainter, title: str, menu: Any) -> Any:  # likewise
    from claude_session_status.desktop.linux.x11_icon import X11Icon  # noqa: PLC0415  # opens a display at import

    return X11Icon(NAME, painter, title=title, menu=menu)


def _look_at_bus(environ: Mapping[str, str]) -> tuple[bool, bool, bool]:
    """Whether a session bus answers, whether somebody takes icons on it, and whether a panel shows these."""
    try:
        from claude_session_status.desktop.linux import watcher  # noqa: PLC0415  # Linux only
        from claude_session_status.desktop.linux.bus import (  # noqa: PLC0415  # likewise
            BusError,
            NoAnswerError,
            open_session_bus,
        )
    except ImportError as error:
        log.info("no D-Bus: %s", error)
        return False, False, False
    try:
        bus = open_session_bus(environ)
        try:
            return True, *watcher.look(bus)
        finally:
            bus.close()
    except BusError as error:
        log.info("%s", error)
        return isinstance(error, NoAnswerError), False, False  # slow, as at login, but there: the icon waits for it


def _x_display_opens(name: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # when Xlib fails it leaves its sockets lying
        try:
            from Xlib.display import Display  # noqa: PLC0415  # slow to import, and seldom needed

            Display(name).close()
        except Exception as error:  # Xlib's errors have no base of their own
            log.info("X display %s: %s", name, error)
            return False
    return True
