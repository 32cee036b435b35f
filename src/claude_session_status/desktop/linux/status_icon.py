"""A tray icon for Linux, straight on D-Bus in pure Python: StatusNotifierItem and dbusmenu.

pystray's own Linux backends either need system packages and close the open menu at each refresh (AppIndicator), or have
no menu and do not work on Wayland (X11).

One thread, the one in `run`, owns the bus and everything that is shown. The setters only store values and wake it.
The loop survives panels (see `watcher`) and a bus that restart.
"""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Sequence

from PIL import Image

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux import dbusmenu, item
from claude_session_status.desktop.linux.bus import Body, Bus, BusError, Call, NoAnswerError
from claude_session_status.desktop.linux.dbusmenu import DBusMenu
from claude_session_status.desktop.linux.item import StatusNotifierItem
from claude_session_status.desktop.linux.menu_model import MenuModel
from claude_session_status.desktop.linux.watcher import Registration
from claude_session_status.glance import IconSpec
from claude_session_status.menu_items import MenuItem, with_activation_token

log = logging.getLogger(__name__)

PROPERTIES_INTERFACE = "org.freedesktop.DBus.Properties"
PEER_INTERFACE = "org.freedesktop.DBus.Peer"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"

SIZES = (16, 22, 24, 32, 48, 64)
RECONNECT_SECONDS = (0.5, 2.0, 5.0, 10.0, 10.0)
STEADY_SECONDS = 5.0  # a connection that lasted this long does not count as a failure


