"""Go to session on Linux: the pane, the tab and the window, each from the next ancestor outwards."""

import logging
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from claude_session_status.desktop.go import multiplexers, process, sway
from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.hyprland import Hyprland
from claude_session_status.desktop.go.hyprland import socket_of as hyprland_socket
from claude_session_status.desktop.go.niri import Niri
from claude_session_status.desktop.go.outcome import Outcome, Reached
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab
from claude_session_status.desktop.go.terminals import choose_tab
from claude_session_status.desktop.go.window import Window, WindowManager, likeliest, of_nearest, owners, titled

log = logging.getLogger(__name__)

NESTED_MULTIPLEXERS = 3
# How long a terminal may take to show a changed title. Where no tab was chosen, the session's may be a hidden one.
MARK_SECONDS, MARK_OF_CHOSEN_SECONDS = 0.4, 1.0
_STEP_SECONDS = 0.01
_PUSH_TITLE, _POP_TITLE = b"\x1b[22;2t", b"\x1b[23;2t"  # XTWINOPS


def window_manager(environ: Mapping[str, str], edge: Edge, patience: float = 1.0) -> WindowManager | None:
    """What lists and raises windows in this session; None where there is no display that answers."""
    if (path := sway.socket_of(environ)) is not None:
        return sway.Sway(edge, path)
    if path := environ.get("NIRI_SOCKET"):
        return Niri(edge, path)
    if (path := hyprland_socket(environ)) is not None:
        return Hyprland(edge, path)
    on_wayland = bool(environ.get("WAYLAND_DISPLAY"))
    if on_wayland and edge.has_owner("org.kde.KWin"):
        from claude_session_status.desktop.go.kwin import KWin  # noqa: PLC0415 - only on KDE

        return KWin(edge)
    if environ.get("DISPLAY"):
        from claude_session_status.desktop.go import x11  # noqa: PLC0415 - Xlib takes time to import

        if (display := x11.connect(environ["DISPLAY"], is_complete=not on_wayland, patience=patience)) is not None:
            return display
    if on_wayland:
        from claude_session_status.desktop.go.gnome_shell import GnomeShell  # noqa: PLC0415 - only there

        return GnomeShell()
    return None


@dataclass(frozen=True, slots=True)
class Find:
    """The window that was chosen, and whether it is known to show the session."""

    window: Window
    is_certain: bool


def reach(
    place: Place, edge: Edge, manager: WindowManager | None, token: str | None = None, *, patience: float = 1.0
) -> Outcome:
    """Bring the place to the front, as far as this desktop and its terminal allow it. `patience` multiplies limits."""
    windows = (manager.windows() if manager is not None else None) or ()
    pane = None
    for _ in range(NESTED_MULTIPLEXERS):
        believed = _believed(place, manager, windows)
        selected = multiplexers.select(place, believed, edge)
        if selected is None:
            break
        pane = selected
        if selected.client is None:
            return Outcome(
                Reached.DETACHED,
                f"The session runs in {selected.program}, which no terminal shows",
                attach=selected.attach,
            )
        client = process.read_pid(selected.client)
        if client is None:
            return Outcome(
                Reached.PANE, f"Its pane is selected in {selected.program}", "Its terminal is not this user's"
            )
        place = client
    if manager is None:
        return _without_display(pane)
    tab = choose_tab(place, _believed(place, manager, windows), edge, token)
    find = _find(place, manager, windows, tab, patience)
    if find is None:
        return _without_window(manager, pane, tab, token)
    owner = next(up for up in place.chain if up.pid == find.window.pid)
    if not process.is_same(owner):
        return Outcome(
            Reached.NOTHING, "The session's terminal has just closed", "Copy its resume command to open it again"
        )
    if not manager.activate(find.window):
        step = f"{manager.name} has refused to give it the focus"
        return Outcome(
            Reached.PANE if pane or (tab and tab.is_chosen) else Reached.NOTHING, "The window stays behind", step
        )
    if find.is_certain:
        return Outcome(Reached.SESSION)
    if tab is not None and tab.is_chosen:
        return Outcome(
            Reached.WINDOW, "Window brought forward; the session may be in another window", "Its tab is chosen there"
        )
    advice = (tab.advice if tab is not None else "") or "This terminal lets no other program choose a tab"
    return Outcome(Reached.WINDOW, "Window brought forward; the session is in another tab", advice)


