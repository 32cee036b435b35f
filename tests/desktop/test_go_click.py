"""From a notification, the menu and `watch` to the right pane: the real tray, real terminals, one click."""

import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.app import FakeApp, session
from desktop.desktops.xfce import Xfce
from desktop.harness import packages, why_not
from desktop.person import Person
from desktop.terminals import Stage
from waiting import wait_for

pytestmark = pytest.mark.desktop

TERMINALS = ("xterm", "konsole", "gnome-terminal")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    missing = [name for name in (*TERMINALS, "tmux") if shutil.which(name) is None]
    if reason := why_not(Xfce) or (f"{missing}; install: {packages('terminals')}" if missing else None):
        pytest.skip(reason)
    with Xfce(tmp_path) as desktop:
        desktop.env |= {"SHELL": "/bin/sh", "LIBGL_ALWAYS_SOFTWARE": "1"}
        desktop.start_notifier()
        desktop.start_panel()
        with Stage(desktop) as stage:
            yield stage


def picture(stage: Stage, name: str) -> None:
    """Keep the screen where GO_PICTURES says."""
    folder = os.environ.get("GO_PICTURES")
    stage.desktop.screenshot(Path(folder) / f"{name}.png" if folder else stage.desktop.root / f"{name}.png")


def test_one_click_on_a_notification_leads_to_the_right_pane_of_tmux(stage: Stage) -> None:
    person = Person(stage.desktop)
    wanted = {}
    for terminal in TERMINALS:
        panes = [f"{terminal}-{number}" for number in (1, 2, 3)]
        stage.multiplexed("tmux", terminal, *panes)
        wanted[terminal] = panes[1]  # a split of a window that is not shown: the third pane is in another one
    with FakeApp(stage.desktop) as app:
        app.start()
        stage.desktop.item()
        for terminal, name in wanted.items():
            other = f"before-{terminal}"
            stage.window("xterm", other)
            wait_for(f"{other} in front", functools.partial(gets_typed, stage, other))
            before = stage.desktop.screenshot()
            app.show(session(name, 30, process=stage.process(name)))  # urgent: it stays until it is clicked
            app.send(alert=name)
            note = person.see_notification(before, "expires")
            picture(stage, f"{terminal}-before")
            stage.desktop.click(*note.place("Go"))
            wait_for(f"the pane of {name}", functools.partial(gets_typed, stage, name))
            picture(stage, f"{terminal}-after")


def gets_typed(stage: Stage, name: str) -> bool:
    return stage.typed_to() == name
