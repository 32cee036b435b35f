"""Which way a notification would take, found out without sending one."""

import shutil
from collections.abc import Mapping


def way_of(platform: str, environ: Mapping[str, str]) -> str | None:
    """The first way of `chain_for` that is available; None when nothing would be shown."""
    if platform == "win32":
        return "tray icon"
    if platform == "darwin":
        return "osascript, which does not report whether it was shown"
    if _service_answers(environ):
        return "D-Bus (org.freedesktop.Notifications)"
    return "notify-send, which does not report whether it was shown" if shutil.which("notify-send") else None


def _service_answers(environ: Mapping[str, str]) -> bool:
    try:
        from claude_session_status.desktop.linux import bus as dbus  # noqa: PLC0415 - jeepney: Linux only
        from claude_session_status.desktop.notify.freedesktop import SERVICE  # noqa: PLC0415 - Linux only
    except ImportError:
        return False
    try:
        bus = dbus.open_session_bus(environ)
    except dbus.BusError:
        return False
    try:
        return bus.owner_of(SERVICE) is not None or SERVICE in bus.ask(dbus.THE_BUS, "ListActivatableNames")[0]
    except (dbus.BusError, dbus.CallError):
        return False
    finally:
        bus.close()
