"""The icon on Windows: pystray's, with every Windows call made in the message loop's thread.

pystray destroys and rebuilds the native menu in whatever thread updates it; while the menu is open that loses the
click, and later left clicks as well. So the menu is built when it is about to open, and stays as it is while it is
open.

Windows enlarges what a program without DPI awareness draws. So this process is aware, and the icon is drawn in exactly
the pixels that the notification area has for it.

The shell sometimes refuses an icon or a change, most often at login when it is busy, and pystray does not check. So a
refused icon is added again as a new one. And pystray answers 0 to every unknown message, which for Windows means that
the login session may not end.
"""

import contextlib
import ctypes
import functools
import logging
import os
import tempfile
from collections.abc import Callable
from ctypes import wintypes
from typing import Any

from PIL import Image

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.notify.base import fit
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.glance import IconSpec

from pystray._util import win32  # isort: skip  # after pystray_base, which keeps pystray's choice of a backend quiet
from pystray._win32 import Icon as PystrayWindowsIcon  # isort: skip

log = logging.getLogger(__name__)

USUAL_PIXELS = 16  # of an icon, at 100 %
LIMITS = {"szTip": 127, "szInfo": 255, "szInfoTitle": 63}  # UTF-16 units; one more raises ValueError
WM_REFRESH = win32.WM_USER + 40
WM_CLOSE = 0x0010  # taskkill, and installers that want our files
WM_QUERYENDSESSION = 0x0011
WM_ENDSESSION = 0x0016
WM_DPICHANGED = 0x02E0
SM_CXSMICON = 49
PER_MONITOR_AWARE_V2 = ctypes.c_void_p(-4)
NIIF_NOSOUND = 0x10
NIIF_RESPECT_QUIET_TIME = 0x80


class ShellRefusedError(OSError):
    """The shell refused an icon or a notification; it gives no reason."""


class WindowsIcon(PystrayWindowsIcon):  # type: ignore[misc]  # pystray ships no types
    """The icon. Setters store the new value and post a message; the loop applies it."""

    menu_may_be_open = False  # it is built when it opens, and stays as it is while it is open

    def __init__(self, name: str, painter: IconPainter, *, title: str, menu: Menu) -> None:
        self._painter = painter
        self._menu_handle: Any = None
        self._menu_open = False
        self._to_add = False  # the shell does not have the icon yet, or has lost it
        self._added = False
        self._shown: tuple[IconSpec, str] | None = None
        self._spec = IconSpec()
        self._icon_handle: Any = None
        become_dpi_aware()  # before the first window
        super().__init__(name, painter.image(IconSpec(), USUAL_PIXELS), title, menu)
        self._message_handlers |= {
            WM_REFRESH: self._on_refresh,
            WM_DPICHANGED: self._on_display_change,
            WM_CLOSE: lambda _wparam, _lparam: self._stop(),
            WM_QUERYENDSESSION: lambda _wparam, _lparam: True,
            WM_ENDSESSION: lambda ends, _lparam: self._stop() if ends else None,
        }

    # ---- for any thread -----------------------------------------------------

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon."""
        self._spec = spec
        self._post()

    def notify(self, message: str, title: str, *, sound: bool = False) -> None:
        """Show a notification, unless the user wants quiet. Raises ShellRefusedError."""
        flags = NIIF_RESPECT_QUIET_TIME | (0 if sound else NIIF_NOSOUND)
        self._message(win32.NIM_MODIFY, win32.NIF_INFO, szInfo=message, szInfoTitle=title, dwInfoFlags=flags)

    def run_pending_signals(self) -> None:
        """Run the message loop once, so that Python handles a Ctrl-C."""
        self._post()

    def _post(self) -> None:
        if self._hwnd:
            win32.PostMessage(self._hwnd, WM_REFRESH, 0, 0)

    def _show(self) -> None:
        self._to_add = True
        self._post()

    def _update_icon(self) -> None:
        self._icon_valid = True  # pystray asks for this once, before it shows the icon
        self._post()

    def _update_title(self) -> None:
        self._post()

    def _update_menu(self) -> None:
        """Nothing: the menu is built when it opens."""

    # ---- in the message loop ------------------------------------------------

    def _mainloop(self) -> None:
        self._HWND_TO_ICON[self._menu_hwnd] = _MenuWindow(self._menu_hwnd, self._stop)
        try:
            super()._mainloop()
        finally:
            del self._HWND_TO_ICON[self._menu_hwnd]

    def _on_refresh(self, _wparam: int, _lparam: int) -> None:
        target = (self._spec, self._title)
        try:
            if self._to_add:
                self._hide()  # an icon that is still there could not be added
                self._release_icon()
                super()._show()
                self._to_add, self._added = False, True
            elif self._added and target != self._shown:
                spec, title = self._shown or (None, "")
                if spec != self._spec:
                    super()._update_icon()
                if title != self._title:
                    super()._update_title()
        except ShellRefusedError as error:
            log.warning("%s", error)
            self._to_add = True  # when the next message comes, within a second
        else:
            self._shown = target

    def _on_display_change(self, _wparam: int, _lparam: int) -> None:
        """Draw the icon again where its pixels have changed."""
        self._shown = None
        self._post()

    def _assert_icon_handle(self) -> None:
        """Draw the icon in the pixels that it has on the screen. pystray's own has 32, which Windows then scales."""
        if not self._icon_handle:
            pixels = icon_pixels(self._hwnd)
            self._icon_handle = load_icon(self._painter.image(self._spec, pixels), pixels)

    def _on_notify(self, wparam: int, lparam: int) -> None:
        if lparam != win32.WM_RBUTTONUP:
            super()._on_notify(wparam, lparam)
        elif not self._menu_open:  # an open menu runs a loop of its own, in which a second click arrives here
            self._menu_open = True
            try:
                super()._update_menu()
                super()._on_notify(wparam, lparam)
            finally:
                self._menu_open = False

    def _create_menu_item(self, descriptor: Any, callbacks: list[Any]) -> Any:  # pystray has no types
        info = super()._create_menu_item(descriptor, callbacks)
        if descriptor is not Menu.SEPARATOR:
            info.dwTypeData = descriptor.text.replace("&", "&&")  # a single one marks the letter to press
        return info

    def _message(self, code: int, flags: int, **values: Any) -> None:  # no types
        kept = {key: fit(value, LIMITS[key]) if key in LIMITS else value for key, value in values.items()}
        size = ctypes.sizeof(win32.NOTIFYICONDATAW)
        data = win32.NOTIFYICONDATAW(cbSize=size, hWnd=self._hwnd, uFlags=flags, **kept)
        if not win32.Shell_NotifyIcon(code, data) and code != win32.NIM_DELETE:
            raise ShellRefusedError(f"{'notification' if flags & win32.NIF_INFO else 'icon'} refused by the shell")


