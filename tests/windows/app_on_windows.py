"""Runs in the Windows Python: the tray with its made-up monitor, and a report of what Windows really shows.

It accepts the lines of `desktop/fake_app.py` on standard input, and these:

- `{"look": 7}`: it prints a line `{"look": 7, "menus": [LINES, ...], "tips": [...], "pixels": ..., "flags": ...}` on
  standard output: the lines of the open menu and of its open submenus, `{"label": ..., "grey": ..., "more": ...,
  "lit": ..., "x": ..., "y": ...}` with the middle of each on the screen, the texts of the visible tooltips and
  balloons, how many pixels wide the icon is, and the `dwInfoFlags` of the last notification;
- `{"title": text}` sets the tooltip;
- `{"close": true}`, `{"end_session": true}`: the icon's window gets what `taskkill` and the end of a session send;
- `{"forget": true}`, `{"taskbar_created": true}`: the shell forgets the icon; a new shell announces itself.

REFUSED_BY_THE_SHELL and REFUSED_TOASTS in the environment say how many icons and notifications the shell refuses first.
"""

import ctypes
import json
import os
import sys
from collections.abc import Iterator
from ctypes import wintypes
from pathlib import Path
from typing import Any, TextIO

sys.path.insert(0, str(Path(__file__).parents[1] / "desktop"))

import fake_app  # type: ignore[import-not-found]  # found by the path above

user32: Any = ctypes.windll.user32  # type: ignore[attr-defined]  # Windows only
user32.SendMessageW.restype = ctypes.c_ssize_t
user32.SendMessageW.argtypes = (wintypes.HWND, wintypes.UINT, wintypes.WPARAM, ctypes.c_void_p)
user32.FindWindowExW.restype = wintypes.HWND
user32.FindWindowExW.argtypes = (wintypes.HWND, wintypes.HWND, wintypes.LPCWSTR, wintypes.LPCWSTR)
user32.GetMenuItemCount.argtypes = (wintypes.HMENU,)
user32.GetMenuStringW.argtypes = (wintypes.HMENU, wintypes.UINT, wintypes.LPWSTR, ctypes.c_int, wintypes.UINT)
user32.GetMenuState.argtypes = (wintypes.HMENU, wintypes.UINT, wintypes.UINT)
user32.GetMenuItemRect.argtypes = (wintypes.HWND, wintypes.HMENU, wintypes.UINT, ctypes.POINTER(wintypes.RECT))
user32.IsWindowVisible.argtypes = (wintypes.HWND,)

POPUP_MENU = "#32768"
MN_GETHMENU = 0x01E1
MF_BYPOSITION = 0x0400
MF_GRAYED, MF_DISABLED, MF_POPUP, MF_HILITE = 1, 2, 0x10, 0x80
WM_GETTEXT = 0x000D
WM_CLOSE, WM_QUERYENDSESSION, WM_ENDSESSION = 0x10, 0x11, 0x16
LONGEST = 1024

flags: list[int] = []  # of the last notification


def menus() -> list[list[dict[str, Any]]]:
    """The lines of the menu that is open, then those of its open submenu; empty when none is."""
    return [lines_of(window) for window in reversed(visible(POPUP_MENU))]  # the newest is on top


def visible(kind: str) -> list[Any]:
    """The windows of this class that can be seen, the topmost first."""
    found, window = [], None
    while window := user32.FindWindowExW(None, window, kind, None):
        if user32.IsWindowVisible(window):
            found.append(window)
    return found


def lines_of(window: Any) -> list[dict[str, Any]]:
    handle = user32.SendMessageW(window, MN_GETHMENU, 0, None)
    lines = []
    for position in range(max(0, user32.GetMenuItemCount(handle))):
        text = ctypes.create_unicode_buffer(LONGEST)
        user32.GetMenuStringW(handle, position, text, LONGEST, MF_BYPOSITION)
        place = wintypes.RECT()
        user32.GetMenuItemRect(window, handle, position, ctypes.byref(place))
        state = user32.GetMenuState(handle, position, MF_BYPOSITION)
        x, y = (place.left + place.right) // 2, (place.top + place.bottom) // 2
        grey, more = bool(state & (MF_GRAYED | MF_DISABLED)), bool(state & MF_POPUP)
        lines.append({"label": text.value, "grey": grey, "more": more, "lit": bool(state & MF_HILITE), "x": x, "y": y})
    return lines


def tips() -> list[str]:
    """The texts of all visible tooltips, balloons among them."""
    found = []
    for window in visible("tooltips_class32"):
        text = ctypes.create_unicode_buffer(LONGEST)
        user32.SendMessageW(window, WM_GETTEXT, LONGEST, ctypes.cast(text, ctypes.c_void_p))
        found.append(text.value)
    return found