class StatusIcon:
    """The icon. `menu` returns the menu's items, `perform` is called with the one that was clicked.

    `open_bus` connects to the session bus; `on_shown` is called when a panel begins or ceases to show the icon, and
    `on_opening` when a menu opens that could not be open before.
    """

    def __init__(
        self,
        name: str,
        painter: IconPainter,
        open_bus: Callable[[], Bus],
        *,
        title: str,
        menu: Callable[[], Sequence[MenuItem]],
        perform: Callable[[MenuItem], None],
        on_shown: Callable[[bool], None] = lambda _shown: None,
        on_opening: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._painter = painter
        self._open_bus = open_bus
        self._menu = menu
        self._perform = perform
        self._on_shown = on_shown
        self._on_opening = on_opening
        self._clock = clock
        self._title = title
        self._visible = False
        self._images: tuple[Image.Image, ...] = ()
        self._needs_attention = False
        self._items: tuple[MenuItem, ...] | None = None  # None: the menu has not been updated yet
        self._bus: Bus | None = None
        self._model = MenuModel()
        self._item = StatusNotifierItem(name, self, self._activate)
        self._dbusmenu = DBusMenu(self._model, self, self._clicked)
        self._leaving = threading.Event()
        self._registration = Registration(self._shown_changed)

    run_pending_signals = None

    @property
    def shown(self) -> bool:
        """Whether a panel shows the icon."""
        return self._registration.shown

    # ---- for any thread -----------------------------------------------------

    @property
    def title(self) -> str:
        """The tooltip's text."""
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        self._title = title
        self._wake()

    @property
    def visible(self) -> bool:
        """Whether the icon is to be shown."""
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._visible = visible
        self._wake()

    @property
    def menu_may_be_open(self) -> bool:
        """Whether a desktop may show the menu now. One that opens it asks first, and gets the menu of that moment."""
        return self._model.held(self._clock())

    def show_spec(self, spec: IconSpec) -> None:
        """Redraw the icon, separately for each size: a reduced 64 px icon is blurred at 16."""
        self._images = tuple(self._painter.image(spec, size) for size in SIZES)
        self._needs_attention = spec.needs_attention
        self._wake()

    def update_menu(self) -> None:
        """Read the menu again."""
        self._items = tuple(self._menu())
        self._wake()

    def run(self, setup: Callable[["StatusIcon"], None] | None = None) -> None:
        """Call `setup`, then show the icon until `stop`."""
        if setup is not None:
            setup(self)
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
                # A bus that does not answer may recover. One that is gone has ended with its login session, and a tray
                # that stays would keep the lock that the next session's tray needs.
                if failures >= len(RECONNECT_SECONDS) and not isinstance(error, NoAnswerError):
                    break
                self._leaving.wait(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)])
                failures += 1

    def stop(self) -> None:
        """End `run`, also before it has begun."""
        self._leaving.set()
        self._wake()

    def emit(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        """Send a signal, if there is a bus. The loop handles a bus that goes away."""
        if self._bus is not None:
            self._bus.emit(path, interface, member, signature, body)

    def _wake(self) -> None:
        bus = self._bus
        if bus is not None:
            bus.wake()

    # ---- the loop -----------------------------------------------------------

    def _serve(self, bus: Bus) -> None:
        """Serve until `stop`. Raises BusError when the bus goes away."""
        self._bus = bus
        try:
            self._registration.begin(bus)
            while not self._leaving.is_set():
                bus.pump(self._publish(), self._answer, self._registration.on_signal)
        finally:
            self._bus = None
            bus.close()

    def _publish(self) -> float | None:
        """Bring what desktops see up to date; returns the seconds until there is more to do, None for never."""
        now = self._clock()
        starting = self._items is None
        self._dbusmenu.announce(self._model.update(self._items or self._menu(), now, starting=starting))
        # XFCE, MATE and waybar show a changed tooltip again, on top of the open menu.
        announced = self._item.tooltip
        tooltip_waits = self._title != announced and bool(announced) and self._model.held(now)
        self._item.show(
            announced if tooltip_waits else self._title,
            self._images,
            visible=self._visible,
            needs_attention=self._needs_attention,
        )
        return self._model.hold_ends_in(now) if tooltip_waits or self._model.rows_wait else None

    def _answer(self, call: Call) -> tuple[str, Body]:
        if call.interface == PROPERTIES_INTERFACE:
            return self._answer_properties(call)
        if call.interface == INTROSPECTABLE and call.member == "Introspect":
            return "s", (dbusmenu.INTROSPECTION if call.path == dbusmenu.PATH else item.INTROSPECTION,)
        if call.interface == PEER_INTERFACE and call.member == "Ping":
            return "", ()
        if call.path == dbusmenu.PATH:
            self._refresh(call.member)
            now = self._clock()
            was_open = self._model.held(now)
            answer = self._dbusmenu.answer(call, now)
            if not was_open and self._model.held(now):
                self._on_opening()
            return answer
        return self._item.answer(call)

    def _refresh(self, member: str) -> None:
        """Bring the menu to the present second before a desktop reads it."""
        if self._items is None or member not in dbusmenu.READING:
            return
        self._items = tuple(self._menu())
        if member in dbusmenu.OPENING:
            self._model.want(self._items)  # whether rows may change at this moment is decided there
        else:
            self._dbusmenu.announce(self._model.update(self._items, self._clock()))

    def _answer_properties(self, call: Call) -> tuple[str, Body]:
        properties = dbusmenu.PROPERTIES if call.path == dbusmenu.PATH else self._item.properties()
        if call.member == "GetAll":
            return "a{sv}", (properties,)
        if call.member == "Get":
            call.expect("ss")
            return "v", (properties[call.body[1]],)
        raise LookupError(call.member)

    def _activate(self) -> None:
        """Do what a left click on the icon does."""
        default = next((i for i in self._menu() if i.default), None)
        if default is not None:
            self._clicked(default)

    def _clicked(self, clicked: MenuItem) -> None:
        """Perform the item's action, with the desktop's permission to take the focus where it came with the click."""
        token = self._item.take_token()
        if clicked.action is not None and token is not None:
            clicked = dataclasses.replace(clicked, action=with_activation_token(clicked.action, token))
        self._perform(clicked)

    def _shown_changed(self, shown: bool) -> None:  # noqa: FBT001  # a callback's only argument
        if not shown:
            self._model.forget_desktop()
        self._on_shown(shown)
