"""A stand-in for the parts of macOS that the icon uses: AppKit, Foundation, objc and PyObjCTools, as Python modules.

It draws nothing. What it can do is written here; what macOS can do stands in `sdk.txt`. A class here with a method that
the SDK does not have can't be defined, and a call with another number of arguments, or with one of another type, raises
TypeError. It also checks one rule that a Mac enforces by ending the process: its objects may be used in the main thread
only. Every use in another thread is recorded in `violations`. What a selector really does only a Mac shows.
"""

import functools
import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import ModuleType
from typing import Any, Self

from PIL import Image

from macos.sdk import Method, sdk

POINTS = 22.0  # how high the menu bar is

violations: list[str] = []
_main: list[threading.Thread] = [threading.main_thread()]

Number = (int, float)


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, Number) for each in value)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# What PyObjC passes on as a type. Less than it would: it makes an object of any number, which is then rarely meant.
ACCEPTED: dict[str, Callable[[Any], bool]] = {
    "@": lambda value: value is None or isinstance(value, NSObject | str | dict | list),
    ":": lambda value: value is None or isinstance(value, bytes),
    "Z": lambda value: isinstance(value, bool),
    "q": _is_integer,
    "Q": lambda value: _is_integer(value) and value >= 0,
    "s": _is_integer,
    "d": lambda value: isinstance(value, Number),
    "^v": lambda value: isinstance(value, bytes),
    "{CGPoint}": _is_pair,
    "{CGSize}": _is_pair,
}