def _believed(place: Place, manager: WindowManager | None, windows: Sequence[Window]) -> frozenset[int]:
    """The processes whose claims count."""
    lists_all = manager is not None and manager.lists_all
    found = set(owners(windows)) if lists_all else {*owners(windows), *place.named_like_terminals()}
    return place.believed(found)


def _without_display(pane: multiplexers.Pane | None) -> Outcome:
    if pane is None:
        return Outcome(Reached.NOTHING, "No graphical display found", "Run it on the desktop that shows the session")
    return Outcome(Reached.PANE, f"Its pane is selected in {pane.program}", "No display here shows its window")


def _without_window(
    manager: WindowManager, pane: multiplexers.Pane | None, tab: Tab | None, token: str | None
) -> Outcome:
    if manager.lists_all:
        sentence = "No window of the session's terminal was found"
        step = "It may be on another display, reached over ssh or run without a terminal"
    else:
        if tab is not None and tab.raises_itself and token is not None:
            return Outcome(Reached.SESSION)
        sentence = f"{manager.name} lets no program raise the window of another"
        step = tab.advice if tab is not None and tab.advice else "Look for the window by the session's title"
    return Outcome(Reached.PANE if pane or (tab is not None and tab.is_chosen) else Reached.NOTHING, sentence, step)


# ---- which window -----------------------------------------------------------


def _find(
    place: Place, manager: WindowManager, windows: Sequence[Window], tab: Tab | None, patience: float
) -> Find | None:
    mine = of_nearest(windows, place)
    if not mine:
        return None
    is_chosen = tab is not None and tab.is_chosen
    tabs = process.tabs_of(mine[0].pid or 0)
    if len(mine) == 1 and (is_chosen or tabs < 2):
        return Find(mine[0], is_certain=True)
    if tab is not None and is_chosen and tab.title:
        now = of_nearest(manager.windows() or (), place)
        if (found := titled(now, tab.title)) is not None:
            return Find(found, is_certain=True)
    named = next((window for window in mine if window.id == manager.window_named(place)), None)
    if named is not None and tabs <= len(mine):
        return Find(named, is_certain=True)
    if (found := _seen_window(place, manager, tab, mine, patience)) is not None:
        return Find(found, is_certain=True)
    return Find(named or likeliest(mine), is_certain=False)


def _seen_window(
    place: Place, manager: WindowManager, tab: Tab | None, before: Sequence[Window], patience: float
) -> Window | None:
    """The window that shows the session; None for a hidden tab.

    The session's terminal is asked to show a random text as its title, which the window's title then contains. A window
    that its program raises itself becomes active, or asks for attention where that was refused.
    """
    signs = {(window.id, window.is_active, window.wants_attention) for window in before}
    mark = f"claude-session-status {secrets.token_hex(4)}"
    with _marking(place, mark) if tab is None or tab.mark is None else tab.mark(mark):
        limit = MARK_OF_CHOSEN_SECONDS if tab is not None and tab.is_chosen else MARK_SECONDS
        deadline = time.monotonic() + limit * patience
        while time.monotonic() < deadline:
            now = of_nearest(manager.windows() or (), place)
            if (found := titled(now, mark)) is not None:
                return found
            if tab is not None and tab.raises_itself:
                for window in now:
                    is_new = (window.id, window.is_active, window.wants_attention) not in signs
                    if is_new and (window.is_active or window.wants_attention):
                        return window
            time.sleep(_STEP_SECONDS)
    return None


@contextmanager
def _marking(place: Place, mark: str) -> Iterator[None]:
    """Show the mark as the terminal's title, and restore the title that was there."""
    if place.tty is None or not process.is_same(place.chain[0]):
        yield
        return
    is_written = process.write_to_tty(place.tty, _PUSH_TITLE + f"\x1b]2;{mark}\x07".encode())
    try:
        yield
    finally:
        if is_written:
            process.write_to_tty(place.tty, _POP_TITLE)
