"""The icon on macOS: pystray's, with every call of AppKit made in the main thread.

pystray calls AppKit from whatever thread changes the icon, which crashes on recent macOS. It also makes a new menu at
each change and looks up the action of a click in the newest: a click in one that is still open would run another
item's. So labels change in the existing menu, and no number of an item is used twice. A status item with a menu opens
it at a left click and at a right click.

Thin on purpose: the tests run this against the SDK's own list of selectors, not on macOS.
"""

import io
import logging
from collections.abc import Callable, Iterable
from typing import Any

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.glance import IconSpec

import AppKit  # type: ignore[import-not-found]  # isort: skip  # macOS only
import Foundation  # type: ignore[import-not-found]  # isort: skip  # macOS only
from PyObjCTools import AppHelper  # type: ignore[import-not-found]  # isort: skip  # macOS only
from pystray._darwin import Icon as PystrayMacIcon  # isort: skip  # after pystray_base, which keeps its backend quiet

log = logging.getLogger(__name__)

# AppKit's numbers under its own names: PyObjC removes names when Apple renames them. tests/macos compares each with the
# SDK.
NSApplicationActivationPolicyAccessory = 1  # no Dock icon
NSControlStateValueOn = 1
NSControlStateValueOff = 0
NSEventTypeApplicationDefined = 15
NSActivityUserInitiatedAllowingIdleSystemSleep = 0xEF_FFFF

RETINA = 2  # pixels a point: also right on screens with one
KEPT_ACTIONS = 1000  # items of dozens of menus, one of which can be open

Action = Callable[[Any], None]
Shape = tuple[Any, ...]


class AppDelegate(Foundation.NSObject):  # type: ignore[misc]  # PyObjC ships no types
    """Is called before macOS ends the process, as at logout. AppKit's `terminate:` returns to no caller."""

    def applicationWillTerminate_(self, _notification: Any) -> None:  # noqa: N802 - Apple's name
        """Run `on_terminate`."""
        _logging_errors(self.on_terminate)


class MacIcon(PystrayMacIcon):  # type: ignore[misc]  # pystray ships no types
    """The icon. Make and run it in the main thread; everything else may be called from any.

    `on_terminate` is called in the main thread when macOS ends the process without returning from `run`.
    """

    menu_may_be_open = True  # AppKit shows the menu that is there

    def __init__(
        self, name: str, painter: IconPainter, *, title: str, menu: Menu, on_terminate: Callable[[], None]
    ) -> None:
        self._painter = painter
        self._spec = IconSpec()
        self._actions = _Actions()
        self._menu_shape: Shape | None = None
        self._menu_handle: Any = None
        super().__init__(name, painter.image(IconSpec(), 64), title, menu)
        self._status_item.setAutosaveName_(name)  # macOS remembers the place, and whether the user removed it
        self._app_delegate = AppDelegate.alloc().init()  # the application keeps no reference to it
        self._app_delegate.on_terminate = on_terminate
        self._app.setDelegate_(self._app_delegate)

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon."""
        self._spec = spec
        self.icon = self._painter.image(spec, 64)

    def run_pending_signals(self) -> None:
        """Run the main thread's loop once, so that Python handles signals."""
        _in_main_thread(lambda: None)

    def _show(self) -> None:
        _in_main_thread(super()._show)

    def _hide(self) -> None:
        _in_main_thread(super()._hide)

    def _update_icon(self) -> None:
        _in_main_thread(super()._update_icon)

    def _update_title(self) -> None:
        _in_main_thread(super()._update_title)

    def _update_menu(self) -> None:
        _in_main_thread(self._refresh_menu)

    def _stop(self) -> None:
        _in_main_thread(self._stop_app)

    # ---- in the main thread -------------------------------------------------

    def _run(self) -> None:
        # pystray's own loop ends the process at SIGINT without coming back here.
        self._mark_ready()
        self._app.setActivationPolicy_(NSApplicationActivationPolicyAccessory)
        process = Foundation.NSProcessInfo.processInfo()
        # Without this App Nap delays the timers of a program that shows no window, by up to ten seconds.
        activity = process.beginActivityWithOptions_reason_(
            NSActivityUserInitiatedAllowingIdleSystemSleep, "Counts down by the second and notifies in time"
        )
        try:
            self._app.run()
        finally:
            process.endActivity_(activity)
            self._status_bar.removeStatusItem_(self._status_item)
            self._visible = False  # there is nothing left to hide

    def _stop_app(self) -> None:
        self._app.stop_(None)  # takes effect after the next event
        event = AppKit.NSEvent.otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_(  # noqa: E501 - one name
            NSEventTypeApplicationDefined, (0, 0), 0, 0.0, 0, None, 0, 0, 0
        )
        self._app.postEvent_atStart_(event, True)  # noqa: FBT003 - Apple has no keywords

    def _refresh_menu(self) -> None:
        lines = tuple(self.menu)  # made anew each time it is asked for
        shape = _shape_of(lines)
        if shape == self._menu_shape:
            _relabel(self._menu_handle[0], lines)
            return
        native = self._create_menu(lines, self._actions)
        self._status_item.setMenu_(native)
        self._menu_handle, self._menu_shape = (native, self._actions), shape

    def _create_menu_item(self, line: Any, callbacks: Any) -> Any:  # pystray and PyObjC ship no types
        """Return the native item of a line. pystray's own names two constants that AppKit has renamed."""
        if line is Menu.SEPARATOR:
            return AppKit.NSMenuItem.separatorItem()
        item = AppKit.NSMenuItem.alloc().initWithTitle_action_keyEquivalent_(line.text, self._MENU_ITEM_SELECTOR, "")
        if line.submenu:
            item.setSubmenu_(self._create_menu(line.submenu, callbacks))
        item.setTarget_(self._delegate)
        item.setTag_(len(callbacks))
        if line.default:
            bold = AppKit.NSFont.boldSystemFontOfSize_(AppKit.NSFont.menuFontOfSize_(0).pointSize())
            title = Foundation.NSAttributedString.alloc().initWithString_attributes_(
                line.text, {AppKit.NSFontAttributeName: bold}
            )
            item.setAttributedTitle_(title)
        if line.checked is not None:
            item.setState_(NSControlStateValueOn if line.checked else NSControlStateValueOff)
        item.setEnabled_(line.enabled)
        return item

    def _assert_image(self) -> None:
        """Draw the icon in twice the pixels of its points. Its casing separates it from a light menu bar."""
        points = int(self._status_bar.thickness())
        stream = io.BytesIO()
        self._painter.image(self._spec, points * RETINA).save(stream, "png")
        content = stream.getvalue()
        self._icon_image = AppKit.NSImage.alloc().initWithData_(
            Foundation.NSData.dataWithBytes_length_(content, len(content))
        )
        self._icon_image.setSize_((points, points))
        self._icon_image.setTemplate_(False)  # a template loses its colours, which are the message
        self._status_item.button().setImage_(self._icon_image)


def _in_main_thread(function: Callable[[], object]) -> None:
    AppHelper.callAfter(_logging_errors, function)


def _logging_errors(function: Callable[[], object]) -> None:
    """Call the function. An exception that reaches AppKit may end its loop."""
    try:
        function()
    except Exception:
        log.exception("in AppKit's loop")


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
