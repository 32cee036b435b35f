"""A fake of the parts of macOS that the icon uses: AppKit, Foundation, objc and PyObjCTools, as Python modules.

It draws nothing. It checks one rule that a Mac enforces by ending the process: its objects may be used in the main
thread only. Every use in another thread is recorded in `violations`. What it does not have raises AttributeError, so a
misspelt selector is found; what a selector really does only a Mac shows.
"""

import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import ModuleType
from typing import Any, Self

from PIL import Image

POINTS = 22.0  # how high the menu bar is

violations: list[str] = []
_main: list[threading.Thread] = [threading.main_thread()]


def _check(kind: str, name: str) -> None:
    if not name.startswith("_") and threading.current_thread() is not _main[0]:
        violations.append(f"{kind}.{name} in {threading.current_thread().name}")


class _Guarded(type):
    """Records the uses of a class."""

    def __getattribute__(cls, name: str) -> Any:
        _check(type.__getattribute__(cls, "__name__"), name)
        return super().__getattribute__(name)


class NSObject(metaclass=_Guarded):
    """The base of all classes."""

    def __getattribute__(self, name: str) -> Any:
        _check(type(self).__name__, name)
        return super().__getattribute__(name)

    @classmethod
    def alloc(cls) -> Self:
        return cls()

    def init(self) -> Self:
        return self


class NSData(NSObject):
    def __init__(self, data: bytes) -> None:
        self._data = data


class NSImage(NSObject):
    def initWithData_(self, data: NSData) -> Self:  # noqa: N802 - Apple's names, here and below
        with Image.open(io.BytesIO(data._data)) as image:
            self._pixels = image.convert("RGBA")
        self._size: tuple[float, float] = self._pixels.size
        return self

    def setSize_(self, size: tuple[float, float]) -> None:  # noqa: N802
        self._size = size

    def size(self) -> tuple[float, float]:
        return self._size


class NSMenuItem(NSObject):
    _separator = False

    def initWithTitle_action_keyEquivalent_(self, title: str, action: bytes, key: str) -> Self:  # noqa: N802
        self._title, self._enabled, self._tag = title, True, -1
        self._target: Any = None
        self._submenu: NSMenu | None = None
        return self

    @classmethod
    def separatorItem(cls) -> Self:  # noqa: N802
        item = cls()
        item.initWithTitle_action_keyEquivalent_("", b"", "")
        item._separator = True
        return item

    def setTitle_(self, title: str) -> None:  # noqa: N802
        assert isinstance(title, str)
        self._title = title

    def setAttributedTitle_(self, title: Any) -> None:  # noqa: N802
        self._title = title._text

    def setSubmenu_(self, menu: "NSMenu") -> None:  # noqa: N802
        self._submenu = menu

    def submenu(self) -> "NSMenu | None":
        return self._submenu

    def setTarget_(self, target: Any) -> None:  # noqa: N802
        self._target = target

    def setTag_(self, tag: int) -> None:  # noqa: N802
        self._tag = tag

    def tag(self) -> int:
        return self._tag

    def setEnabled_(self, enabled: bool) -> None:  # noqa: N802
        self._enabled = enabled

    def setAction_(self, action: bytes) -> None:  # noqa: N802
        pass

    def setState_(self, state: int) -> None:  # noqa: N802
        pass


class NSMenu(NSObject):
    def initWithTitle_(self, title: str) -> Self:  # noqa: N802
        self._items: list[NSMenuItem] = []
        return self

    def setAutoenablesItems_(self, enables: bool) -> None:  # noqa: N802
        pass

    def addItem_(self, item: NSMenuItem) -> None:  # noqa: N802
        self._items.append(item)

    def itemAtIndex_(self, index: int) -> NSMenuItem:  # noqa: N802
        return self._items[index]


class Button(NSObject):
    _hidden, _tip = True, ""
    _image: NSImage | None = None

    def setTarget_(self, target: Any) -> None:  # noqa: N802
        pass

    def setAction_(self, action: bytes) -> None:  # noqa: N802
        pass

    def setHidden_(self, hidden: bool) -> None:  # noqa: N802
        self._hidden = hidden

    def setToolTip_(self, text: str) -> None:  # noqa: N802
        self._tip = text

    def setImage_(self, image: NSImage) -> None:  # noqa: N802
        self._image = image


