"""Prints `view.menu` as a pystray menu, and nothing else: what stands in it is decided in `view`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from claude_session_status import view
from claude_session_status.desktop.pystray_base import Menu, MenuItem

Perform = Callable[[view.MenuItem], None]


class KeyedMenuItem(MenuItem):  # type: ignore[misc]  # pystray ships no types
    """A pystray item that knows what it is about: `key` stays the same wherever the item stands.

    `gone_label` is what its row says when the menu was open while its subject went away.
    """

    def __init__(self, item: view.MenuItem, perform: Perform) -> None:
        self.key = item.key
        self.gone_label = item.gone_label
        self._item = item
        self._perform = perform
        children = Menu(*pystray_items(item.children, perform)) if item.children else None
        checked = None if item.checked is None else functools.partial(_is_checked, item)
        super().__init__(
            item.label, children, checked=checked, radio=item.radio, default=item.default, enabled=item.enabled
        )

    def __call__(self, _icon: Any) -> None:  # pystray's icon, which is not needed
        """Do what the item is for. Without pystray's own wrapping, which refuses some callables."""
        if self.submenu is None and self._item.enabled:
            self._perform(self._item)


def pystray_items(items: Sequence[view.MenuItem], perform: Perform) -> tuple[Any, ...]:
    """Turn the lines of a menu into pystray's items. `perform` is called with the line that was clicked."""
    return tuple(Menu.SEPARATOR if item.separator else KeyedMenuItem(item, perform) for item in items)


def _is_checked(item: view.MenuItem, _pystray_item: Any) -> bool:
    return bool(item.checked)
