"""Where no panel asks for icons on D-Bus: the X11 icon, its click, and the way back; and no display at all."""

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.desktop.linux.bus import THE_BUS, Body, Bus, Call
from claude_session_status.desktop.linux.watcher import HAS_HOST
from claude_session_status.model import Urgency
from desktop.app import FakeApp, session
from desktop.harness import WATCHER, Desktop, Program
from desktop.programs import RecordingTerminal
from waiting import wait_for

pytestmark = pytest.mark.desktop

AMBER = PAINTS[Urgency.SOON].left[:3]
RED = PAINTS[Urgency.LAST].left[:3]


def test_a_tray_of_the_old_kind_gets_an_icon_whose_click_opens_the_table(
    desktop: Desktop, app: FakeApp, tmp_path: Path
) -> None:
    terminal = RecordingTerminal(tmp_path)
    desktop.start_trayer()
    app.start(session("a", 100), table=("the", "table"), TERMINAL=str(terminal.program))
    x, y = wait_for("amber", lambda: desktop.find_colour(AMBER))
    app.show(session("a", 29))
    wait_for("red", lambda: desktop.find_colour(RED))
    desktop.click(x, y)
    assert wait_for("the terminal", terminal.arguments) == "-e the table\n"
    assert app.signal(signal.SIGTERM) == 0


def test_a_tray_of_the_old_kind_that_restarts_gets_the_icon_back(desktop: Desktop, app: FakeApp) -> None:
    trayer = desktop.start_trayer()
    app.start(session("a", 100))
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    trayer.end(signal.SIGKILL)
    wait_for("no amber", lambda: not desktop.find_colour(AMBER))
    desktop.start_trayer()
    wait_for("amber", lambda: desktop.find_colour(AMBER))


def test_a_panel_takes_over_from_a_tray_of_the_old_kind(desktop: Desktop, app: FakeApp) -> None:
    trayer = desktop.start_trayer()
    app.start(session("a", 100))
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    desktop.start_panel()
    assert "● a" in desktop.item().labels()[0]
    wait_for("the X11 icon's end", lambda: not x11_icons(desktop))
    trayer.end()
    wait_for("amber", lambda: desktop.find_colour(AMBER))


def test_without_a_bus_there_still_is_the_old_way(desktop: Desktop, app: FakeApp) -> None:
    desktop.start_trayer()
    app.start(session("a", 100), DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    assert "the icon has no menu" in app.program.text
    assert app.signal(signal.SIGTERM) == 0


def test_without_a_display_it_says_so(desktop: Desktop, app: FakeApp) -> None:
    app.start(session("a", 100), DISPLAY="")
    assert app.ended() == 0
    assert "no display No graphical display found" in app.program.text


def test_a_bus_that_goes_away_is_survived_for_a_while(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(session("a", 100))
    desktop.item()
    assert desktop.bus_daemon is not None
    desktop.bus_daemon.end(signal.SIGKILL)
    wait_for("a word on the bus", lambda: "the session bus went away" in app.program.text)
    assert app.signal(signal.SIGTERM) == 0


@pytest.fixture
def stopped_bus(desktop: Desktop) -> Iterator[Program]:
    """The bus, which a test may stop; it goes on in the end."""
    assert desktop.bus_daemon is not None
    yield desktop.bus_daemon
    desktop.bus_daemon.process.send_signal(signal.SIGCONT)


def stop_bus(bus: Program, app: FakeApp, words: str) -> None:
    """Have the bus read no more, and much sent to it, until these words are logged."""
    bus.process.send_signal(signal.SIGSTOP)
    lefts = itertools.cycle((150, 250))

    def send() -> bool:
        left = next(lefts)
        app.show(*(session(f"session {n}", left + n, title="A title " * 5) for n in range(40)))
        return words in app.program.text

    wait_for(words, send, 60)


def test_a_bus_that_stands_still_does_not_keep_the_tray_from_ending(
    desktop: Desktop, panel: Program, app: FakeApp, stopped_bus: Program
) -> None:
    app.start(session("a", 100))
    desktop.item()
    stop_bus(stopped_bus, app, "the session bus hangs")
    assert app.signal(signal.SIGTERM) == 0


def test_a_bus_that_goes_on_gets_the_icon_back(
    desktop: Desktop, panel: Program, app: FakeApp, stopped_bus: Program
) -> None:
    app.start(session("a", 100))
    first = desktop.item().name
    stop_bus(stopped_bus, app, "does not answer")
    app.show(session("a", 100))
    stopped_bus.process.send_signal(signal.SIGCONT)
    wait_for("a new icon", lambda: desktop.item().name != first)
    wait_for("amber", lambda: desktop.find_colour(AMBER))


class LonelyWatcher:
    """A watcher without a panel, until one is said to be there."""

    def __init__(self, desktop: Desktop) -> None:
        self.taken: list[Body] = []
        self.host = False
        self._ending = False
        self._bus = Bus(desktop.env["DBUS_SESSION_BUS_ADDRESS"])
        self._bus.open()
        self._bus.ask(THE_BUS, "RequestName", "su", (WATCHER.name, 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def panel_comes(self) -> None:
        self.host = True
        self._bus.wake()

    def close(self) -> None:
        self._ending = True
        self._bus.wake()
        self._thread.join(5)
        self._bus.close()

    def _serve(self) -> None:
        is_announced = False
        while not self._ending:
            self._bus.pump(None, self._answer)
            if self.host and not is_announced:
                is_announced = True
                self._bus.emit(WATCHER.path, WATCHER.interface, "StatusNotifierHostRegistered")

    def _answer(self, call: Call) -> tuple[str, Body]:
        if call.member == "Get" and call.body[1] == HAS_HOST:
            return "v", (("b", self.host),)
        if call.member == "RegisterStatusNotifierItem":
            self.taken.append(call.body)
            return "", ()
        raise LookupError(call.member)


@pytest.fixture
def watcher(desktop: Desktop) -> Iterator[LonelyWatcher]:
    watcher = LonelyWatcher(desktop)
    yield watcher
    watcher.close()


def test_where_icons_are_taken_but_no_panel_shows_them_there_is_the_old_way(
    desktop: Desktop, watcher: LonelyWatcher, app: FakeApp
) -> None:
    desktop.start_trayer()
    app.start(session("a", 100))
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    assert "no panel shows them" in app.program.text
    assert watcher.taken == []
    argv = [sys.executable, "-m", "claude_session_status", "doctor", "--json"]
    report = json.loads(subprocess.run(argv, env=desktop.env, capture_output=True, text=True, check=False).stdout)
    (tray,) = (check for check in report["checks"] if check["name"] == "tray")
    assert (tray["state"], "no panel shows them" in tray["meaning"]) == ("bad", True)
    watcher.panel_comes()
    wait_for("the X11 icon's end", lambda: not x11_icons(desktop))
    assert len(watcher.taken) == 1
    assert app.signal(signal.SIGTERM) == 0


def x11_icons(desktop: Desktop) -> list[str]:
    argv = ["xdotool", "search", "--class", "claude-session-status"]
    return subprocess.run(argv, env=desktop.env, capture_output=True, text=True, check=False).stdout.split()
