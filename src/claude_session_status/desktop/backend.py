"""Chooses how the icon is shown here: gathers facts, chooses by a pure function, then makes the icon."""

import functools
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.glance import IconSpec
from claude_session_status.menu_items import MenuItem

log = logging.getLogger(__name__)

NAME = "claude-session-status"
RELEASE = "/proc/sys/kernel/osrelease"
ASK_SECONDS = 5.0

ReadMenu = Callable[[], Sequence[MenuItem]]
Perform = Callable[[MenuItem], None]


class Route(StrEnum):
    """How an icon is shown."""

    STATUS_NOTIFIER = "D-Bus (StatusNotifierItem)"
    X11 = "X11 (XEmbed)"
    WINDOWS = "Windows notification area"
    MACOS = "macOS menu bar"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DesktopFacts:
    """What this desktop offers to show an icon. All but `platform` and `aqua` concern Linux and similar systems."""

    platform: str
    aqua: bool = True  # macOS: this login session has the menu bar
    wsl: bool = False  # Linux inside Windows
    bus: bool = False  # a session bus answers
    watcher: bool = False  # a program on the bus takes icons
    host: bool = False  # a panel shows these icons
    x_display: bool = False  # the X display can be opened
    x_named: bool = False  # DISPLAY names one
    wayland: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The route, and in one line why there is none or what its limit is."""

    route: Route
    reason: str = ""
    x11_fallback: bool = False  # an X11 icon may be shown while no panel shows icons on D-Bus


class TrayIcon(Protocol):
    """What the tray needs of an icon: pystray's names, `show_spec` and `run_pending_signals`."""

    title: str
    visible: bool

    @property
    def menu_may_be_open(self) -> bool:
        """Whether the menu must count by the second. Otherwise the icon asks for it when it opens. For any thread."""

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon. For any thread."""

    def update_menu(self) -> None:
        """Read the menu again. For any thread."""

    @property
    def run_pending_signals(self) -> Callable[[], None] | None:
        """Make the main thread run some Python, so that signal handlers run. For any thread.

        None where a signal wakes the loop by itself.
        """

    def run(self, setup: Callable[[Any], None] | None = None) -> None:
        """Show the icon until `stop`. For the main thread."""

    def stop(self) -> None:
        """End `run`. For any thread."""


def choose(facts: DesktopFacts) -> Choice:
    """The best route for the facts."""
    if facts.platform == "win32":
        return Choice(Route.WINDOWS)
    if facts.platform == "darwin":
        if facts.aqua:
            return Choice(Route.MACOS)
        return Choice(Route.NONE, "This session has no menu bar: it was opened by SSH or by a job, not at the Mac")
    if facts.host:
        return Choice(Route.STATUS_NOTIFIER, x11_fallback=facts.x_named)
    if facts.watcher:
        reason = "Tray icons are taken here, but no panel shows them; the icon comes when one does"
        return Choice(Route.STATUS_NOTIFIER, reason, x11_fallback=facts.x_display)
    if facts.wsl:
        reason = "WSL shows no tray icons, and a tray in Windows can't read the sessions in WSL"
        return Choice(Route.NONE, reason)
    if not facts.x_display and not facts.wayland:
        if facts.x_named:
            return Choice(Route.NONE, "The display that DISPLAY names can't be opened")
        return Choice(Route.NONE, "No graphical display found")
    if facts.bus:
        reason = "No panel takes tray icons yet; the icon comes when one does"
        return Choice(Route.STATUS_NOTIFIER, reason, x11_fallback=facts.x_display)
    if facts.x_display:
        return Choice(Route.X11, "There is no D-Bus session bus: the icon has no menu")
    return Choice(Route.NONE, "There is no D-Bus session bus, without which Wayland shows no tray icon")


def gather(environ: Mapping[str, str], platform: str = sys.platform) -> DesktopFacts:
    """Gather the facts. Connects to the session bus and, where that has no panel, to the X display."""
    if platform == "win32":
        return DesktopFacts(platform)
    if platform == "darwin":
        return DesktopFacts(platform, aqua=is_aqua())
    bus, watcher, host = _facts_of_bus(environ)
    x_named = bool(environ.get("DISPLAY"))
    return DesktopFacts(
        platform=platform,
        wsl=is_wsl(environ),
        bus=bus,
        watcher=watcher,
        host=host,
        x_display=x_named and not host and _x_display_opens(environ["DISPLAY"]),
        x_named=x_named,
        wayland=bool(environ.get("WAYLAND_DISPLAY")),
    )


def make_icon(
    choice: Choice,
    environ: Mapping[str, str],
    painter: IconPainter,
    *,
    title: str,
    menu: ReadMenu,
    perform: Perform,
    on_opening: Callable[[], None] = lambda: None,
    on_terminate: Callable[[], None] = lambda: None,
) -> TrayIcon:
    """Make the icon for a route other than NONE. `perform` is called with the item of `menu` that was clicked.

    `on_opening` is called when a menu opens that could not be open before.
    `on_terminate` is called in the main thread where the system ends the process without returning from `run`: macOS
    does so at logout.
    """
    if choice.route is Route.STATUS_NOTIFIER:
        from claude_session_status.desktop.linux.bus import open_session_bus  # noqa: PLC0415  # this platform only
        from claude_session_status.desktop.linux.panel import LinuxIcon  # noqa: PLC0415  # this platform only

        make_fallback = functools.partial(_make_x11_icon, painter, menu, perform) if choice.x11_fallback else None
        open_bus = functools.partial(open_session_bus, environ)
        linux = LinuxIcon(
            NAME, painter, open_bus, make_fallback, title=title, menu=menu, perform=perform, on_opening=on_opening
        )
        return _as_tray_icon(linux)
    if choice.route is Route.X11:
        return _as_tray_icon(_make_x11_icon(painter, menu, perform, title))
    from claude_session_status.desktop.menu import pystray_menu  # noqa: PLC0415  # pystray: not where D-Bus suffices

    printed = pystray_menu(menu, perform)
    if choice.route is Route.WINDOWS:
        from claude_session_status.desktop.windows import WindowsIcon  # noqa: PLC0415  # this platform only

        return _as_tray_icon(WindowsIcon(NAME, painter, title=title, menu=printed))
    from claude_session_status.desktop.macos import MacIcon  # noqa: PLC0415  # this platform only

    return _as_tray_icon(MacIcon(NAME, painter, title=title, menu=printed, on_terminate=on_terminate))


def _as_tray_icon(icon: TrayIcon) -> TrayIcon:
    """Let the type checker compare what it can: pystray's part of an icon has no types."""
    return icon


