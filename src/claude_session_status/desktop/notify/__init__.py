"""Ways to show a notification behind one protocol, and the order in which they are tried."""

import functools
from collections.abc import Mapping

from claude_session_status.desktop.notify.base import Attempt, Notifier, NotifyOutcome, OnPress, ignore_press
from claude_session_status.desktop.notify.chain import Chain
from claude_session_status.desktop.notify.through_icon import IconNotifier, NotifyingIcon
from claude_session_status.desktop.notify.through_osascript import OsascriptNotifier
from claude_session_status.desktop.notify.through_plyer import PlyerNotifier

__all__ = ["Attempt", "Chain", "Notifier", "NotifyOutcome", "OnPress", "chain_for"]


def chain_for(
    platform: str,
    environ: Mapping[str, str],
    icon: NotifyingIcon | None = None,
    on_press: OnPress = ignore_press,
) -> Chain:
    """The ways on a platform, best first. `icon` is needed on Windows; without it that way is left out.

    `on_press` is called with the action of a button that is pressed; it must return at once.
    """
    plyer = PlyerNotifier(platform)
    if platform == "win32":
        return Chain([*([IconNotifier(icon)] if icon is not None else []), plyer])
    if platform == "darwin":
        return Chain([OsascriptNotifier(environ), plyer])
    return Chain([*_freedesktop(environ, on_press), plyer])


def _freedesktop(environ: Mapping[str, str], on_press: OnPress) -> list[Notifier]:
    try:
        from claude_session_status.desktop.linux.bus import open_session_bus  # noqa: PLC0415  # jeepney: Linux only
        from claude_session_status.desktop.notify.freedesktop import FreedesktopNotifier  # noqa: PLC0415  # Linux only
    except ImportError:
        return []
    return [FreedesktopNotifier(functools.partial(open_session_bus, environ), on_press)]
