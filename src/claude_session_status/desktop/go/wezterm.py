"""WezTerm: its own command line, which talks to the running program. Written after its documentation, not run."""

from collections.abc import Collection

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:  # noqa: ARG001 - needs none
    """Activate the session's pane, with its tab."""
    pane = place.value("WEZTERM_PANE", r"[0-9]{1,9}")
    socket = place.value("WEZTERM_UNIX_SOCKET", r"/[^\x00-\x1f]{1,107}")
    if pane is None or socket is None:
        return None
    connection = edge.connect(socket)
    if connection is None:
        return None
    with connection:
        if connection.pid not in believed:
            return None
    command = ("wezterm", "cli", "--no-auto-start", "activate-pane", "--pane-id", pane)
    return Tab(is_chosen=edge.run(*command, environ={"WEZTERM_UNIX_SOCKET": socket}) is not None)
