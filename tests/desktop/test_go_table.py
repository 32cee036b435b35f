"""Go to session with real terminals on real window managers: the table of what is reached, cell by cell.

GO_TABLE=all measures every cell (some minutes), and prints the table. Without it each terminal and each window manager
has its turn once. A person types after each click, and the stand-in for a session that gets the line says what is in
front.
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from claude_session_status.desktop import go
from claude_session_status.desktop.go.outcome import Outcome, Reached
from desktop.desktops import every
from desktop.desktops.managers import (
    MANAGERS,
    GnomeWayland,
    GnomeX11,
    KwinWayland,
    KwinX11,
    Manager,
    Openbox,
    Sway,
    Xfwm,
)
from desktop.harness import COMMON_PROGRAMS, PACKAGES_FILE, packages
from desktop.terminals import MULTIPLEXERS, WITHOUT_TABS, Stage
from waiting import wait_for

pytestmark = pytest.mark.desktop

PATIENCE = 10.0  # a busy machine is slow
X11 = (Openbox, Xfwm, KwinX11, GnomeX11)
EVERYTHING = ("xterm", "alacritty", "xfce4-terminal", "gnome-terminal", "konsole", "tilix", "kitty", "foot")
INSIDE = ("tmux in xterm", "tmux in konsole", "tmux in gnome-terminal", "screen in xterm", "screen in konsole")

# What each run of the tests measures.
SUBSET: Mapping[type[Manager], Sequence[str]] = {
    Openbox: (*EVERYTHING[:-1], "tmux in xterm", "tmux in konsole", "tmux in gnome-terminal", "screen in xterm"),
    Xfwm: ("xterm",),
    KwinX11: ("konsole",),
    GnomeX11: ("gnome-terminal",),
    Sway: ("foot", "tmux in foot"),
    KwinWayland: ("konsole",),
}
ALL: Mapping[type[Manager], Sequence[str]] = {
    **dict.fromkeys(X11, (*EVERYTHING[:-1], *INSIDE)),
    Sway: (*EVERYTHING[1:], "tmux in foot", "screen in foot"),
    KwinWayland: (*EVERYTHING[1:-1], "tmux in alacritty"),
    GnomeWayland: ("konsole", "alacritty"),
}
NO_WINDOWS = (GnomeWayland,)
HIDDEN_TAB_IS_OUT_OF_REACH = ("xfce4-terminal",)


def expected(kind: type[Manager], terminal: str) -> str:
    """The cell of the table: W the window, WT its tab, too, WP the pane."""
    if kind in NO_WINDOWS:
        return "tab only" if terminal == "konsole" else "no"
    if terminal.split(maxsplit=1)[0] in MULTIPLEXERS:
        return "WP"
    return "W" if terminal in WITHOUT_TABS or terminal in HIDDEN_TAB_IS_OUT_OF_REACH else "WT"


@dataclass
class Measured:
    """What was reached, and how long each click took."""

    reached: set[str] = field(default_factory=set)
    milliseconds: list[float] = field(default_factory=list)

    @property
    def cell(self) -> str:
        if "window" not in self.reached:
            return "tab only" if "tab only" in self.reached else "no"
        return "W" + ("T" if "tab" in self.reached else "") + ("P" if "pane" in self.reached else "")


class Visit:
    """Clicks on one desktop."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.measured = Measured()

    def go(self, name: str) -> Outcome:
        began = time.perf_counter()
        outcome = go.find(self._stage.session(name), self._stage.desktop.env, patience=PATIENCE)
        self.measured.milliseconds.append((time.perf_counter() - began) * 1000)
        return outcome

    def reaches(self, name: str) -> bool:
        """Whether a click puts the session in front, as it says. A window manager may need a moment."""
        outcome = self.go(name)
        if outcome.reached is not Reached.SESSION:
            assert outcome.sentence, outcome
            assert outcome.next_step, outcome
            return False
        self.sees(name)
        return True

    def sees(self, name: str) -> None:
        """Wait until the session gets what is typed."""
        seen: list[str] = []

        def look() -> bool:
            seen.append(self._stage.typed_to())
            return seen[-1] == name

        wait_for(lambda: f"what is typed to arrive in {name}; it went to {seen[-1] or 'no session'}", look)

    def opens(self, terminal: str, name: str) -> None:
        """Open a window, and wait until it is in front: not every window manager puts a new one there."""
        self._stage.window(terminal, name)
        self.comes_to_the_front(name)

    def comes_to_the_front(self, name: str) -> None:
        """Wait until a new session is in front: one that comes later would take the place of what was clicked."""

        def look() -> bool:
            if self._stage.typed_to() == name:
                return True
            go.find(self._stage.session(name), self._stage.desktop.env)
            return False

        wait_for(f"{name} in front", look)

    def terminal(self, terminal: str) -> None:
        """Two windows, and where there are tabs a hidden one in the first: which can be reached?"""
        other, first, second = (f"{terminal}-{part}" for part in ("other", "first", "second"))
        for name in (other, first):
            self.opens(terminal, name)
        in_front = first
        if terminal not in WITHOUT_TABS:
            self._stage.second_tab(terminal, first, in_front := second)
            self.comes_to_the_front(second)
        if self.reaches(other) and self.reaches(in_front):
            self.measured.reached.add("window")
        if terminal not in WITHOUT_TABS and self.reaches(other) and self.reaches(first):
            self.measured.reached.add("tab")

    def without_windows(self, terminal: str) -> None:
        """Where windows can't be raised: one window, and where there are tabs a hidden one in it."""
        first, second = f"{terminal}-first", f"{terminal}-second"
        self._stage.window(terminal, first)
        self.sees(first)
        if terminal not in WITHOUT_TABS:
            self._stage.second_tab(terminal, first, second)
            self.sees(second)
        outcome = self.go(first)
        if outcome.reached is Reached.PANE:
            self.sees(first)
            self.measured.reached.add("tab only")

    def multiplexer(self, multiplexer: str, terminal: str) -> None:
        """Three panes in two windows of the multiplexer, behind another terminal's window."""
        names = [f"{multiplexer}-{terminal}-{number}" for number in range(3)]
        self._stage.multiplexed(multiplexer, terminal, *names)
        self.opens("xterm" if self._stage.desktop.sees_display else "alacritty", other := f"{names[0]}-other")
        reached = [self.reaches(name) for name in (names[0], other, *names[1:])]
        self.measured.reached |= {"window", "pane"} if all(reached) else set()


