"""konsole: its windows and sessions are objects on D-Bus. A tab may have been moved to another window."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab
from claude_session_status.desktop.linux.bus import Target

_WINDOW = "org.kde.konsole.Window"
_SESSION = "org.kde.konsole.Session"
_FORMAT_OF_A_LOCAL_TAB = 0
_TITLE_SHOWN = 1


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:  # noqa: ARG001 - needs none
    """Put the session's tab in front in whichever window it is."""
    service = place.value("KONSOLE_DBUS_SERVICE", r":[0-9]+\.[0-9]+|org\.kde\.konsole(-[0-9]+)?")
    session = place.value("KONSOLE_DBUS_SESSION", r"/Sessions/[0-9]{1,9}")
    window = place.value("KONSOLE_DBUS_WINDOW", r"/Windows/[0-9]{1,9}")
    if service is None or session is None or window is None or edge.pid_of(service) not in believed:
        return None
    number = int(session.rpartition("/")[2])
    holder = next((w for w in _windows(edge, service, window) if str(number) in _sessions(edge, service, w)), None)
    if holder is None or edge.ask(Target(service, holder, _WINDOW), "setCurrentSession", "i", (number,)) is None:
        return Tab(is_chosen=False)
    title = edge.ask(Target(service, session, _SESSION), "title", "i", (_TITLE_SHOWN,))
    return Tab(is_chosen=True, title=str(title[0]) if title else "", mark=partial(_marked, edge, service, session))


def _windows(edge: Edge, service: str, first: str) -> Iterator[str]:
    """The windows' paths, the one where the tab was opened first."""
    yield first
    node = edge.ask(Target(service, "/Windows", "org.freedesktop.DBus.Introspectable"), "Introspect")
    for number in re.findall(r'node name="([0-9]{1,9})"', str(node[0]) if node else "", re.ASCII):
        if f"/Windows/{number}" != first:
            yield f"/Windows/{number}"


def _sessions(edge: Edge, service: str, window: str) -> list[str]:
    listed = edge.ask(Target(service, window, _WINDOW), "sessionList")
    return [str(number) for number in listed[0]] if listed else []


@contextmanager
def _marked(edge: Edge, service: str, session: str, text: str) -> Iterator[None]:
    """Show the text as the tab's title, and restore the tab's own format."""
    before = edge.ask(Target(service, session, _SESSION), "tabTitleFormat", "i", (_FORMAT_OF_A_LOCAL_TAB,))
    edge.ask(Target(service, session, _SESSION), "setTabTitleFormat", "is", (_FORMAT_OF_A_LOCAL_TAB, text))
    try:
        yield
    finally:
        if before:
            edge.ask(
                Target(service, session, _SESSION), "setTabTitleFormat", "is", (_FORMAT_OF_A_LOCAL_TAB, str(before[0]))
            )
