"""The whole screen, drawn in place line by line.

Lines are placed by their number and cells by their column, and the terminal is kept from wrapping. So a line that it
draws wider than we believe loses its end, and moves no other line. Nothing is cleared first, so nothing flickers, and
only lines that have changed are written.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Self

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment

from claude_session_status.cli import table
from claude_session_status.cli.table import Line

_WRAP_OFF, _WRAP_ON = "\x1b[?7l", "\x1b[?7h"


class Display:
    """A terminal's alternate screen. Its methods may be called from any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._drawn: tuple[Line, ...] = ()
        self._size = (0, 0)

    def __enter__(self) -> Self:
        """Open it."""
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def open(self) -> None:
        """Switch to the alternate screen, without a cursor and without wrapping."""
        with self._lock:
            self._size = (0, 0)
            self._console.set_alt_screen(enable=True)
            self._console.show_cursor(show=False)
            self._write(_WRAP_OFF)

    def close(self) -> None:
        """Switch back: the screen, the cursor and the wrapping are as they were before."""
        with self._lock:
            self._write(_WRAP_ON)
            self._console.set_alt_screen(enable=False)
            self._console.show_cursor(show=True)

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines from the top."""
        with self._lock:
            size = self._console.size
            is_new = size != self._size
            drawn = () if is_new else self._drawn
            self._size, self._drawn = size, tuple(lines[: size.height])
            changed = list(self._changes(drawn, size.width, size.height))
            if is_new:
                changed[:0] = self._blank(size.height)
            if changed:
                self._console.print(table.for_console(self._console, changed), end="", crop=False)

    def _blank(self, height: int) -> Iterable[Segment]:
        if self._console.legacy_windows:  # rich has no CLEAR there
            for number in range(height):
                yield Control.move_to(0, number).segment
                yield Control((ControlType.ERASE_IN_LINE, 2)).segment
        else:
            yield Control(ControlType.CLEAR).segment

    def _changes(self, drawn: Sequence[Line], width: int, height: int) -> Iterable[Segment]:
        blank = Line()
        for number in range(min(height, max(len(drawn), len(self._drawn)))):
            old = drawn[number] if number < len(drawn) else blank
            new = self._drawn[number] if number < len(self._drawn) else blank
            if old != new:
                yield Control.move_to(0, number).segment
                yield Control((ControlType.ERASE_IN_LINE, 2)).segment
                yield from table.segments(new, width)

    def write(self, control: str) -> None:
        """Write a control sequence that moves nothing."""
        with self._lock:
            self._write(control)

    def _write(self, control: str) -> None:
        if not self._console.legacy_windows:
            self._console.file.write(control)
            self._console.file.flush()
