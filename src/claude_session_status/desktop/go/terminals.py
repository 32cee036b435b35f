"""Chooses a session's tab: a protocol of the terminals, each of which is in a file of its own."""

from collections.abc import Callable, Collection

from claude_session_status.desktop.go import ghostty, gnome_terminal, kitty, konsole, tilix, wezterm
from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab

Choose = Callable[[Place, Collection[int], Edge, str | None], Tab | None]

TERMINALS: tuple[Choose, ...] = (
    konsole.choose_tab,
    gnome_terminal.choose_tab,
    tilix.choose_tab,
    kitty.choose_tab,
    wezterm.choose_tab,
    ghostty.choose_tab,
)


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:
    """Choose the session's tab in the first terminal whose claim is believed; None where none is.

    `token` is the desktop's permission to take the focus.
    """
    for choose in TERMINALS:
        if (tab := choose(place, believed, edge, token)) is not None:
            return tab
    return None
