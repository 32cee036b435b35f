"""Which way a notification would go, found out without sending one."""

import importlib.util
import shutil
from collections.abc import Mapping


def way_of(platform: str, environ: Mapping[str, str]) -> str | None:
    """The first way of `chain_for` that is there; None when nobody would show anything."""
    if platform == "win32":
        return "tray icon"
    if platform == "darwin":
        return "plyer" if importlib.util.find_spec("pyobjus") else "tray icon (osascript)"
    if _service_answers(environ):
        return "D-Bus (org.freedesktop.Notifications)"
    return "notify-send, which does not say whether anybody showed it" if shutil.which("notify-send") else None


def _service_answers(environ: Mapping[str, str]) -> bool:
    try:
        from claude_session_status.desktop.linux import bus as dbus  # noqa: PLC0415 - jeepney: Linux only
        from claude_session_status.desktop.notify.freedesktop import SERVICE  # noqa: PLC0415 - likewise
    except ImportError:
        return False
    try:
        bus = dbus.open_session_bus(environ)
    except dbus.BusError:
        return False
    try:
        target = dbus.Target(dbus.BUS_NAME, dbus.BUS_PATH, dbus.BUS_NAME)
        return bus.owner_of(SERVICE) is not None or SERVICE in bus.ask(target, "ListActivatableNames")[0]
    except (dbus.BusError, dbus.CallError):
        return False
    finally:
        bus.close()
