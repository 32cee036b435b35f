"""The windows of a desktop, as values, and the protocol of what lists them and brings one to the front."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from claude_session_status.desktop.go.place import Place


@dataclass(frozen=True, slots=True)
class Window:
    """A window. `id` is the window manager's name for it."""

    id: str
    pid: int | None
    title: str = ""
    is_active: bool = False
    wants_attention: bool = False


class WindowManager(Protocol):
    """Lists windows, and brings one to the front."""

    name: str
    lists_all: bool  # whether it lists the windows of every program

    def windows(self) -> tuple[Window, ...] | None:
        """All windows, the newest last; None where the desktop does not list them."""

    def activate(self, window: Window) -> bool:
        """Bring the window to the front and give it the focus. Whether that has worked, as far as it can be seen."""

    def window_named(self, place: Place) -> str | None:
        """The id of the window that the process's environment names; None where there is none."""

    def close(self) -> None:
        """Close connections."""


def of_nearest(windows: Sequence[Window], place: Place) -> tuple[Window, ...]:
    """The windows of the nearest ancestor that has any."""
    owner = place.nearest(owners(windows))
    return tuple(window for window in windows if owner is not None and window.pid == owner.pid)


def owners(windows: Sequence[Window]) -> Collection[int]:
    """The processes that own a window."""
    return {window.pid for window in windows if window.pid is not None}


def titled(windows: Sequence[Window], text: str) -> Window | None:
    """The only window whose title contains the text."""
    found = [window for window in windows if text and text in window.title]
    return found[0] if len(found) == 1 else None


def likeliest(windows: Sequence[Window]) -> Window:
    """The best guess among several windows of one process: the one that asks for attention, the active or newest."""
    return max(windows, key=lambda window: (window.wants_attention, window.is_active, windows.index(window)))