def _make_x11_icon(painter: IconPainter, menu: ReadMenu, perform: Perform, title: str) -> Any:  # pystray's
    from claude_session_status.desktop.linux.x11_icon import X11Icon  # noqa: PLC0415  # opens a display at import
    from claude_session_status.desktop.menu import pystray_menu  # noqa: PLC0415  # pystray, too

    return X11Icon(NAME, painter, title=title, menu=pystray_menu(menu, perform))


def is_aqua(run: Callable[..., "subprocess.CompletedProcess[str]"] = subprocess.run) -> bool:
    """Whether this process belongs to the Mac's graphical session. AppKit would hang or end the process in another."""
    try:
        done = run(
            ["launchctl", "managername"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("launchctl managername: %s", error)
        return True  # unknown: AppKit is tried
    return done.returncode != 0 or done.stdout.strip() in ("Aqua", "")


def is_wsl(environ: Mapping[str, str], release: str = RELEASE) -> bool:
    """Whether this is Linux inside Windows. `sudo` and services lose the variable, so the kernel's name counts, too."""
    if environ.get("WSL_DISTRO_NAME"):
        return True
    try:
        with open(release, encoding="utf-8", errors="replace") as file:
            return "microsoft" in file.read().lower()
    except OSError:
        return False


def _facts_of_bus(environ: Mapping[str, str]) -> tuple[bool, bool, bool]:
    """Whether a session bus answers, whether a program takes icons on it, and whether a panel shows them."""
    try:
        from claude_session_status.desktop.linux import watcher  # noqa: PLC0415  # Linux only
        from claude_session_status.desktop.linux.bus import (  # noqa: PLC0415  # Linux only
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
            return True, *watcher.find(bus)
        finally:
            bus.close()
    except BusError as error:
        log.info("%s", error)
        return isinstance(error, NoAnswerError), False, False  # slow, as at login: the icon waits for it


def _x_display_opens(name: str) -> bool:
    from claude_session_status.desktop.linux.x_display import opens  # noqa: PLC0415  # slow to import, seldom needed

    return opens(name)
