"""Getting the icon shown: a watcher takes it, and a host, the panel, shows it. A person sees it when both are there.

Mostly they are one program, but a watcher may be there before its panel and outlive it. What the seven desktops'
watchers say of their host (IsStatusNotifierHostRegistered), as measured:

- XFCE, LXQt, GNOME's extension: true from the start; the watcher ends with the panel.
- MATE, waybar: false for some milliseconds, then true, with both signals.
- Cinnamon (xapp's watcher): true; false when Cinnamon alone has gone, told by PropertiesChanged and nothing else.
- KDE (kded): true always, also before there is a panel and after it has gone.

So a host is believed to be there until the watcher says that it is not: one that does not know the question may well
show icons.
"""

import logging
from collections.abc import Callable

from claude_session_status.desktop.linux.bus import BUS_NAME, THE_BUS, Bus, BusError, Call, CallError, Reply, Target

log = logging.getLogger(__name__)

WATCHER = "org.kde.StatusNotifierWatcher"
PATH = "/StatusNotifierWatcher"
PROPERTIES = "org.freedesktop.DBus.Properties"
HAS_HOST = "IsStatusNotifierHostRegistered"
LOOK_SECONDS = 2.0

_TARGET = Target(WATCHER, PATH, WATCHER)
_PROPERTIES = Target(WATCHER, PATH, PROPERTIES)
_RULES = (
    f"type='signal',sender='{BUS_NAME}',member='NameOwnerChanged',arg0='{WATCHER}'",
    f"type='signal',sender='{WATCHER}',member='StatusNotifierHostRegistered'",
    f"type='signal',sender='{WATCHER}',member='StatusNotifierHostUnregistered'",
    f"type='signal',sender='{WATCHER}',interface='{PROPERTIES}',member='PropertiesChanged',path='{PATH}'",
)


def look(bus: Bus) -> tuple[bool, bool]:
    """Whether there is a watcher, and whether it has a host. Raises BusError when the bus goes away."""
    if bus.owner_of(WATCHER) is None:
        return False, False
    try:
        return True, _says_host(Reply(bus.ask(_PROPERTIES, "Get", "ss", (WATCHER, HAS_HOST), LOOK_SECONDS)))
    except CallError as error:
        return True, _says_host(Reply(error=error))
    except BusError as error:  # one that stands still shows nothing
        log.info("%s", error)
        return True, False


class Registration:
    """Has each watcher that comes take the icon. `on_change` hears whether it is shown now, at first it is not."""

    def __init__(self, on_change: Callable[[bool], None]) -> None:
        self._on_change = on_change
        self._bus: Bus | None = None
        self._taken = False
        self._host = True
        self._shown = False

    @property
    def shown(self) -> bool:
        """Whether a watcher has taken the icon and, as far as it knows, a panel shows it."""
        return self._shown

    def begin(self, bus: Bus) -> None:
        """Register, now or as soon as there is a watcher. Raises BusError."""
        self._bus = bus
        for rule in _RULES:
            bus.listen(rule)
        # After the rules above, so that no watcher is missed between the question and the rule.
        bus.call(THE_BUS, "GetNameOwner", "s", (WATCHER,), self._told_owner)

    def hear(self, signal: Call) -> None:
        """Take a signal; only some concern it. Raises BusError."""
        # Anybody can send us one of that name. Only the bus is believed.
        if signal.member == "NameOwnerChanged" and signal.sender == BUS_NAME and signal.body[0] == WATCHER:
            self.lose()
            if signal.body[2]:
                self._register()
        elif signal.member in ("StatusNotifierHostRegistered", "StatusNotifierHostUnregistered") or (
            signal.member == "PropertiesChanged" and (HAS_HOST in signal.body[1] or HAS_HOST in signal.body[2])
        ):
            self._ask_for_host()  # one of several may have come or gone

    def lose(self) -> None:
        """The watcher has gone, or the bus."""
        self._taken, self._host = False, True
        self._tell()

    # ---- private ------------------------------------------------------------

    def _told_owner(self, reply: Reply) -> None:
        if reply.error is None:
            self._register()

    def _register(self) -> None:
        self._ask_for_host()
        if self._bus is not None:
            self._bus.call(_TARGET, "RegisterStatusNotifierItem", "s", (self._bus.unique_name,), self._told_registered)

    def _ask_for_host(self) -> None:
        if self._bus is not None:
            self._bus.call(_PROPERTIES, "Get", "ss", (WATCHER, HAS_HOST), self._told_host)

    def _told_registered(self, reply: Reply) -> None:
        if reply.error is not None:
            log.warning("tray icon: the panel refused it: %s", reply.error)
        self._taken = reply.error is None
        self._tell()

    def _told_host(self, reply: Reply) -> None:
        host = _says_host(reply)
        if host != self._host:
            log.info("tray icon: %s", "a panel shows icons" if host else "no panel shows icons")
        self._host = host
        self._tell()

    def _tell(self) -> None:
        shown = self._taken and self._host
        if shown != self._shown:
            self._shown = shown
            self._on_change(shown)


def _says_host(reply: Reply) -> bool:
    match reply.body:
        case ((_, says),):
            return bool(says)  # sway answers with a number
    return True
