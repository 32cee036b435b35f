"""The icon on macOS: pystray's, with every call of AppKit made in the main thread.

pystray calls AppKit from whatever thread changes the icon, which crashes on recent macOS. It also makes a new menu at
each change and looks up the action of a click in the newest: a click in one that is still open would run another
item's. So labels change in the existing menu, and no number of an item is used twice.

Thin on purpose: the tests run this with a fake AppKit, not on macOS.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.glance import IconSpec

import AppKit  # type: ignore[import-not-found]  # isort: skip  # macOS only
import Foundation  # type: ignore[import-not-found]  # isort: skip  # macOS only
from PyObjCTools import AppHelper  # type: ignore[import-not-found]  # isort: skip  # macOS only
from pystray._darwin import Icon as PystrayMacIcon  # isort: skip  # after pystray_base, which keeps its backend quiet

RETINA = 2  # pixels a point: also right on screens with one
NO_DOCK_ICON = 1  # NSApplicationActivationPolicyAccessory
KEPT_ACTIONS = 1000  # items of dozens of menus, one of which can be open

Action = Callable[[Any], None]
Shape = tuple[Any, ...]


class MacIcon(PystrayMacIcon):  # type: ignore[misc]  # pystray ships no types
    """The icon. Make and run it in the main thread; everything else may be called from any."""

    def __init__(self, name: str, painter: IconPainter, *, title: str, menu: Menu) -> None:
        self._painter = painter
        self._spec = IconSpec()
        self._actions = _Actions()
        self._menu_shape: Shape | None = None
        self._menu_handle: Any = None
        super().__init__(name, painter.image(IconSpec(), 64), title, menu)

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon."""
        self._spec = spec
        self.icon = self._painter.image(spec, 64)

    def run_pending_signals(self) -> None:
        """Run the main thread's loop once, so that Python handles signals."""
        AppHelper.callAfter(lambda: None)

    def _show(self) -> None:
        AppHelper.callAfter(super()._show)

    def _hide(self) -> None:
        AppHelper.callAfter(super()._hide)

    def _update_icon(self) -> None:
        AppHelper.callAfter(super()._update_icon)

    def _update_title(self) -> None:
        AppHelper.callAfter(super()._update_title)

    def _update_menu(self) -> None:
        AppHelper.callAfter(self._refresh_menu)

    def _stop(self) -> None:
        AppHelper.callAfter(super()._stop)

    def _notify(self, message: str, title: str | None = None) -> None:
        super()._notify(message, title or self._title)  # without one pystray raises AttributeError

    # ---- in the main thread -------------------------------------------------

    def _run(self) -> None:
        # pystray's own loop ends the process at SIGINT without coming back here.
        self._mark_ready()
        self._app.setActivationPolicy_(NO_DOCK_ICON)
        try:
            self._app.run()
        finally:
            self._status_bar.removeStatusItem_(self._status_item)
            self._visible = False  # there is nothing left to hide

    def _refresh_menu(self) -> None:
        lines = tuple(self.menu)  # made anew each time it is asked for
        shape = _shape_of(lines)
        if shape == self._menu_shape:
            _relabel(self._menu_handle[0], lines)
            return
        native = self._create_menu(lines, self._actions)
        self._status_item.setMenu_(native)
        self._menu_handle, self._menu_shape = (native, self._actions), shape

    def _assert_image(self) -> None:
        """Draw the icon in twice the pixels of its points."""
        points = int(self._status_bar.thickness())
        stream = io.BytesIO()
        self._painter.image(self._spec, points * RETINA).save(stream, "png")
        data: Any = Foundation.NSData(stream.getvalue())
        self._icon_image = AppKit.NSImage.alloc().initWithData_(data)
        self._icon_image.setSize_((points, points))
        self._status_item.button().setImage_(self._icon_image)


class _Actions:
    """What each item does, by a number that no later item gets. The oldest are dropped, and then do nothing."""

    def __init__(self) -> None:
        self._kept: dict[int, Action] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count  # pystray numbers the next line by it

    def append(self, action: Action) -> None:
        self._kept[self._count] = action
        self._kept.pop(self._count - KEPT_ACTIONS, None)
        self._count += 1

    def __getitem__(self, number: int) -> Action:
        return self._kept.get(number, _nothing)


def _nothing(_icon: Any) -> None:
    pass


def _shape_of(lines: Iterable[Any]) -> Shape:
    """A menu without its labels. Only a default item's label belongs to it: it is set in bold when it is made."""
    return tuple(
        None
        if line is Menu.SEPARATOR
        else (
            line.key,
            line.enabled,
            line.checked,
            line.default and line.text,
            _shape_of(line.submenu) if line.submenu else None,
        )
        for line in lines
    )


def _relabel(native: Any, lines: Iterable[Any]) -> None:
    for position, line in enumerate(lines):
        if line is not Menu.SEPARATOR and not line.default:
            item = native.itemAtIndex_(position)
            item.setTitle_(line.text)
            if line.submenu:
                _relabel(item.submenu(), line.submenu)
