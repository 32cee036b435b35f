"""A tray icon for Linux under pystray's API, straight on D-Bus: StatusNotifierItem and dbusmenu, nothing but Python.

pystray's own Linux backends either need system packages and close the open menu at each refresh (AppIndicator), or have
no menu and no place on Wayland at all (X11).

One thread, that of `run`, owns the bus and everything that is shown. The setters only note what is wanted and wake it.
The loop outlives panels (see `watcher`), and a bus that restarts.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PIL import Image

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux import dbusmenu, item
from claude_session_status.desktop.linux.bus import Body, Bus, BusError, Call, NoAnswerError
from claude_session_status.desktop.linux.dbusmenu import DBusMenu
from claude_session_status.desktop.linux.item import StatusNotifierItem
from claude_session_status.desktop.linux.menu_model import Entry, Kind, MenuModel
from claude_session_status.desktop.linux.watcher import Registration
from claude_session_status.desktop.menu import KeyedMenuItem
from claude_session_status.desktop.pystray_base import BaseIcon, Menu
from claude_session_status.view import IconSpec

log = logging.getLogger(__name__)

PROPERTIES_INTERFACE = "org.freedesktop.DBus.Properties"
PEER_INTERFACE = "org.freedesktop.DBus.Peer"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"

SIZES = (16, 22, 24, 32, 48, 64)
RECONNECT_SECONDS = (0.5, 2.0, 5.0, 10.0, 10.0)
STEADY_SECONDS = 5.0  # a connection that held for so long was none of the failures in a row


class StatusIcon(BaseIcon):  # type: ignore[misc]  # pystray ships no types
    """The icon. `open_bus` connects to the session bus; `on_panel` hears whether a panel shows the icon now."""

    HAS_DEFAULT_ACTION = HAS_MENU = HAS_MENU_RADIO = True
    HAS_NOTIFICATION = False  # notifications are on their own way: see `desktop.notify`

    def __init__(
        self,
        name: str,
        painter: IconPainter,
        open_bus: Callable[[], Bus],
        *,
        title: str = "",
        menu: Any = None,  # pystray's, without types
        on_panel: Callable[[bool], None] = lambda _shown: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._painter = painter
        self._open_bus = open_bus
        self._on_panel = on_panel
        self._clock = clock
        self._bus: Bus | None = None
        self._model = MenuModel()
        self._item = StatusNotifierItem(name, self, self)
        self._dbusmenu = DBusMenu(self._model, self, lambda action: action())
        self._images: tuple[Image.Image, ...] = ()
        self._entries: tuple[Entry, ...] = ()
        self._leaving = threading.Event()
        self._registration = Registration(self._shown_or_not)
        super().__init__(name, title=title, menu=menu)

    @property
    def shown(self) -> bool:
        """Whether a panel shows the icon."""
        return self._registration.shown

    # ---- for any thread -----------------------------------------------------

    def show_spec(self, spec: IconSpec) -> None:
        """Draw the icon anew, in each size by itself: a reduced 64 px icon is a blur at 16."""
        self._images = tuple(self._painter.image(spec, size) for size in SIZES)
        self.icon = self._images[-1]

    def poke(self) -> None:
        """Nothing to do: this loop wakes up for signals by itself."""

    def stop(self) -> None:
        """End `run`, also one that has not begun yet."""
        self._leaving.set()
        self._wake()

    def emit(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        """Send a signal, if there is a bus. One that is going away is dealt with by the loop."""
        if self._bus is not None:
            self._bus.emit(path, interface, member, signature, body)

    # ---- pystray's hooks: note what is wanted, and wake the loop ------------

    def _update_icon(self) -> None:
        if self._icon is not None and (not self._images or self._images[-1] is not self._icon):
            self._images = tuple(self._icon.resize((size, size), Image.Resampling.LANCZOS) for size in SIZES)
        self._icon_valid = True
        self._wake()

    def _update_title(self) -> None:
        self._wake()

    def _update_menu(self) -> None:
        self._entries = entries_of(self._menu, self, self._entries)
        self._wake()

    def _show(self) -> None:
        self._wake()

    def _hide(self) -> None:
        self._wake()

    def _stop(self) -> None:
        self.stop()

    def _run_detached(self) -> None:
        threading.Thread(target=self._run, name="status-icon", daemon=True).start()

    def _wake(self) -> None:
        bus = self._bus
        if bus is not None:
            bus.wake()

    # ---- the loop -----------------------------------------------------------

    def _run(self) -> None:
        self._mark_ready()
        failures = 0
        while not self._leaving.is_set():
            began = None
            try:
                bus = self._open_bus()
                began = self._clock()
                self._serve(bus)
            except BusError as error:
                log.warning("tray icon: %s", error)
                self._registration.lose()
                if began is not None and self._clock() - began >= STEADY_SECONDS:
                    failures = 0
                # One that is there and stands still may go on; one that is not there is over, and its session with it:
                # a tray that stays behind would keep the next one's place.
                if failures >= len(RECONNECT_SECONDS) and not isinstance(error, NoAnswerError):
                    break
                self._leaving.wait(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)])
                failures += 1
        self._running = False

    def _serve(self, bus: Bus) -> None:
        """Serve until `stop`. Raises BusError when the bus goes away."""
        self._bus = bus
        try:
            self._registration.begin(bus)
            while not self._leaving.is_set():
                bus.pump(self._print(), self._answer, self._registration.hear)
        finally:
            self._bus = None
            bus.close()

    def _print(self) -> float | None:
        """Bring what desktops see up to what is wanted; returns the seconds until more is to do, None for never."""
        now = self._clock()
        self._dbusmenu.announce(self._model.update(self._entries, now))
        # A tooltip that changes is shown anew by XFCE, MATE and waybar, across the open menu.
        title_waits = self._title != self._item.title and bool(self._item.title) and self._model.held(now)
        self._item.show(
            self._item.title if title_waits else self._title,
            self._images,
            visible=self._visible,
        )
        return self._model.hold_ends_in(now) if title_waits or self._model.rows_wait else None

    def _answer(self, call: Call) -> tuple[str, Body]:
        if call.interface == PROPERTIES_INTERFACE:
            return self._answer_properties(call)
        if call.interface == INTROSPECTABLE and call.member == "Introspect":
            return "s", (dbusmenu.INTROSPECTION if call.path == dbusmenu.PATH else item.INTROSPECTION,)
        if call.interface == PEER_INTERFACE and call.member == "Ping":
            return "", ()
        if call.path == dbusmenu.PATH:
            return self._dbusmenu.answer(call, self._clock())
        return self._item.answer(call.member)

    def _answer_properties(self, call: Call) -> tuple[str, Body]:
        properties = dbusmenu.PROPERTIES if call.path == dbusmenu.PATH else self._item.properties()
        if call.member == "GetAll":
            return "a{sv}", (properties,)
        if call.member == "Get":
            call.expect("ss")
            return "v", (properties[call.body[1]],)
        raise LookupError(call.member)

    def _shown_or_not(self, shown: bool) -> None:  # noqa: FBT001  # a callback's only argument
        if not shown:
            self._model.forget_desktop()
        self._on_panel(shown)


def entries_of(menu: Any, icon: Any, before: Sequence[Entry] = ()) -> tuple[Entry, ...]:  # pystray has no types
    """Turn a pystray menu into rows, their actions bound to `icon`. Items without a key are named by their place.

    `before` is what this gave last: of items that are the same objects still, the rows are so too.
    """
    return _entries_of(menu or (), icon, "", before)


def _entries_of(menu: Iterable[Any], icon: Any, parent: str, before: Sequence[Entry]) -> tuple[Entry, ...]:  # likewise
    known = {entry.key: entry for entry in before}
    entries = []
    separators = 0
    for place, descriptor in enumerate(menu):
        if descriptor is Menu.SEPARATOR:
            separators += 1
            entries.append(Entry(f"{parent}/separator:{separators}", Kind.SEPARATOR))
        elif isinstance(descriptor, KeyedMenuItem):
            old = known.get(descriptor.key)
            if old is None or old.source is not descriptor:
                old = _entry_of(descriptor, icon, descriptor.key, descriptor.gone_label, old)
            entries.append(old)
        else:  # its words may be another's at each look
            entries.append(_entry_of(descriptor, icon, f"{parent}/{place}", None, None))
    return tuple(entries)


def _entry_of(descriptor: Any, icon: Any, key: str, gone_label: str | None, before: Entry | None) -> Entry:  # likewise
    submenu = descriptor.submenu
    children: tuple[Entry, ...] = ()
    if submenu and before is not None and before.source.submenu is submenu:
        children = before.children
    elif submenu:
        children = _entries_of(submenu, icon, key, before.children if before is not None else ())
    return Entry(
        key=key,
        kind=Kind.SUBMENU if submenu else Kind.ITEM,
        label=descriptor.text,
        gone_label=gone_label,
        enabled=bool(descriptor.enabled),
        checked=descriptor.checked,
        radio=bool(descriptor.radio),
        action=None if submenu else functools.partial(descriptor, icon),
        children=children,
        source=descriptor,
    )
