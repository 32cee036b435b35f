"""Go to session on Windows: raises the window of the session's terminal. Not run on Windows yet.

Windows Terminal has no call that chooses a tab: https://github.com/microsoft/terminal/issues/19783
"""

import sys
from collections.abc import Sequence

from claude_session_status.desktop.go import process
from claude_session_status.desktop.go.outcome import Outcome, Reached
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.window import Window, likeliest, of_nearest
from claude_session_status.model import Process

ADVICE = "Windows Terminal lets no other program choose a tab"


def find(recorded: Process) -> Outcome:
    """Bring the window to the front, and return how far that went."""
    place = process.read(recorded)
    if place is None:
        return Outcome(Reached.NOTHING, "The session's process is not found here", "It has ended")
    window = window_of(place, _windows())
    if window is None or not _activate(window):
        return Outcome(Reached.NOTHING, "The session's window could not be brought to the front", "Look for its title")
    return Outcome(Reached.WINDOW, "Window brought forward; the session may be in another tab", ADVICE)


def window_of(place: Place, windows: Sequence[Window]) -> Window | None:
    """The window of the nearest ancestor that has one; the desktop's own shell is no terminal."""
    mine = [window for window in of_nearest(windows, place) if not _is_explorer(place, window)]
    return likeliest(mine) if mine else None


def _is_explorer(place: Place, window: Window) -> bool:
    return any(up.pid == window.pid and up.name.lower() == "explorer.exe" for up in place.chain)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _user32 = ctypes.WinDLL("user32", use_last_error=True)
    _RESTORE = 9
    _CALLBACK = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)

    def _windows() -> tuple[Window, ...]:
        found: list[Window] = []
        front = _user32.GetForegroundWindow()

        def see(handle: int, _: int) -> bool:
            if _user32.IsWindowVisible(handle) and _user32.GetWindowTextLengthW(handle):
                pid = wintypes.DWORD()
                _user32.GetWindowThreadProcessId(handle, ctypes.byref(pid))
                found.append(Window(str(handle), pid.value, is_active=handle == front))
            return True

        _user32.EnumWindows(_CALLBACK(see), 0)
        return tuple(reversed(found))  # EnumWindows begins with the topmost

    def _activate(window: Window) -> bool:
        handle = int(window.id)
        if _user32.IsIconic(handle):
            _user32.ShowWindow(handle, _RESTORE)
        return bool(_user32.SetForegroundWindow(handle))

else:

    def _windows() -> tuple[Window, ...]:
        return ()

    def _activate(window: Window) -> bool:
        return window.pid is None
