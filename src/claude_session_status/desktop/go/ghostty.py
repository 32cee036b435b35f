"""Ghostty on Linux: an action of the application on D-Bus. Written after its source (src/apprt/gtk), not run."""

from collections.abc import Collection

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab
from claude_session_status.desktop.linux.bus import Target

_SERVICE = "com.mitchellh.ghostty"


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:
    """Put the session's surface in front."""
    surface = place.value("GHOSTTY_SURFACE_ID", r"0x[0-9a-f]{1,16}")
    if surface is None or edge.pid_of(_SERVICE) not in believed:
        return None
    platform = {"desktop-startup-id": ("s", token), "activation-token": ("s", token)} if token else {}
    body = ("present-surface", [("t", int(surface, 16))], platform)
    done = edge.ask(Target(_SERVICE, "/com/mitchellh/ghostty", "org.gtk.Actions"), "Activate", "sava{sv}", body)
    return Tab(is_chosen=done is not None, raises_itself=done is not None)