def _checked(method: Method, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as PyObjC would call it."""

    @functools.wraps(function)
    def call(receiver: Any, *values: Any) -> Any:
        if threading.current_thread() is not _main[0]:
            violations.append(f"{kind}.{function.__name__} in {threading.current_thread().name}")
        if len(values) != len(method.arguments):
            raise TypeError(f"{kind} {method.selector} needs {len(method.arguments)} arguments, got {len(values)}")
        for code, value in zip(method.arguments, values, strict=True):
            if not ACCEPTED[code](value):
                raise TypeError(f"{kind} {method.selector}: {value!r} is not of the type {code}")
        return function(receiver, *values)

    return call


class _FromSdk(type):
    """Lets a class have only the methods that the SDK has, each with its number of arguments."""

    def __new__(cls, name: str, bases: tuple[type, ...], contents: dict[str, Any]) -> Any:
        made = dict(contents)
        for key, value in contents.items():
            function = value.__func__ if isinstance(value, classmethod) else value
            if key.startswith("_") or not callable(function):
                continue
            if name in sdk().kinds:
                selector = ("+" if isinstance(value, classmethod) else "-") + key.replace("_", ":")
                method = sdk().method(name, selector)
                if method is None:
                    raise TypeError(f"macOS has no {name} {selector}")
                checked = _checked(method, name, function)
                made[key] = classmethod(checked) if isinstance(value, classmethod) else checked
            else:
                _check_delegate(name, key, function)
        return super().__new__(cls, name, bases, made)


def _check_delegate(name: str, key: str, function: Any) -> None:
    """A class of the program's own: AppKit calls its methods by names that they state, or that a protocol has."""
    selector = getattr(function, "selector", key.replace("_", ":"))
    arguments = function.__code__.co_argcount - 1
    if selector.count(":") != arguments:
        raise TypeError(f"{name}: {selector} takes {selector.count(':')} arguments, {key} takes {arguments}")
    if not hasattr(function, "selector") and not sdk().having(selector):
        raise TypeError(f"{name}: AppKit calls no {selector}")


class NSObject(metaclass=_FromSdk):
    """The base of all classes."""

    def __getattr__(self, name: str) -> Any:
        selector = name.replace("_", ":")
        known = "the stand-in lacks it" if sdk().having(selector) else "macOS has none"
        raise AttributeError(f"{type(self).__name__} {selector}: {known}")

    @classmethod
    def alloc(cls) -> Self:
        return cls()

    def init(self) -> Self:
        return self


class NSData(NSObject):
    _data = b""

    @classmethod
    def dataWithBytes_length_(cls, data: bytes, length: int) -> Self:
        made = cls()
        made._data = data[:length]
        return made


class NSImage(NSObject):
    _template: bool | None = None

    def initWithData_(self, data: NSData) -> Self:
        with Image.open(io.BytesIO(data._data)) as image:
            self._pixels = image.convert("RGBA")
        self._size: tuple[float, float] = self._pixels.size
        return self

    def setSize_(self, size: tuple[float, float]) -> None:
        self._size = size

    def size(self) -> tuple[float, float]:
        return self._size

    def setTemplate_(self, template: bool) -> None:
        self._template = template

    def isTemplate(self) -> bool:
        return bool(self._template)


class NSMenuItem(NSObject):
    _separator = False
    _state = 0
    _bold = False

    def initWithTitle_action_keyEquivalent_(self, title: str, action: bytes, key: str) -> Self:
        self._title, self._action, self._enabled, self._tag = title, action, True, -1
        self._target: Any = None
        self._submenu: NSMenu | None = None
        return self

    @classmethod
    def separatorItem(cls) -> Self:
        item = cls()
        item.initWithTitle_action_keyEquivalent_("", b"", "")
        item._separator = True
        return item

    def setTitle_(self, title: str) -> None:
        assert isinstance(title, str)
        self._title = title

    def title(self) -> str:
        return self._title

    def setAttributedTitle_(self, title: "NSAttributedString") -> None:
        self._title, self._bold = title._text, title._attributes["NSFont"]._bold

    def setSubmenu_(self, menu: "NSMenu") -> None:
        self._submenu = menu

    def submenu(self) -> "NSMenu | None":
        return self._submenu

    def setTarget_(self, target: Any) -> None:
        self._target = target

    def setTag_(self, tag: int) -> None:
        self._tag = tag

    def tag(self) -> int:
        return self._tag

    def setEnabled_(self, enabled: bool) -> None:
        self._enabled = enabled

    def setAction_(self, action: bytes) -> None:
        self._action = action

    def setState_(self, state: int) -> None:
        self._state = state

    def _click(self) -> None:
        """Send the action to the target, as AppKit does: by its selector."""
        kind = type(self._target)
        names = [name for name in dir(kind) if getattr(getattr(kind, name), "selector", None) == self._action.decode()]
        getattr(self._target, names[0])(self)


class NSMenu(NSObject):
    def initWithTitle_(self, title: str) -> Self:
        self._items: list[NSMenuItem] = []
        return self

    def setAutoenablesItems_(self, enables: bool) -> None:
        pass

    def addItem_(self, item: NSMenuItem) -> None:
        self._items.append(item)

    def itemAtIndex_(self, index: int) -> NSMenuItem:
        return self._items[index]

    def numberOfItems(self) -> int:
        return len(self._items)

    def performActionForItemAtIndex_(self, index: int) -> None:
        self._items[index]._click()


class NSStatusBarButton(NSObject):
    _hidden, _tip = True, ""
    _image: NSImage | None = None

    def setTarget_(self, target: Any) -> None:
        pass

    def setAction_(self, action: bytes) -> None:
        pass

    def setHidden_(self, hidden: bool) -> None:
        self._hidden = hidden

    def isHidden(self) -> bool:
        return self._hidden

    def setToolTip_(self, text: str) -> None:
        self._tip = text

    def toolTip(self) -> str:
        return self._tip

    def setImage_(self, image: NSImage) -> None:
        self._image = image

    def image(self) -> NSImage | None:
        return self._image


class NSStatusItem(NSObject):
    _autosave_name = ""

    def __init__(self) -> None:
        self._button = NSStatusBarButton()
        self._menu: NSMenu | None = None

    def button(self) -> NSStatusBarButton:
        return self._button

    def setMenu_(self, menu: NSMenu | None) -> None:
        self._menu = menu

    def setAutosaveName_(self, name: str) -> None:
        self._autosave_name = name


class NSStatusBar(NSObject):
    def __init__(self) -> None:
        self._items: list[NSStatusItem] = []

    @classmethod
    def systemStatusBar(cls) -> "NSStatusBar":
        return the_bar[0]

    def statusItemWithLength_(self, length: float) -> NSStatusItem:
        item = NSStatusItem()
        self._items.append(item)
        return item

    def removeStatusItem_(self, item: NSStatusItem) -> None:
        self._items.remove(item)

    def thickness(self) -> float:
        return POINTS


class ProcessEnded(BaseException):
    """Raised where AppKit ends the process: `terminate:` does not return to its caller."""


class NSApplication(NSObject):
    """Runs what `callAfter` was given, in the thread that runs it, until it is stopped and then gets an event."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._stopped = False
        self._policy = 0
        self._delegate: Any = None

    @classmethod
    def sharedApplication(cls) -> "NSApplication":
        return the_app[0]

    def setActivationPolicy_(self, policy: int) -> bool:
        self._policy = policy
        return True

    def setDelegate_(self, delegate: Any) -> None:
        self._delegate = delegate

    def run(self) -> None:
        while True:
            task = self._tasks.get()
            task()  # what it raises ends the loop
            if self._stopped and isinstance(task, NSEvent):
                return

    def stop_(self, sender: object) -> None:
        self._stopped = True

    def terminate_(self, sender: object) -> None:
        self._delegate.applicationWillTerminate_(None)
        raise ProcessEnded

    def postEvent_atStart_(self, event: "NSEvent", at_start: bool) -> None:
        self._tasks.put(event)


class NSEvent(NSObject):
    def __call__(self) -> None:
        """Nothing: an event that no window handles."""

    @classmethod
    def otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_(
        cls, kind: int, *_: object
    ) -> Self:
        assert kind == sdk().numbers["NSEventTypeApplicationDefined"]
        return cls()


class NSFont(NSObject):
    _bold = False

    @classmethod
    def menuFontOfSize_(cls, size: float) -> "NSFont":
        return cls()

    @classmethod
    def boldSystemFontOfSize_(cls, size: float) -> "NSFont":
        font = cls()
        font._bold = True
        return font

    def pointSize(self) -> float:
        return 13.0


class NSAttributedString(NSObject):
    def initWithString_attributes_(self, text: str, attributes: dict[str, Any]) -> Self:
        self._text, self._attributes = text, attributes
        return self


class NSProcessInfo(NSObject):
    def __init__(self) -> None:
        self._activities: list[tuple[int, str, NSObject]] = []

    @classmethod
    def processInfo(cls) -> "NSProcessInfo":
        return the_process[0]

    def beginActivityWithOptions_reason_(self, options: int, reason: str) -> NSObject:
        token = NSObject()
        self._activities.append((options, reason, token))
        return token

    def endActivity_(self, token: NSObject) -> None:
        self._activities = [each for each in self._activities if each[2] is not token]


the_bar: list[NSStatusBar] = []
the_app: list[NSApplication] = []
the_process: list[NSProcessInfo] = []


def call_after(function: Callable[..., object], *arguments: object) -> None:
    """PyObjCTools.AppHelper.callAfter: returns at once; the main thread's loop calls it."""
    the_app[0]._tasks.put(lambda: function(*arguments))


def _named_selector(name: bytes) -> Callable[[Any], Any]:
    """objc.namedSelector: AppKit calls the method by this name."""

    def name_it(function: Any) -> Any:
        function.selector = name.decode()
        return function

    return name_it


IN_APPKIT = (NSApplication, NSStatusBar, NSImage, NSMenu, NSMenuItem, NSEvent, NSFont)
IN_FOUNDATION = (NSObject, NSData, NSAttributedString, NSProcessInfo)


def _modules() -> dict[str, ModuleType]:
    contents: dict[str, dict[str, Any]] = {
        "AppKit": {kind.__name__: kind for kind in IN_APPKIT}
        | dict(sdk().numbers)
        | {"NSPoint": lambda x, y: (x, y), "NSFontAttributeName": "NSFont"},
        "Foundation": {kind.__name__: kind for kind in IN_FOUNDATION},
        "objc": {"namedSelector": _named_selector},
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
    """Make `import AppKit` and the others find the stand-ins, each time with a new menu bar and application."""
    ours = ("pystray._darwin", "claude_session_status.desktop.macos")
    before = {name: sys.modules.pop(name, None) for name in ours}
    modules = _modules()
    sys.modules.update(modules)
    violations.clear()
    _main[0] = threading.current_thread()
    the_bar[:], the_app[:], the_process[:] = [NSStatusBar()], [NSApplication()], [NSProcessInfo()]
    try:
        yield
    finally:
        for name in (*modules, *ours):
            sys.modules.pop(name, None)
        sys.modules.update({name: module for name, module in before.items() if module is not None})
