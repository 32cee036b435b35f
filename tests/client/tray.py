"""The real tray beside the real client: its icon's menu, as the desktop reads it."""

import re
import sys
from collections.abc import Iterable, Iterator

from client.harness import Home
from desktop.harness import Desktop, MenuLine
from desktop.programs import Program
from waiting import wait_for


class Tray:
    """The tray of a home's user, running on a desktop. `extra`: further variables."""

    def __init__(self, desktop: Desktop, home: Home, extra: dict[str, str] | None = None) -> None:
        environment = {"CLAUDE_CONFIG_DIR": str(home.config), **(extra or {})}
        self.program: Program = desktop.start(
            [sys.executable, "-m", "claude_session_status", "tray"], "tray", environment
        )
        self.item = desktop.item()

    def lines(self) -> Iterator[MenuLine]:
        """Every line of the menu and its submenus."""
        return _all(self.item.menu())

    def wait_line(self, pattern: str) -> MenuLine:
        """Wait for a line, at any depth, in which the pattern is found."""

        def found() -> MenuLine | None:
            return next((line for line in self.lines() if re.search(pattern, line.label)), None)

        return wait_for(lambda: f"{pattern} in {[line.label for line in self.lines()]}", found)

    def click(self, pattern: str) -> None:
        """Click on the line, once it is there."""
        self.item.event(self.wait_line(pattern).id, "clicked")


def _all(lines: Iterable[MenuLine]) -> Iterator[MenuLine]:
    for line in lines:
        yield line
        yield from _all(line.children)
