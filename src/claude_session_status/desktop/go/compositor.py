"""What the Wayland compositors with a socket of their own have in common."""

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place


class Compositor:
    """The base of a window manager that is asked over the socket at `path`."""

    lists_all = True

    def __init__(self, edge: Edge, path: str) -> None:
        self._edge = edge
        self._path = path

    def window_named(self, place: Place) -> str | None:  # noqa: ARG002 - no variable names a window
        """None: there is no such variable on Wayland."""
        return None

    def close(self) -> None:
        """Nothing stays open: each question has a connection of its own."""
