"""tilix: an action of the application on D-Bus brings a terminal to the front, whichever tab and split it is in."""

from collections.abc import Collection

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab
from claude_session_status.desktop.linux.bus import Target

_SERVICE = "com.gexperts.Tilix"


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:
    """Put the session's terminal in front."""
    terminal = place.value("TILIX_ID", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    if terminal is None or edge.pid_of(_SERVICE) not in believed:
        return None
    platform = {"desktop-startup-id": ("s", token)} if token else {}
    body = ("activate-terminal", [("s", terminal)], platform)
    done = edge.ask(Target(_SERVICE, "/com/gexperts/Tilix", "org.gtk.Actions"), "Activate", "sava{sv}", body)
    return Tab(is_chosen=done is not None, raises_itself=done is not None)