class Bitmap(ctypes.Structure):
    """BITMAP."""

    _fields_ = (
        *((name, wintypes.LONG) for name in ("bmType", "bmWidth", "bmHeight", "bmWidthBytes")),
        *(("bmPlanes", wintypes.WORD), ("bmBitsPixel", wintypes.WORD), ("bmBits", ctypes.c_void_p)),
    )


class IconInfo(ctypes.Structure):
    """ICONINFO."""

    _fields_ = (
        *(("fIcon", wintypes.BOOL), ("xHotspot", wintypes.DWORD), ("yHotspot", wintypes.DWORD)),
        *(("hbmMask", wintypes.HBITMAP), ("hbmColor", wintypes.HBITMAP)),
    )


def pixels() -> int | None:
    """How many pixels wide the icon is that the shell was given; None where there is none yet."""
    from pystray._win32 import Icon

    handle = next((icon._icon_handle for icon in list(Icon._HWND_TO_ICON.values())), None)
    found, bitmap = IconInfo(), Bitmap()
    if not handle or not user32.GetIconInfo(wintypes.HICON(handle), ctypes.byref(found)):
        return None
    gdi32: Any = ctypes.windll.gdi32  # type: ignore[attr-defined]  # Windows only
    gdi32.GetObjectW(wintypes.HBITMAP(found.hbmColor), ctypes.sizeof(bitmap), ctypes.byref(bitmap))
    for made in (found.hbmMask, found.hbmColor):
        gdi32.DeleteObject(wintypes.HBITMAP(made))
    return int(bitmap.bmWidth)


def our_icon() -> tuple[Any, Any]:
    """Our icon and its window."""
    from pystray._win32 import Icon

    window, icon = next(iter(Icon._HWND_TO_ICON.items()))
    return icon, window


def icons_window() -> Any:
    return our_icon()[1]


def send(command: dict[str, Any]) -> bool:
    """Send the icon's window the requested message; whether one was requested."""
    if "close" in command:
        user32.PostMessageW(icons_window(), WM_CLOSE, 0, 0)
    elif "title" in command:
        our_icon()[0].title = command["title"]
    elif "forget" in command:
        from pystray._util import win32

        size = ctypes.sizeof(win32.NOTIFYICONDATAW)
        win32.Shell_NotifyIcon(win32.NIM_DELETE, win32.NOTIFYICONDATAW(cbSize=size, hWnd=icons_window()))
    elif "taskbar_created" in command:
        user32.PostMessageW(icons_window(), user32.RegisterWindowMessageW("TaskbarCreated"), 0, 0)
    elif "end_session" in command:
        window = icons_window()
        answer = user32.SendMessageW(window, WM_QUERYENDSESSION, 0, None)
        print("may the session end:", bool(answer & 0xFFFFFFFF), file=sys.stderr, flush=True)
        user32.SendMessageW(window, WM_ENDSESSION, 1, None)
    else:
        return False
    return True


def watch_the_shell() -> None:
    """Make the shell refuse the first icons and notifications, as a busy shell does, and record how it notifies."""
    import claude_session_status.desktop.pystray_base  # noqa: F401 - first, as it chooses pystray's backend
    from pystray._util import win32  # isort: skip

    ask: Any = win32.Shell_NotifyIcon
    left = {
        "icons": int(os.environ.get("REFUSED_BY_THE_SHELL", "0")),
        "toasts": int(os.environ.get("REFUSED_TOASTS", "0")),
    }

    def shell_notify_icon(code: int, data: Any) -> bool:
        if data.uFlags & win32.NIF_INFO and data.szInfo:
            flags[:] = [data.dwInfoFlags]
        kind = "icons" if code == win32.NIM_ADD else "toasts" if data.uFlags & win32.NIF_INFO else ""
        if left.get(kind):
            left[kind] -= 1
            return False
        return bool(ask(code, data))

    win32.Shell_NotifyIcon = shell_notify_icon


def others(stream: TextIO) -> Iterator[str]:
    """The lines for the made-up monitor; the others are handled here."""
    for line in stream:
        command = json.loads(line)
        if "look" in command:
            seen = {"menus": menus(), "tips": tips(), "pixels": pixels(), "flags": flags[-1] if flags else None}
            print(json.dumps({"look": command["look"], **seen}), flush=True)
        elif not send(command):
            yield line


if __name__ == "__main__":
    watch_the_shell()
    sys.stdin = others(sys.stdin)  # the monitor only reads lines from it
    sys.exit(fake_app.main())
