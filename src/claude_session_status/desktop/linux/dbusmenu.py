"""The interface com.canonical.dbusmenu: publishes a `MenuModel` and receives a desktop's events."""

import logging
from collections.abc import Callable
from typing import Any

from claude_session_status.desktop.linux.bus import Body, Call, Emitter
from claude_session_status.desktop.linux.menu_model import ROOT, Changes, MenuModel
from claude_session_status.menu_items import MenuItem

log = logging.getLogger(__name__)

INTERFACE = "com.canonical.dbusmenu"
PATH = "/MenuBar"

PROPERTIES = {
    "Version": ("u", 3),
    "TextDirection": ("s", "ltr"),
    "Status": ("s", "normal"),
    "IconThemePath": ("as", []),
}

ARGUMENTS = {
    "GetLayout": "iias",
    "GetGroupProperties": "aias",
    "GetProperty": "is",
    "Event": "isvu",
    "EventGroup": "a(isvu)",
    "AboutToShow": "i",
    "AboutToShowGroup": "ai",
}

OPENING = ("AboutToShow", "AboutToShowGroup")
READING = ("GetLayout", "GetGroupProperties", "GetProperty", *OPENING)

INTROSPECTION = f"""<node><interface name="{INTERFACE}">
<property name="Version" type="u" access="read"/><property name="TextDirection" type="s" access="read"/>
<property name="Status" type="s" access="read"/><property name="IconThemePath" type="as" access="read"/>
<method name="GetLayout"><arg type="i" direction="in"/><arg type="i" direction="in"/><arg type="as" direction="in"/>
<arg type="u" direction="out"/><arg type="(ia{{sv}}av)" direction="out"/></method>
<method name="GetGroupProperties"><arg type="ai" direction="in"/><arg type="as" direction="in"/>
<arg type="a(ia{{sv}})" direction="out"/></method>
<method name="GetProperty"><arg type="i" direction="in"/><arg type="s" direction="in"/>
<arg type="v" direction="out"/></method>
<method name="Event"><arg type="i" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="in"/>
<arg type="u" direction="in"/></method>
<method name="EventGroup"><arg type="a(isvu)" direction="in"/><arg type="ai" direction="out"/></method>
<method name="AboutToShow"><arg type="i" direction="in"/><arg type="b" direction="out"/></method>
<method name="AboutToShowGroup"><arg type="ai" direction="in"/><arg type="ai" direction="out"/>
<arg type="ai" direction="out"/></method>
<signal name="ItemsPropertiesUpdated"><arg type="a(ia{{sv}})"/><arg type="a(ias)"/></signal>
<signal name="LayoutUpdated"><arg type="u"/><arg type="i"/></signal>
<signal name="ItemActivationRequested"><arg type="i"/><arg type="u"/></signal>
</interface></node>"""


class DBusMenu:
    """The menu object. `perform` is called with the item that was clicked, and must return at once."""

    def __init__(self, model: MenuModel, emitter: Emitter, perform: Callable[[MenuItem], None]) -> None:
        self._model = model
        self._emitter = emitter
        self._perform = perform

    def announce(self, changes: Changes) -> None:
        """Announce the changes to desktops."""
        if changes.layout:
            self._emitter.emit(PATH, INTERFACE, "LayoutUpdated", "ui", (self._model.revision, ROOT))
        if changes.updated or changes.removed:
            body = ([(i, dict(p)) for i, p in changes.updated], [(i, list(n)) for i, n in changes.removed])
            self._emitter.emit(PATH, INTERFACE, "ItemsPropertiesUpdated", "a(ia{sv})a(ias)", body)

    def answer(self, call: Call, now: float) -> tuple[str, Body]:
        """Answer a method call: signature and body.

        Raises:
            LookupError: an unknown method, row or property.
            ArgumentsError: the arguments do not match the method.

        """
        call.expect(ARGUMENTS[call.member])
        body = call.body
        match call.member:
            case "GetLayout":
                parent, depth, names = body
                self._model.recognise(names)
                layout = self._model.layout(parent, depth, names)
                for submenu in self._model.unread_submenus(parent, depth):
                    self._emitter.emit(PATH, INTERFACE, "LayoutUpdated", "ui", (self._model.revision, submenu))
                return "u(ia{sv}av)", (self._model.revision, layout)
            case "GetGroupProperties":
                ids, names = body
                known = [i for i in (ids or self._model.ids()) if self._model.knows(i)]
                return "a(ia{sv})", ([(i, self._model.properties(i, names)) for i in known],)
            case "GetProperty":
                return "v", (self._model.properties(body[0])[body[1]],)
            case "Event":
                self._event(body[0], body[1], now)
                return "", ()
            case "EventGroup":
                for row_id, event, _data, _time in body[0]:
                    self._event(row_id, event, now)
                return "ai", ([event[0] for event in body[0] if not self._model.knows(event[0])],)
            case "AboutToShow":
                return "b", (self._about_to_show(body[0], now),)
            case "AboutToShowGroup":
                stale = [row_id for row_id in body[0] if self._about_to_show(row_id, now)]
                return "aiai", (stale, [i for i in body[0] if not self._model.knows(i)])
        raise LookupError(call.member)

    def _about_to_show(self, menu_id: int, now: float) -> bool:
        log.debug("about to show %d", menu_id)
        changes = self._model.about_to_show(menu_id, now)
        self.announce(changes)
        return changes.layout

    def _event(self, row_id: int, event: Any, now: float) -> None:  # whatever a desktop sends
        log.debug("%s %d", event, row_id)
        if event == "opened":
            self._model.opened(row_id, now)
        elif event == "closed":
            self._model.closed(row_id, now)
        elif event == "clicked":
            item = self._model.clicked(row_id, now)
            if item is not None:
                self._perform(item)
