"""The interface org.kde.StatusNotifierItem: the icon's properties, and the clicks on it."""

from collections.abc import Callable
from typing import Any

from PIL import Image

from claude_session_status.desktop.linux import dbusmenu
from claude_session_status.desktop.linux.bus import Body, Call, Emitter

INTERFACE = "org.kde.StatusNotifierItem"
PATH = "/StatusNotifierItem"

Pixmap = tuple[int, int, bytes]

INTROSPECTION = f"""<node><interface name="{INTERFACE}">
<property name="Category" type="s" access="read"/><property name="Id" type="s" access="read"/>
<property name="Title" type="s" access="read"/><property name="Status" type="s" access="read"/>
<property name="WindowId" type="i" access="read"/><property name="IconName" type="s" access="read"/>
<property name="IconPixmap" type="a(iiay)" access="read"/><property name="IconThemePath" type="s" access="read"/>
<property name="IconAccessibleDesc" type="s" access="read"/>
<property name="OverlayIconName" type="s" access="read"/>
<property name="OverlayIconPixmap" type="a(iiay)" access="read"/>
<property name="AttentionIconName" type="s" access="read"/>
<property name="AttentionIconPixmap" type="a(iiay)" access="read"/>
<property name="AttentionMovieName" type="s" access="read"/>
<property name="AttentionAccessibleDesc" type="s" access="read"/>
<property name="ToolTip" type="(sa(iiay)ss)" access="read"/>
<property name="ItemIsMenu" type="b" access="read"/><property name="Menu" type="o" access="read"/>
<method name="Activate"><arg type="i" direction="in"/><arg type="i" direction="in"/></method>
<method name="SecondaryActivate"><arg type="i" direction="in"/><arg type="i" direction="in"/></method>
<method name="ContextMenu"><arg type="i" direction="in"/><arg type="i" direction="in"/></method>
<method name="Scroll"><arg type="i" direction="in"/><arg type="s" direction="in"/></method>
<method name="ProvideXdgActivationToken"><arg type="s" direction="in"/></method>
<signal name="NewTitle"/><signal name="NewIcon"/><signal name="NewAttentionIcon"/><signal name="NewToolTip"/>
<signal name="NewStatus"><arg type="s"/></signal>
</interface></node>"""

_IGNORED = frozenset({"SecondaryActivate", "ContextMenu", "Scroll"})
_LONGEST_TOKEN = 256  # characters


def pixmap(image: Image.Image) -> Pixmap:
    """Return the image in D-Bus form: width, height, and ARGB32 in network byte order."""
    rgba = image.convert("RGBA").tobytes()
    argb = bytearray(len(rgba))
    argb[0::4], argb[1::4], argb[2::4], argb[3::4] = rgba[3::4], rgba[0::4], rgba[1::4], rgba[2::4]
    return image.width, image.height, bytes(argb)


class StatusNotifierItem:
    """The icon object. Signals are sent only for changes: KDE reads every property again at each one."""

    def __init__(self, name: str, emitter: Emitter, activate: Callable[[], None]) -> None:
        self._name = name
        self._emitter = emitter
        self._activate = activate  # must return at once
        self._tooltip = ""
        self._images: tuple[Image.Image, ...] = ()
        self._pixmaps: tuple[Pixmap, ...] = ()
        self._status = "Passive"
        self._token: str | None = None

    def show(
        self, tooltip: str, images: tuple[Image.Image, ...], *, visible: bool, needs_attention: bool = False
    ) -> None:
        """Set what the panel shows, and announce what has changed."""
        status = "Passive" if not visible else "NeedsAttention" if needs_attention else "Active"
        is_new = False
        if images is not self._images:
            self._images = images
            pixmaps = tuple(pixmap(image) for image in images)
            if is_new := pixmaps != self._pixmaps:
                self._pixmaps = pixmaps
                self._emitter.emit(PATH, INTERFACE, "NewIcon")
        # Panels read all pixels again, so this one is announced only while they show it.
        if status == "NeedsAttention" and (is_new or status != self._status):
            self._emitter.emit(PATH, INTERFACE, "NewAttentionIcon")
        if tooltip != self._tooltip:
            self._tooltip = tooltip
            self._emitter.emit(PATH, INTERFACE, "NewToolTip")
        if status != self._status:
            self._status = status
            self._emitter.emit(PATH, INTERFACE, "NewStatus", "s", (status,))

    @property
    def tooltip(self) -> str:
        """The tooltip that was announced last."""
        return self._tooltip

    def properties(self) -> dict[str, tuple[str, Any]]:
        """All properties of the interface: signature and value."""
        return {
            "Category": ("s", "ApplicationStatus"),
            "Id": ("s", self._name),
            "Title": ("s", self._name),
            "Status": ("s", self._status),
            "WindowId": ("i", 0),
            "IconThemePath": ("s", ""),
            "IconName": ("s", ""),
            "IconPixmap": ("a(iiay)", list(self._pixmaps)),
            "IconAccessibleDesc": ("s", self._tooltip),
            "OverlayIconName": ("s", ""),
            "OverlayIconPixmap": ("a(iiay)", []),
            "AttentionIconName": ("s", ""),
            # The same: the icon itself shows what is urgent, and a panel that finds none shows nothing.
            "AttentionIconPixmap": ("a(iiay)", list(self._pixmaps)),
            "AttentionMovieName": ("s", ""),
            "AttentionAccessibleDesc": ("s", self._tooltip),  # GNOME asks for both descriptions
            "ToolTip": ("(sa(iiay)ss)", ("", [], self._tooltip, "")),
            "ItemIsMenu": ("b", False),
            "Menu": ("o", dbusmenu.PATH),
        }

    def answer(self, call: Call) -> tuple[str, Body]:
        """Answer a method call. Raises LookupError for an unknown method, ArgumentsError for wrong arguments."""
        if call.member == "Activate":
            self._activate()
        elif call.member == "ProvideXdgActivationToken":
            call.expect("s")
            self._token = call.body[0] if len(call.body[0]) <= _LONGEST_TOKEN else None
        elif call.member not in _IGNORED:
            raise LookupError(call.member)
        return "", ()

    def take_token(self) -> str | None:
        """The permission to take the focus that the desktop has given for the click that comes next. Good for one."""
        token, self._token = self._token, None
        return token