class StatusItem(NSObject):
    def __init__(self) -> None:
        self._button = Button()
        self._menu: NSMenu | None = None

    def button(self) -> Button:
        return self._button

    def setMenu_(self, menu: NSMenu | None) -> None:  # noqa: N802
        self._menu = menu


class NSStatusBar(NSObject):
    def __init__(self) -> None:
        self._items: list[StatusItem] = []

    @classmethod
    def systemStatusBar(cls) -> "NSStatusBar":  # noqa: N802
        return the_bar[0]

    def statusItemWithLength_(self, length: float) -> StatusItem:  # noqa: N802
        item = StatusItem()
        self._items.append(item)
        return item

    def removeStatusItem_(self, item: StatusItem) -> None:  # noqa: N802
        self._items.remove(item)

    def thickness(self) -> float:
        return POINTS


class NSApplication(NSObject):
    """Runs what `callAfter` was given, in the thread that runs it, until it is stopped and then gets an event."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._stopped = False
        self._policy = 0

    @classmethod
    def sharedApplication(cls) -> "NSApplication":  # noqa: N802
        return the_app[0]

    def setActivationPolicy_(self, policy: int) -> None:  # noqa: N802
        self._policy = policy

    def run(self) -> None:
        while True:
            task = self._tasks.get()
            task()
            if self._stopped and task is _event:
                return

    def stop_(self, sender: object) -> None:
        self._stopped = True

    def postEvent_atStart_(self, event: object, at_start: bool) -> None:  # noqa: N802
        self._tasks.put(_event)


def _event() -> None:
    pass


class NSEvent(NSObject):
    @staticmethod
    def otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_(  # noqa: N802
        *_: object,
    ) -> object:
        return object()


class NSFont(NSObject):
    @classmethod
    def menuFontOfSize_(cls, size: float) -> "NSFont":  # noqa: N802
        return cls()

    @classmethod
    def boldSystemFontOfSize_(cls, size: float) -> "NSFont":  # noqa: N802
        return cls()

    def pointSize(self) -> float:  # noqa: N802
        return 13.0


class NSAttributedString(NSObject):
    def initWithString_attributes_(self, text: str, attributes: object) -> Self:  # noqa: N802
        self._text = text
        return self


class NSDictionary(NSObject):
    def initWithObjectsAndKeys_(self, *_: object) -> Self:  # noqa: N802
        return self


the_bar: list[NSStatusBar] = []
the_app: list[NSApplication] = []


def call_after(function: Callable[..., object], *arguments: object) -> None:
    """PyObjCTools.AppHelper.callAfter: returns at once; the main thread's loop calls it."""
    the_app[0]._tasks.put(lambda: function(*arguments))


def _modules() -> dict[str, ModuleType]:
    contents: dict[str, dict[str, Any]] = {
        "AppKit": {
            kind.__name__: kind for kind in (NSApplication, NSStatusBar, NSImage, NSMenu, NSMenuItem, NSEvent, NSFont)
        }
        | {
            "NSVariableStatusItemLength": -1.0,
            "NSApplicationDefined": 15,
            "NSPoint": lambda x, y: (x, y),
            "NSFontAttributeName": "NSFont",
            "NSOnState": 1,
            "NSOffState": 0,
        },
        "Foundation": {kind.__name__: kind for kind in (NSObject, NSData, NSAttributedString, NSDictionary)},
        "objc": {"namedSelector": lambda _name: lambda function: function},
        "PyObjCTools": {},
        "PyObjCTools.AppHelper": {"callAfter": call_after},
        "PyObjCTools.MachSignals": {"signal": lambda *_: None, "getsignal": lambda *_: None},
    }
    modules = {name: ModuleType(name) for name in contents}
    for name, values in contents.items():
        vars(modules[name]).update(values)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, modules[name])
    return modules


@contextmanager
def installed() -> Iterator[None]:
    """Make `import AppKit` and the others find the fakes, each time with a new menu bar and application."""
    ours = ("pystray._darwin", "claude_session_status.desktop.macos")
    before = {name: sys.modules.pop(name, None) for name in ours}
    modules = _modules()
    sys.modules.update(modules)
    violations.clear()
    _main[0] = threading.current_thread()
    the_bar[:], the_app[:] = [NSStatusBar()], [NSApplication()]
    try:
        yield
    finally:
        for name in (*modules, *ours):
            sys.modules.pop(name, None)
        sys.modules.update({name: module for name, module in before.items() if module is not None})
