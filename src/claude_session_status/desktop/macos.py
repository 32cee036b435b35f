"""The icon on macOS: pystray's, with every call of AppKit made in the main thread.

pystray calls AppKit from whatever thread changes the icon, which crashes on recent macOS. Thin on purpose.
"""

import io
from typing import Any

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.view import IconSpec

import AppKit  # type: ignore[import-not-found]  # isort: skip  # macOS only
import Foundation  # type: ignore[import-not-found]  # isort: skip  # likewise
from PyObjCTools import AppHelper  # type: ignore[import-not-found]  # isort: skip  # likewise
from pystray._darwin import Icon as PystrayMacIcon  # isort: skip  # after pystray_base, which keeps its backend quiet

RETINA = 2  # pixels a point: drawn for the sharper screens, which is right for the others too
NO_DOCK_ICON = 1  # NSApplicationActivationPolicyAccessory


class MacIcon(PystrayMacIcon):  # type: ignore[misc]  # pystray ships no types
    """The icon. Make and run it in the main thread; everything else may be called from any."""

    def __init__(self, name: str, painter: IconPainter, *, title: str, menu: Menu) -> None:
        self._painter = painter
        self._spec = IconSpec()
        super().__init__(name, painter.image(IconSpec(), 64), title, menu)

    def show_spec(self, spec: IconSpec) -> None:
        """Draw the icon anew."""
        self._spec = spec
        self.icon = self._painter.image(spec, 64)

    def poke(self) -> None:
        """Turn the main thread's loop once, so that Python hears of signals."""
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
        AppHelper.callAfter(super()._update_menu)

    def _stop(self) -> None:
        AppHelper.callAfter(super()._stop)

    def _notify(self, message: str, title: str | None = None) -> None:
        super()._notify(message, title or self._title)  # without one pystray raises AttributeError

    def _run(self) -> None:
        # pystray's own loop ends the process at SIGINT without coming back here.
        self._mark_ready()
        self._app.setActivationPolicy_(NO_DOCK_ICON)
        try:
            self._app.run()
        finally:
            self._status_bar.removeStatusItem_(self._status_item)

    def _assert_image(self) -> None:
        """Draw the icon in twice the pixels of its points."""
        points = int(self._status_bar.thickness())
        stream = io.BytesIO()
        self._painter.image(self._spec, points * RETINA).save(stream, "png")
        data: Any = Foundation.NSData(stream.getvalue())
        self._icon_image = AppKit.NSImage.alloc().initWithData_(data)
        self._icon_image.setSize_((points, points))
        self._status_item.button().setImage_(self._icon_image)
