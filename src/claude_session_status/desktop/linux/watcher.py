"""Registers the icon: a watcher takes it, and a host (the panel) shows it. A user sees it when both are there.

Mostly they are one program, but a watcher may be there before its panel and outlive it. What the seven desktops'
watchers report about their host (IsStatusNotifierHostRegistered), as measured:

- XFCE, LXQt, GNOME's extension: true from the start; the watcher ends with the panel.
- MATE, waybar: false for some milliseconds, then true, with both signals.
- Cinnamon (xapp's watcher): true; false when Cinnamon alone has gone, reported by PropertiesChanged and nothing else.
- KDE (kded): true always, also before there is a panel and after it has gone.

So a host counts as present unless the watcher reports that it is not: a watcher without that property may well show
icons. The icon is registered once there is a host: waybar misses an icon that comes while its host starts.
"""

import logging
from collections.abc import Callable

from claude_session_status.desktop.linux.bus import THE_BUS, Bus, BusError, Call, CallError, Reply, Target
from claude_session_status.desktop.linux.inbox import BUS_NAME

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


def find(bus: Bus) -> tuple[bool, bool]:
    """Whether there is a watcher, and whether it has a host. Raises BusError when the bus goes away."""
    if bus.owner_of(WATCHER) is None:
        return False, False
    try:
        return True, _reports_host(Reply(bus.ask(_PROPERTIES, "Get", "ss", (WATCHER, HAS_HOST), LOOK_SECONDS)))
    except CallError as error:
        return True, _reports_host(Reply(error=error))
    except BusError as error:  # a watcher that does not answer shows nothing
        log.info("%s", error)
        return True, False


class Registration:
    """Registers the icon with each watcher that comes. `on_change` is called when it is shown, or not any more."""

    def __init__(self, on_change: Callable[[bool], None]) -> None:
        self._on_change = on_change
        self._bus: Bus | None = None
        self._registered = False
        self._is_registering = False
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
        bus.call(THE_BUS, "GetNameOwner", "s", (WATCHER,), self._on_owner)

    def on_signal(self, signal: Call) -> None:
        """Handle a signal; only some concern it. Raises BusError."""
        # Any program can send a signal of that name; only the bus's own counts.
        if signal.member == "NameOwnerChanged" and signal.sender == BUS_NAME and signal.body[0] == WATCHER:
            self.lose()
            if signal.body[2]:
                self._ask_for_host()
        elif signal.member in ("StatusNotifierHostRegistered", "StatusNotifierHostUnregistered") or (
            signal.member == "PropertiesChanged" and (HAS_HOST in signal.body[1] or HAS_HOST in signal.body[2])
        ):
            self._ask_for_host()  # one of several may have come or gone

    def lose(self) -> None:
        """Forget the watcher: it has gone, or the bus has."""
        self._registered, self._is_registering, self._host = False, False, True
        self._report()

    # ---- private ------------------------------------------------------------

    def _on_owner(self, reply: Reply) -> None:
        if reply.error is None:
            self._ask_for_host()

    def _register(self) -> None:
        if self._bus is not None and not self._registered and not self._is_registering:
            self._is_registering = True
            self._bus.call(_TARGET, "RegisterStatusNotifierItem", "s", (self._bus.unique_name,), self._on_registered)

    def _ask_for_host(self) -> None:
        if self._bus is not None:
            self._bus.call(_PROPERTIES, "Get", "ss", (WATCHER, HAS_HOST), self._on_host)

    def _on_registered(self, reply: Reply) -> None:
        if reply.error is not None:
            log.warning("tray icon: the panel refused it: %s", reply.error)
        self._registered, self._is_registering = reply.error is None, False
        self._report()

    def _on_host(self, reply: Reply) -> None:
        host = _reports_host(reply)
        if host != self._host:
            log.info("tray icon: %s", "a panel shows icons" if host else "no panel shows icons")
        self._host = host
        if host:
            self._register()
        self._report()

    def _report(self) -> None:
        shown = self._registered and self._host
        if shown != self._shown:
            self._shown = shown
            self._on_change(shown)


def _reports_host(reply: Reply) -> bool:
    match reply.body:
        case ((_, has_host),):
            return bool(has_host)  # sway answers with a number
    return True
