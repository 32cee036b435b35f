"""From a hook to the screen: the real command `claude-session-status tray` on a real panel, fed by real hooks."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli.autostart import APART
from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from desktop.command import PRODUCT, Claude, start_tray, wait_line
from desktop.harness import Desktop, Item, MenuLine, Program
from desktop.programs import RecordingTerminal
from waiting import wait_for

pytestmark = pytest.mark.desktop

AMBER = PAINTS[Urgency.SOON].left[:3]
GREY = PAINTS[Urgency.NONE].left[:3]
END_SECONDS = 2.0


def test_from_the_hook_to_the_screen(desktop: Desktop, panel: Program) -> None:
    desktop.start_dunst()
    tray = start_tray(desktop)
    item = desktop.item()
    wait_line(item, "No sessions yet")
    wait_for("grey", lambda: desktop.find_colour(GREY))
    claude = Claude(desktop, "11111111-2222-3333-4444-555555555555", "my_app")
    claude.hook("mark-start", "SessionStart", source="startup")
    wait_line(item, "● my_app|○ my_app")
    claude.turn(seconds_left=42)
    line = wait_line(item, r"0:[43]\d ● my_app$")
    wait_for("amber", lambda: desktop.find_colour(AMBER))
    wait_for("a moved countdown", lambda: line not in item.labels() and wait_line(item, "● my_app$"))
    wait_for("the notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "1", 30)
    desktop.run("dunstctl", "close-all")
    history = desktop.run("dunstctl", "history")
    assert re.search(r"my_app: cache expires at \d\d:\d\d:\d\d", history)
    assert "re-caching 142k tokens costs about $0.68" in history
    claude.hook("mark-end", "SessionEnd", reason="prompt_input_exit")
    wait_line(item, "No running sessions")
    item.click("Quit")
    assert tray.process.wait(END_SECONDS) == 0


def test_a_notification_comes_once_also_across_a_restart(desktop: Desktop, panel: Program) -> None:
    desktop.start_dunst()
    claude = Claude(desktop, "11111111-2222-3333-4444-555555555555", "my_app")
    claude.hook("mark-start", "SessionStart", source="startup")
    claude.turn(seconds_left=33)
    tray = start_tray(desktop)
    wait_for("the notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "1")
    assert tray.end(seconds=END_SECONDS) == 0
    desktop.run("dunstctl", "close-all")
    wait_for("none shown", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "0")
    start_tray(desktop)
    line = wait_line(desktop.item(), r"0:\d\d ● my_app$")
    wait_for("time to pass", lambda: line not in desktop.item().labels())
    assert desktop.run("dunstctl", "count", "displayed").strip() == "0"


def test_what_a_person_wants_outlives_the_tray(desktop: Desktop, panel: Program) -> None:
    muted = Claude(desktop, "11111111-2222-3333-4444-555555555555", "my_app")
    forgotten = Claude(desktop, "66666666-2222-3333-4444-555555555555", "other")
    tray = start_tray(desktop)
    for claude in (muted, forgotten):
        claude.hook("mark-start", "SessionStart", source="startup")
        claude.turn(seconds_left=200)
    item = desktop.item()
    wait_line(item, "● my_app")
    wait_line(item, "● other")

    def facts() -> set[str]:
        return {line.label for line in next(line for line in item.menu() if "my_app" in line.label).children}

    known = {"Context: 142k tokens", "If it expires: about $0.68 to rebuild"}
    wait_for("the price, which a child process looks up", lambda: known <= facts())
    assert any(text.startswith("Folder: /") and text.endswith("/my_app") for text in facts())
    click_below(item, "my_app", "Mute")
    wait_line(item, r"● my_app   muted$")
    click_below(item, "other", "Forget")
    wait_line(item, "Undo: forget other")
    click_below(item, "Settings", "Sound")
    wait_for("the setting", lambda: below(item, "Settings", "Sound").checked)
    before = below(item, "Settings", "Notify before").children
    item.event(next(choice for choice in before if choice.label == "1 min before").id, "clicked")
    settings = desktop.home / ".claude/claude-session-status/config.toml"
    wait_for("both", lambda: settings.read_text().endswith("\nsound = true\nnotify_before_seconds = 60\n"))
    click_below(item, "Pause", "For 1 hour")
    wait_line(item, "Notifications paused until")
    assert tray.end(seconds=END_SECONDS) == 0
    start_tray(desktop)
    item = desktop.item()
    wait_line(item, r"● my_app   muted$")
    wait_line(item, "Notifications paused until")
    assert not any("other" in text for text in item.labels())
    done = subprocess.run([*PRODUCT, "status", "--json"], env=desktop.env, capture_output=True, text=True, check=True)
    (session,) = json.loads(done.stdout)["sessions"]
    assert (session["project"], session["muted"], session["rewrite_cost_usd"]) == ("my_app", True, 0.6816)
    forgotten.hook("mark-prompt", "UserPromptSubmit")
    wait_line(item, "▶ other")


def click_below(item: Item, line: str, text: str) -> None:
    """Click the line with `text` in the submenu of the line with `line`."""
    item.event(below(item, line, text).id, "clicked")


def below(item: Item, line: str, text: str) -> MenuLine:
    """The line with `text` in the submenu of the line with `line`."""
    return next(child for child in item.line(line).children if text in child.label)


def test_the_menu_sets_everything_up_and_switches_start_at_login(desktop: Desktop, panel: Program) -> None:
    start_tray(desktop)
    item = desktop.item()
    wait_line(item, "Set up Claude Code hooks")
    item.click("Set up Claude Code hooks")
    wait_for("the hooks", (desktop.home / ".claude/settings.json").exists)
    wait_for("the line to go", lambda: not any("Set up" in label for label in item.labels()))
    entry = desktop.config / "autostart/claude-session-status.desktop"
    for is_on in (True, False, True):
        # Before the mark is shown, a click would ask for the same once more.
        wait_for("the mark", lambda: below(item, "Settings", "Start at login").checked is is_on)  # noqa: B023 - used before it changes
        assert entry.exists() is is_on
        click_below(item, "Settings", "Start at login")


def test_a_second_tray_reports_the_first_and_ends(desktop: Desktop, panel: Program) -> None:
    start_tray(desktop)
    desktop.item()
    second = start_tray(desktop)
    assert second.process.wait(10) == 0
    assert "running already" in second.text
    assert len(desktop.items()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(desktop: Desktop, panel: Program, number: signal.Signals) -> None:
    tray = start_tray(desktop)
    desktop.item()
    assert tray.end(number, END_SECONDS) == 0
    assert not Path(desktop.home / ".claude/claude-session-status/monitor.alive").exists()


class Window:
    """A terminal's window: what is read in it, and closing it."""

    def __init__(self) -> None:
        self._ours, self.inside = os.openpty()
        os.set_blocking(self._ours, False)
        self.text = ""

    def read(self, part: str) -> bool:
        with contextlib.suppress(BlockingIOError, OSError):
            self.text += os.read(self._ours, 4096).decode()
        return part in self.text

    def type(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    def close(self) -> None:
        """Close it: its processes get SIGHUP."""
        os.close(self.inside)
        os.close(self._ours)


def start_in(window: Window, desktop: Desktop, *argv: str) -> Program:
    inside = window.inside
    return desktop.start(["setsid", "--ctty", *argv], argv[-1], stdin=inside, stdout=inside)


def test_in_a_terminal_it_says_where_it_is_and_goes_with_it(desktop: Desktop, panel: Program) -> None:
    window = Window()
    tray = start_in(window, desktop, *PRODUCT, "tray")
    wait_for("the line", lambda: window.read("The icon is in the panel. To end the tray, choose Quit in its menu"))
    assert window.text.strip().endswith("press Ctrl-C here or close this terminal.")
    desktop.item()
    window.close()
    assert tray.process.wait(END_SECONDS) == 0
    assert window.text.count("\n") == 1


def test_apart_from_its_terminal_it_stays(desktop: Desktop, panel: Program) -> None:
    """As `autostart on` and the README say to start it."""
    window = Window()
    desktop.env["PATH"] = f"{Path(sys.executable).parent}:{desktop.env['PATH']}"
    shell = start_in(window, desktop, "sh", "-i")
    window.type(APART)
    item = desktop.item()
    window.close()
    shell.process.wait(END_SECONDS)
    claude = Claude(desktop, "11111111-2222-3333-4444-555555555555", "my_app")
    claude.turn(seconds_left=200)
    wait_line(item, "● my_app")
    item.click("Quit")
    wait_for("no icon", lambda: not desktop.items())


def test_the_command_opens_in_a_terminal_and_inherits_nothing_of_ours(desktop: Desktop, panel: Program) -> None:
    """A left click runs `watch` in a terminal; what the tray did to its own environment does not reach it."""
    terminal = RecordingTerminal(desktop.root, also='echo "[$PYSTRAY_BACKEND]"')
    start_tray(desktop, {"TERMINAL": str(terminal.program)})
    item = desktop.item()
    item.click("Show table")
    assert wait_for("the terminal", terminal.arguments) == f"-e {this_launcher()} watch\n[]\n"


def test_without_a_display_it_says_why(desktop: Desktop) -> None:
    tray = start_tray(desktop, {"DISPLAY": ""})
    tray.process.wait(20)
    assert "No graphical display found" in tray.text
