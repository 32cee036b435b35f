"""`watch` in a real terminal: live, fitting, and gone without a trace when it ends."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux: apt-get install tmux")


class Terminal:
    """A terminal of tmux's, on a server of its own."""

    def __init__(self) -> None:
        self._tmux = ["tmux", "-f", "/dev/null", "-L", f"watch-{uuid.uuid4().hex}"]

    def start(self, *arguments: str, width: int = 80, height: int = 20, term: str = "", **environment: str) -> None:
        variable = f"TERM={term} " if term else ""  # tmux says what it is itself
        command = f"{variable}'{sys.executable}' -m claude_session_status {' '.join(arguments)}"
        line = f"trap : INT; {command}; echo exit=$?; exec sh"
        self._do(
            "new-session", "-d", "-x", str(width), "-y", str(height), f"PS1='$ ' sh -c \"{line}\"", env=environment
        )

    def _do(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, check=True, env=os.environ | (env or {})
        )
        return done.stdout

    def shell(self) -> None:
        """Start with a shell that has job control, and no command."""
        self._do("new-session", "-d", "-x", "80", "-y", "20", "bash --norc -i", env={"PS1": "$ "})

    def screen(self, *, colours: bool = False, joined: bool = False) -> str:
        """What is shown. `joined`: a line that the terminal wrapped as the one that it is."""
        return self._do("capture-pane", "-p", *(["-e"] if colours else []), *(["-J"] if joined else []))

    def resize(self, width: int) -> None:
        self._do("resize-window", "-x", str(width), "-y", "20")

    def keys(self, *keys: str) -> None:
        self._do("send-keys", *keys)

    def shows_cursor(self) -> bool:
        return self._do("display-message", "-p", "#{cursor_flag}#{alternate_on}") == "10\n"

    def pid(self) -> int:
        shell = self._do("display-message", "-p", "#{pane_pid}").strip()
        return int(subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=True).stdout.split()[0])

    def wait(self, condition: Callable[[str], Any], seconds: float = 15) -> str:
        """The screen once `condition` holds for it; fails with the screen when it never does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            screen = self.screen()
            if condition(screen):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"the screen never came to be as expected:\n{self.screen()}")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def mark(command: str, session_id: str, **fields: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "claude_session_status", command],
        input=json.dumps({"session_id": session_id, **fields}).encode(),
        check=True,
    )


def test_the_table_is_live_and_ctrl_c_ends_it_clean(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch")
    first = terminal.wait(lambda s: "my-app" in s and " left" in s)
    terminal.wait(lambda s: " left" in s and s != first)
    mark("mark-turn", "two", cwd="/x/website")
    terminal.wait(lambda s: "website" in s)
    mark("mark-end", "two")
    terminal.wait(lambda s: "ENDED" in s)
    terminal.keys("C-c")
    terminal.wait(lambda s: "exit=0" in s)
    assert terminal.shows_cursor()
    assert "my-app" not in terminal.screen()


def test_it_survives_a_resize(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/" + "long" * 12, title="A title")
    terminal.start("watch", width=100)
    terminal.wait(lambda s: "TITLE" in s)
    terminal.resize(60)
    narrow = terminal.wait(lambda s: "TITLE" not in s and " left" in s)
    assert narrow.count(" left") == 1
    assert narrow.count("SESSION") == 1
    terminal.resize(200)
    terminal.wait(lambda s: "TITLE" in s and "long" * 5 in s)


@pytest.mark.parametrize(("no_colour", "expected"), [("", True), ("1", False)])
def test_colours_can_be_turned_off(no_colour: str, expected: bool, terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", NO_COLOR=no_colour)
    terminal.wait(lambda s: " left" in s)
    assert ("\x1b[32m" in terminal.screen(colours=True)) is expected


def test_sigterm_ends_it_clean_too(terminal: Terminal) -> None:
    terminal.start("watch")
    terminal.wait(lambda s: "install-hooks" in s)
    os.kill(terminal.pid(), 15)
    terminal.wait(lambda s: "exit=0" in s)
    assert terminal.shows_cursor()


def test_a_tray_without_display_becomes_the_table_and_says_why(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("tray", DISPLAY="", WAYLAND_DISPLAY="", DBUS_SESSION_BUS_ADDRESS="", XDG_RUNTIME_DIR="/nonexistent")
    terminal.wait(lambda s: "No tray: " in s and "my-app" in s and " left" in s)
    terminal.keys("C-c")
    after = terminal.wait(lambda s: "exit=0" in s)
    assert "No tray: " in after


def test_once_leaves_the_table_on_the_screen(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", "--once")
    screen = terminal.wait(lambda s: "exit=0" in s)
    assert "my-app" in screen
    assert "left" in screen


def test_the_demo_in_a_terminal(terminal: Terminal) -> None:
    terminal.start("watch", "--demo", width=100)
    first = terminal.wait(lambda s: "Demo: six made-up sessions" in s and "web-shop" in s)
    terminal.wait(lambda s: "web-shop" in s and s != first)
    terminal.keys("C-c")
    terminal.wait(lambda s: "exit=0" in s)


def test_a_demo_without_display_becomes_the_table_and_says_why(terminal: Terminal) -> None:
    terminal.start("tray", "--demo", width=100, DISPLAY="", WAYLAND_DISPLAY="")
    terminal.wait(lambda s: "No tray:" in s and "web-shop" in s and "q quit" in s)
    terminal.keys("q")
    screen = terminal.wait(lambda s: "exit=0" in s)
    assert "icon's menu" not in screen


def test_keys_choose_sort_and_quit_and_the_shell_gets_none_of_them(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/zebra")
    mark("mark-turn", "two", cwd="/x/ape")
    terminal.start("watch", width=110)
    terminal.wait(lambda s: "zebra" in s and "ape" in s and "s sort: expiry" in s)
    terminal.keys("Down", "Down")
    terminal.wait(lambda _: re.search(r"\x1b\[(0;)?7m.*ape", terminal.screen(colours=True)))
    terminal.keys("s")
    terminal.wait(lambda s: "s sort: project" in s and s.index("ape") < s.index("zebra"))
    assert re.search(r"\x1b\[(0;)?7m.*ape", terminal.screen(colours=True)), "the choice stays with its session"
    terminal.keys("x", "?", "q", "l", "s")
    screen = terminal.wait(lambda s: "exit=0" in s)
    assert screen.split("exit=0")[1].strip() == "$"
    terminal.keys("echo typed", "Enter")
    terminal.wait(lambda s: s.count("typed") == 2)  # it is echoed and obeyed again


def test_with_more_sessions_than_lines_the_foot_and_the_chosen_one_are_seen(terminal: Terminal) -> None:
    for number in range(12):
        mark("mark-turn", f"s{number:02}", cwd=f"/x/p{number:02}")
    terminal.start("watch", width=110, height=12)
    terminal.wait(lambda s: "p00" in s and "q quit" in s and "p11" not in s)
    terminal.keys("Up")
    terminal.wait(lambda s: "p11" in s and "q quit" in s and "p00" not in s)
    terminal.keys("q")
    terminal.wait(lambda s: "exit=0" in s)


@pytest.mark.parametrize("height", [6, 8, 10])
def test_in_a_small_pane_it_says_what_is_not_shown_and_how_to_quit(height: int, terminal: Terminal) -> None:
    for number in range(9):
        mark("mark-turn", f"s{number:02}", cwd=f"/x/p{number:02}")
    terminal.start("watch", width=60, height=height)
    terminal.wait(lambda s: "of 9 sessions, the arrows" in s and "p00" in s and "q quit" in s)
    terminal.keys("Down", "Up", "Up")
    terminal.wait(lambda s: "p00" in s and "q quit" in s)


def test_esc_swallows_no_key_after_it(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", width=110)
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("Escape")
    pressed = time.monotonic()
    terminal.wait(lambda _: time.monotonic() > pressed + 1)  # q must not come so soon that both are Alt and q
    terminal.keys("q")
    terminal.wait(lambda s: "exit=0" in s)


def test_where_nothing_can_be_drawn_over_it_prints_once(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", term="dumb")
    terminal.wait(lambda s: "my-app" in s and " left" in s and "exit=0" in s)


def test_without_a_keyboard_it_is_shown_all_the_same(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", "</dev/null")
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("C-c")
    terminal.wait(lambda s: "exit=0" in s)


def test_keys_mute_and_copy_the_chosen_session(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", width=110)
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("m")
    terminal.wait(lambda s: "Choose a session first" in s)
    terminal.keys("Down", "m")
    terminal.wait(lambda s: "my-app is muted" in s and re.search("left *muted", s))
    terminal.keys("m")
    terminal.wait(lambda s: "my-app may notify again" in s and not re.search("left *muted", s))
    terminal.keys("c")
    terminal.wait(lambda s: "cd -- /x/my-app && claude --resume one" in s)
    terminal.keys("o")
    terminal.wait(lambda s: "The folder /x/my-app does not exist any more" in s)
    terminal.keys("q")
    terminal.wait(lambda s: "exit=0" in s)


def test_without_a_clipboard_the_command_is_one_line_on_the_terminal_at_the_end(terminal: Terminal) -> None:
    mark("mark-turn", "b411c385-0563-4be1-80a8-49e9d14daaa6", cwd="/home/somebody/projects/my-app")
    terminal.start("watch", width=70, DISPLAY="", WAYLAND_DISPLAY="")
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("Down", "c")
    terminal.wait(lambda s: "There is no clipboard here" in s)
    terminal.keys("q")
    screen = terminal.wait(lambda s: "exit=0" in s)
    assert "cd -- /home/somebody/projects/my-app && claude --resume b411c385-0563-" in screen.splitlines()
    joined = terminal.screen(joined=True)
    command = "cd -- /home/somebody/projects/my-app && claude --resume b411c385-0563-4be1-80a8-49e9d14daaa6"
    assert command in [line.strip() for line in joined.splitlines()]


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.shell()
    terminal.keys(f"'{sys.executable}' -m claude_session_status watch", "Enter")
    for _ in range(2):
        terminal.wait(lambda s: "my-app" in s and "q quit" in s)
        terminal.keys("C-z")
        terminal.wait(lambda s: "Stopped" in s and "q quit" not in s)
        assert terminal.shows_cursor()
        terminal.keys("echo typed", "Enter")
        terminal.wait(lambda s: s.count("typed") >= 2)
        terminal.keys("clear; fg", "Enter")
    terminal.wait(lambda s: "q quit" in s)
    assert not terminal.shows_cursor()
    terminal.keys("m")
    terminal.wait(lambda s: "Choose a session first" in s)
    terminal.keys("q")
    terminal.wait(lambda s: s.rstrip().endswith(("$", "#")))
    assert terminal.shows_cursor()


def test_a_size_that_is_said_to_be_nothing_is_not_believed() -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    done = subprocess.run(
        [sys.executable, "-m", "claude_session_status", "status"],
        env=os.environ | {"COLUMNS": "0", "LINES": "0"},
        capture_output=True,
        text=True,
    )
    assert "my-app" in done.stdout


def test_printed_once_it_shows_what_the_live_table_shows() -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    mark("mark-end", "one")
    once = subprocess.run(
        [sys.executable, "-m", "claude_session_status", "watch", "--once"], capture_output=True, text=True
    )
    assert re.search("my-app .* ENDED", once.stdout)
