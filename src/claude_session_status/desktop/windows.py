"""The icon on Windows: pystray's, with every Windows call made in the message loop's thread.

pystray destroys and rebuilds the native menu in whatever thread updates it; while the menu is open that loses the
click, and later left clicks as well. So the menu is built when it is about to open, and stays as it is while it is
open.

The shell sometimes refuses an icon or a change, most often at login when it is busy, and pystray does not check. So a
refused icon is added again as a new one. And pystray answers 0 to every unknown message, which for Windows means that
the login session may not end.
"""

import ctypes
import logging
from typing import Any

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.notify.base import fit
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.glance import IconSpec

from pystray._util import win32  # isort: skip  # after pystray_base, which keeps pystray's choice of a backend quiet
from pystray._win32 import Icon as PystrayWindowsIcon  # isort: skip

log = logging.getLogger(__name__)

IMAGE_SIZE = 64  # saved as an .ico, which holds the smaller sizes as well
LIMITS = {"szTip": 127, "szInfo": 255, "szInfoTitle": 63}  # UTF-16 units; one more raises ValueError
WM_REFRESH = win32.WM_USER + 40
WM_CLOSE = 0x0010  # taskkill, and installers that want our files
WM_QUERYENDSESSION = 0x0011
WM_ENDSESSION = 0x0016


class ShellRefusedError(OSError):
    """The shell refused an icon or a notification; it gives no reason."""


class WindowsIcon(PystrayWindowsIcon):  # type: ignore[misc]  # pystray ships no types
    """The icon. Setters store the new value and post a message; the loop applies it."""

    def __init__(self, name: str, painter: IconPainter, *, title: str, menu: Menu) -> None:
        self._painter = painter
        self._menu_handle: Any = None
        self._menu_open = False
        self._to_add = False  # the shell does not have the icon yet, or has lost it
        self._added = False
        self._shown: tuple[Any, str] | None = None
        super().__init__(name, painter.image(IconSpec(), IMAGE_SIZE), title, menu)
        self._message_handlers |= {
            WM_REFRESH: self._on_refresh,
            WM_CLOSE: lambda _wparam, _lparam: self._stop(),
            WM_QUERYENDSESSION: lambda _wparam, _lparam: True,
            WM_ENDSESSION: lambda ends, _lparam: self._stop() if ends else None,
        }

    # ---- for any thread -----------------------------------------------------

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon."""
        self.icon = self._painter.image(spec, IMAGE_SIZE)

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
        self._icon_valid = True
        self._post()

    def _update_title(self) -> None:
        self._post()

    def _update_menu(self) -> None:
        """Nothing: the menu is built when it opens."""

    # ---- in the message loop ------------------------------------------------

    def _on_refresh(self, _wparam: int, _lparam: int) -> None:
        target = (self._icon, self._title)
        try:
            if self._to_add:
                self._hide()  # an icon that is still there could not be added
                self._release_icon()
                super()._show()
                self._to_add, self._added = False, True
            elif self._added and target != self._shown:
                icon, title = self._shown or (None, "")
                if icon is not self._icon:
                    super()._update_icon()
                if title != self._title:
                    super()._update_title()
        except ShellRefusedError as error:
            log.warning("%s", error)
            self._to_add = True  # at the next turn of the monitor
        else:
            self._shown = target

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