class _MenuWindow:
    """Ends the tray when the menu's own window is asked to close. `taskkill` asks every window.

    Windows would destroy that window, and pystray fails to destroy it once more.
    """

    def __init__(self, window: Any, stop: Callable[[], None]) -> None:
        self._window = window
        self._stop = stop
        self._message_handlers = self  # where pystray looks a message up
        self._log = log

    def get(self, message: int, _default: object) -> Callable[[int, int], Any]:
        """What handles a message: for all others what Windows does by itself."""
        if message == WM_CLOSE:
            return lambda _wparam, _lparam: self._stop()
        return functools.partial(win32.DefWindowProc, self._window, message)


def become_dpi_aware() -> None:
    """Have Windows scale nothing of this process. Changes nothing where its manifest decides."""
    with contextlib.suppress(AttributeError, OSError):
        ask = ctypes.windll.user32.SetProcessDpiAwarenessContext  # type: ignore[attr-defined]  # Windows only
        ask.argtypes = (ctypes.c_void_p,)
        ask(PER_MONITOR_AWARE_V2)


def icon_pixels(window: Any) -> int:
    """How many pixels wide the notification area draws an icon on the window's screen."""
    user32: Any = ctypes.windll.user32  # type: ignore[attr-defined]  # Windows only
    try:
        pixels = int(user32.GetSystemMetricsForDpi(SM_CXSMICON, user32.GetDpiForWindow(wintypes.HWND(window))))
    except AttributeError:  # before Windows 10 1607
        pixels = int(user32.GetSystemMetrics(SM_CXSMICON))
    return pixels or USUAL_PIXELS


def load_icon(image: Image.Image, pixels: int) -> Any:
    """Load the image as an icon of exactly its size; return the handle. Raises OSError."""
    descriptor, path = tempfile.mkstemp(".ico")
    try:
        with open(descriptor, "wb") as file:
            image.save(file, "ICO", sizes=[image.size])  # without sizes, Pillow saves only 16, 24, 32 and so on
        return win32.LoadImage(None, path, win32.IMAGE_ICON, pixels, pixels, win32.LR_LOADFROMFILE)
    finally:
        os.unlink(path)
