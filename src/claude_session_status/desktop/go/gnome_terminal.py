"""gnome-terminal: its search provider brings a tab to the front, where the user has enabled it.

https://gitlab.gnome.org/GNOME/gnome-terminal/-/blob/master/src/terminal-search-provider.cc
"""

from collections.abc import Collection

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab
from claude_session_status.desktop.linux.bus import Target

ADVICE = (
    "To reach the tab, too: gsettings set org.gnome.Terminal.Legacy.Settings shell-integration-enabled true, then "
    "close all windows of GNOME Terminal once"
)


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:
    """Put the session's tab in front, and ask for the focus with the token."""
    screen = place.value(
        "GNOME_TERMINAL_SCREEN", r"/org/gnome/Terminal/screen/[0-9a-f]{8}(_[0-9a-f]{4}){3}_[0-9a-f]{12}"
    )
    service = place.value("GNOME_TERMINAL_SERVICE", r":[0-9]+\.[0-9]+")
    if screen is None or service is None or edge.pid_of(service) not in believed:
        return None
    if token is not None:
        platform = {"desktop-startup-id": ("s", token), "activation-token": ("s", token)}
        edge.ask(
            Target(service, "/org/gnome/Terminal", "org.freedesktop.Application"), "Activate", "a{sv}", (platform,)
        )
    uuid = screen.rpartition("/")[2].replace("_", "-")
    interface = "org.gnome.Shell.SearchProvider2"
    done = edge.ask(
        Target(service, "/org/gnome/Terminal/SearchProvider", interface), "ActivateResult", "sasu", (uuid, [], 0)
    )
    if done is None:
        return Tab(is_chosen=False, advice=ADVICE)
    return Tab(is_chosen=True, raises_itself=True)