@contextmanager
def started(kind: type[Manager], root: Path) -> Iterator[Stage]:
    with kind(root) as desktop, Stage(desktop) as stage:
        yield stage


def measure(stage: Stage, terminal: str) -> Measured:
    visit = Visit(stage)
    inner, _, outer = terminal.partition(" in ")
    if outer:
        visit.multiplexer(inner, outer)
    elif type(stage.desktop) in NO_WINDOWS:
        visit.without_windows(terminal)
    else:
        visit.terminal(terminal)
    return visit.measured


def why_not(kind: type[Manager], terminals: Sequence[str]) -> str | None:
    """What is missing here, and what installs it."""
    words = {word for terminal in terminals for word in terminal.split(" in ")}
    missing = [p for p in (*COMMON_PROGRAMS, *kind.programs, *sorted(words)) if shutil.which(p) is None]
    if not missing:
        return None
    return (
        f"{kind.name}: missing: {', '.join(missing)}; install the packages in {PACKAGES_FILE}: {packages('terminals')}"
    )


# The window managers that belong to one of the tests' desktops run where that desktop does.
OF_DESKTOP: Mapping[type[Manager], str] = {KwinX11: "kde", KwinWayland: "kde", GnomeX11: "gnome", Sway: "waybar"}
CHOSEN = {kind.name for kind in every.chosen(os.environ)}
WANTED = ALL if os.environ.get("GO_TABLE") == "all" else SUBSET
KINDS = [kind for kind in MANAGERS if kind in WANTED and OF_DESKTOP.get(kind) in {None, *CHOSEN}]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_click_brings_a_session_to_the_front_on(kind: type[Manager], tmp_path: Path) -> None:
    if reason := why_not(kind, WANTED[kind]):
        pytest.skip(reason)
    found: dict[str, str] = {}
    with started(kind, tmp_path) as stage:
        for terminal in WANTED[kind]:
            measured = measure(stage, terminal)
            found[terminal] = measured.cell
            times = sorted(measured.milliseconds)
            print(f"{kind.name:14} {terminal:22} {measured.cell:9} {times[len(times) // 2]:5.0f} ms in the middle")
    assert found == {terminal: expected(kind, terminal) for terminal in WANTED[kind]}
