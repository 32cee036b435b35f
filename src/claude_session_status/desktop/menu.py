"""Makes a pystray menu of the items of `view.menu`, for the icons that are pystray's: Windows, macOS and X11."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from claude_session_status import menu_items
from claude_session_status.desktop.pystray_base import Menu, MenuItem

Perform = Callable[[menu_items.MenuItem], None]


class KeyedMenuItem(MenuItem):  # type: ignore[misc]  # pystray ships no types
    """A pystray item that knows its subject: `key` stays the same wherever the item stands."""

    visible = True  # pystray looks through all submenus to find out

    def __init__(self, item: menu_items.MenuItem, perform: Perform) -> None:
        self.key = item.key
        self._item = item
        self._perform = perform
        checked = None if item.checked is None else functools.partial(_is_checked, item)
        submenu = Menu(*_items(item.children, perform)) if item.children else None
        super().__init__(
            item.label, submenu, checked=checked, radio=item.radio, default=item.default, enabled=item.enabled
        )

    def __call__(self, _icon: Any) -> None:  # pystray's icon, which is not needed
        """Do what the item is for. Without pystray's own wrapping, which refuses some callables."""
        if self.submenu is None and self._item.enabled:
            self._perform(self._item)


def pystray_menu(menu: Callable[[], Sequence[menu_items.MenuItem]], perform: Perform) -> Menu:
    """A menu that reads `menu` each time it is iterated. `perform` is called with the item that was clicked."""
    return Menu(lambda: _items(menu(), perform))


def _items(items: Sequence[menu_items.MenuItem], perform: Perform) -> tuple[Any, ...]:
    return tuple(Menu.SEPARATOR if item.separator else KeyedMenuItem(item, perform) for item in items)


def _is_checked(item: menu_items.MenuItem, _pystray_item: Any) -> bool:
    return bool(item.checked)
