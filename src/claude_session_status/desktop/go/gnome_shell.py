"""GNOME on Wayland: the shell neither lists windows nor lets a program raise another's.

Only the program that owns a window can raise it, with an activation token. Windows of X11 programs are reached as on
X11, through Xwayland.
"""

from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.window import Window

SERVICE = "org.gnome.Shell"


class GnomeShell:
    """No window can be listed or raised."""

    name = "GNOME on Wayland"
    lists_all = False

    def close(self) -> None:
        """Nothing is open."""

    def windows(self) -> tuple[Window, ...] | None:
        """None: they are not listed."""
        return None

    def window_named(self, place: Place) -> str | None:  # noqa: ARG002 - no variable names a window
        """None: there is no such variable on Wayland."""
        return None

    def activate(self, window: Window) -> bool:  # noqa: ARG002 - there is none
        """Not possible."""
        return False
