"""Prints `view.menu` as a pystray menu, and nothing else: what stands in it is decided in `view`."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from claude_session_status import view
from claude_session_status.desktop.pystray_base import Menu, MenuItem

Perform = Callable[[view.MenuItem], None]


class KeyedMenuItem(MenuItem):  # type: ignore[misc]  # pystray ships no types
    """A pystray item that knows what it is about: `key` stays the same wherever the item stands.

    `gone_label` is what its row says when the menu was open while its subject went away.
    """

    visible = True  # pystray looks through all submenus to find out

    def __init__(self, line: view.MenuItem, perform: Perform, submenu: Any = None) -> None:
        self.key = line.key
        self.gone_label = line.gone_label
        self.line = line
        self._perform = perform
        checked = None if line.checked is None else functools.partial(_is_checked, line)
        super().__init__(
            line.label, submenu, checked=checked, radio=line.radio, default=line.default, enabled=line.enabled
        )

    def __call__(self, _icon: Any) -> None:  # pystray's icon, which is not needed
        """Do what the item is for. Without pystray's own wrapping, which refuses some callables."""
        if self.submenu is None and self.line.enabled:
            self._perform(self.line)


class MenuPrinter:
    """Turns the lines of a menu into pystray's items. `perform` is called with the line that was clicked.

    Most lines stay as they were from one second to the next, and so do their items: making them all anew was half of
    what the tray needs of a processor.
    """

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._printed: tuple[Any, ...] = ()

    def items(self, lines: Sequence[view.MenuItem]) -> tuple[Any, ...]:
        """The items for the lines; the very same ones for the lines of last time that are equal."""
        self._printed = self._print(lines, self._printed)
        return self._printed

    def _print(self, lines: Sequence[view.MenuItem], before: Iterable[Any]) -> tuple[Any, ...]:
        known = {item.key: item for item in before if item is not Menu.SEPARATOR}
        return tuple(Menu.SEPARATOR if line.separator else self._item(line, known.get(line.key)) for line in lines)

    def _item(self, line: view.MenuItem, before: KeyedMenuItem | None) -> KeyedMenuItem:
        if before is not None and before.line == line:
            return before
        submenu = before.submenu if before is not None else None
        if before is None or before.line.children != line.children:
            submenu = Menu(*self._print(line.children, submenu.items if submenu else ())) if line.children else None
        return KeyedMenuItem(line, self._perform, submenu)


def _is_checked(line: view.MenuItem, _pystray_item: Any) -> bool:
    return bool(line.checked)
