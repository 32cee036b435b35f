"""`watch` in a real terminal: it is live, it fits, and it leaves the terminal as it was."""

import json
import math
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from fakes import Transcript
from terminal import PATIENCE, Terminal
from waiting import wait_for

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux: apt-get install tmux")


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


def test_the_table_is_live_and_ctrl_c_restores_the_screen(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch")
    first = terminal.wait(lambda s: "my-app" in s and " left" in s)
    terminal.wait(lambda s: " left" in s and s != first)
    mark("mark-turn", "two", cwd="/x/website")
    terminal.wait(lambda s: "website" in s)
    mark("mark-end", "two")
    terminal.wait(lambda s: "ENDED" in s)
    terminal.keys("C-c")
    terminal.ends()
    assert terminal.shows_cursor()
    assert "my-app" not in terminal.screen()


def test_the_table_runs_the_users_command_where_no_tray_does(terminal: Terminal, where: Paths, tmp_path: Path) -> None:
    Path(where.folder).mkdir(parents=True)
    save = tmp_path / "save"
    save.write_text(f'#!/bin/sh\ncat >>"{tmp_path}/alerts"\n')
    save.chmod(0o755)
    Path(where.config).write_text(f'notify_before_seconds = 297\non_alert = ["{save}"]\n')
    mark("mark-turn", "one", cwd="/x/my-app")
    tray = FileLock(where.tray_lock)
    tray.acquire()
    terminal.start("watch")
    terminal.wait(lambda s: "my-app" in s and " 4m 5" in s)
    wait_for("its moment to pass", lambda: " 4m 4" in terminal.screen())
    assert not (tmp_path / "alerts").exists(), "the tray would have run it"
    tray.release()
    mark("mark-turn", "two", cwd="/x/website")
    wait_for("the alert", lambda: (tmp_path / "alerts").exists() and (tmp_path / "alerts").read_text().endswith("\n"))
    terminal.keys("q")
    terminal.ends()
    assert [json.loads(line)["session"]["project"] for line in (tmp_path / "alerts").read_text().splitlines()] == [
        "website"
    ]


def test_the_table_follows_a_resize(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/" + "long" * 12, title="A title")
    terminal.start("watch", width=100)
    terminal.wait(lambda s: "TITLE" in s)
    terminal.resize(60)
    terminal.wait(lambda s: "TITLE" not in s and (s.count(" left"), s.count("SESSION")) == (1, 1))
    terminal.resize(200)
    terminal.wait(lambda s: "TITLE" in s and "long" * 5 in s)


@pytest.mark.parametrize(("no_colour", "expected"), [("", True), ("1", False)])
def test_no_color_turns_colours_off(no_colour: str, expected: bool, terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", NO_COLOR=no_colour)
    screen = terminal.wait(lambda s: " left" in s, colours=True)
    assert ("\x1b[38;5;28m" in screen) is expected


def test_sigterm_restores_the_screen_too(terminal: Terminal) -> None:
    terminal.start("watch")
    terminal.wait(lambda s: "No sessions yet." in s)
    os.kill(terminal.pid(), 15)
    terminal.ends()
    assert terminal.shows_cursor()


def test_a_tray_without_display_becomes_the_table_and_says_why(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("tray", DISPLAY="", WAYLAND_DISPLAY="", DBUS_SESSION_BUS_ADDRESS="", XDG_RUNTIME_DIR="/nonexistent")
    terminal.wait(lambda s: "No tray: " in s and "my-app" in s and " left" in s)
    terminal.keys("C-c")
    after = terminal.ends()
    assert "No tray: " in after


def test_once_leaves_the_table_on_the_screen(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", "--once")
    screen = terminal.ends()
    assert "my-app" in screen
    assert "left" in screen


def test_the_demo_is_live(terminal: Terminal) -> None:
    terminal.start("watch", "--demo", width=100)
    first = terminal.wait(lambda s: "Demo: six made-up sessions" in s and "web-shop" in s)
    terminal.wait(lambda s: "web-shop" in s and s != first)
    terminal.keys("C-c")
    terminal.ends()


def test_a_demo_without_display_becomes_the_table_and_says_why(terminal: Terminal) -> None:
    terminal.start("tray", "--demo", width=100, DISPLAY="", WAYLAND_DISPLAY="")
    terminal.wait(lambda s: "No tray:" in s and "web-shop" in s and "q quit" in s)
    terminal.keys("q")
    screen = terminal.ends()
    assert "icon's menu" not in screen


def test_keys_choose_sort_and_quit_and_the_shell_gets_none_of_them(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/zebra")
    mark("mark-turn", "two", cwd="/x/ape")
    terminal.start("watch", width=110)
    terminal.wait(lambda s: "zebra" in s and "ape" in s and "s sort: expiry" in s)
    terminal.keys("Down", "Down")
    chosen = re.compile(r"\x1b\[(0;)?7m.*ape")
    terminal.wait(chosen.search, colours=True)
    terminal.keys("s")
    terminal.wait(lambda s: "s sort: project" in s and s.index("●  ape") < s.index("●  zebra"))
    terminal.wait(chosen.search, colours=True)  # the choice stays with its session
    terminal.keys("x", "q", "l", "s")
    assert re.fullmatch(r"[$#]", terminal.ends().split("exit=0")[1].strip())
    terminal.keys("echo typed", "Enter")
    terminal.wait(lambda s: s.count("typed") == 2)  # echoed by the terminal, and run


def test_with_more_sessions_than_lines_the_foot_and_the_chosen_session_are_visible(terminal: Terminal) -> None:
    for number in range(12):
        mark("mark-turn", f"s{number:02}", cwd=f"/x/p{number:02}")
    terminal.start("watch", width=110, height=12)
    terminal.wait(lambda s: "●  p00" in s and "q quit" in s and "p11" not in s)
    terminal.keys("Up")
    terminal.wait(lambda s: "p11" in s and "q quit" in s and "●  p00" not in s)
    terminal.keys("q")
    terminal.ends()


@pytest.mark.parametrize("height", [6, 8, 10])
def test_a_small_pane_says_what_is_not_shown_and_how_to_quit(height: int, terminal: Terminal) -> None:
    for number in range(9):
        mark("mark-turn", f"s{number:02}", cwd=f"/x/p{number:02}")
    terminal.start("watch", width=60, height=height)
    terminal.wait(lambda s: "of 9 sessions, the arrows" in s and "p00" in s and "q quit" in s)
    terminal.keys("Down", "Up", "Up")
    terminal.wait(lambda s: "p00" in s and "q quit" in s)


def test_the_key_after_esc_works(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", width=110)
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("Escape")
    pressed = time.monotonic()
    terminal.wait(lambda _: time.monotonic() > pressed + 1)  # an immediate q would make it Alt and q
    terminal.keys("q")
    terminal.ends()


def test_a_dumb_terminal_gets_the_table_once(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", term="dumb")
    screen = terminal.ends()
    assert "my-app" in screen
    assert " left" in screen


def test_without_a_keyboard_the_table_is_live_too(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", "</dev/null")
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("C-c")
    terminal.ends()


def test_keys_mute_and_copy_the_chosen_session(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", width=110, DISPLAY="", WAYLAND_DISPLAY="")
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("m")
    terminal.wait(lambda s: "Choose a session first" in s)
    terminal.keys("Down", "m")
    terminal.wait(lambda s: "my-app is muted" in s and re.search("my-app *muted", s))
    terminal.keys("m")
    terminal.wait(lambda s: "my-app is unmuted" in s and not re.search("my-app *muted", s))
    terminal.keys("c")
    terminal.wait(lambda s: "cd -- /x/my-app && claude --resume one" in " ".join(s.split()))
    terminal.keys("o")
    terminal.wait(lambda s: "No graphical display found. The folder is /x/my-app" in s)
    terminal.keys("q")
    terminal.ends()


def test_without_a_clipboard_the_command_is_printed_as_one_line_at_the_end(terminal: Terminal) -> None:
    mark("mark-turn", "b411c385-0563-4be1-80a8-49e9d14daaa6", cwd="/home/somebody/projects/my-app")
    terminal.start("watch", width=70, DISPLAY="", WAYLAND_DISPLAY="")
    terminal.wait(lambda s: "my-app" in s)
    terminal.keys("Down", "c")
    terminal.wait(lambda s: "Copied by the terminal, if it can" in s)
    terminal.keys("q")
    screen = terminal.ends()
    assert "cd -- /home/somebody/projects/my-app && claude --resume b411c385-0563-" in screen.splitlines()
    joined = terminal.screen(joined=True)
    command = "cd -- /home/somebody/projects/my-app && claude --resume b411c385-0563-4be1-80a8-49e9d14daaa6"
    assert command in [line.strip() for line in joined.splitlines()]


TITLES = (
    "Checkout 👍🏽 keeps the basket, also when the visitor leaves",
    "👨\u200d👩\u200d👧\u200d👦 family 👩🏽\u200d💻 and ❤\ufe0f and 🏳\ufe0f\u200d🌈 in a row",
    "Translate 🇩🇪🇫🇷🇯🇵🇧🇷 flags, as many as there are: 🇺🇦🇰🇷",
    "料金の上限を鍵ごとに設定する、そして利用者に知らせる",
    "إصلاح صفحة الدفع حتى لا تضيع السلة عند الخروج",
)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_titles_of_uncertain_width_break_no_line(width: int, terminal: Terminal, tmp_path: Path) -> None:
    for number, title in enumerate(TITLES):
        path = Transcript(tmp_path / f"p/{number}.jsonl").title(title).user(time.time() - 90).path
        mark("mark-turn", f"s{number:07}", cwd=f"/x/{title[:9]}{number}", transcript_path=str(path))
    terminal.start("watch", width=width)
    in_its_line = re.compile(r"^●.* s\d{7} .*left", re.MULTILINE)
    first = terminal.wait(lambda s: len(in_its_line.findall(s)) == len(TITLES))
    terminal.keys("Down")
    later = terminal.wait(lambda s: s != first and len(in_its_line.findall(s)) == len(TITLES))
    assert "5 warm, next" in later.splitlines()[0]
    assert [line.count("left") for line in later.splitlines() if "●" in line] == [1] * len(TITLES)


def test_a_question_mark_explains_the_signs(terminal: Terminal) -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", height=24)
    terminal.wait(lambda s: "my-app" in s and "? help" in s)
    terminal.keys("?")
    terminal.wait(lambda s: "waits for you: a permission prompt" in s and "PROJECT" not in s)
    terminal.keys("x", "Down")
    terminal.wait(lambda s: "PROJECT" in s)


def test_ctrl_z_restores_the_terminal_and_fg_shows_the_table_again(terminal: Terminal) -> None:
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


def test_the_terminals_own_size_counts_and_not_the_environments(terminal: Terminal) -> None:
    """Some shells and pytest-xdist export the size of another terminal, or of this one before it was resized."""
    mark("mark-turn", "one", cwd="/x/my-app")
    terminal.start("watch", width=100, COLUMNS="70", LINES="40")
    terminal.wait(lambda s: "my-app" in s and "TITLE" in s and "q quit" in s)


@pytest.mark.parametrize("how", ["its terminal closes", "its terminal closes while it starts", "SIGHUP is ignored"])
def test_it_ends_when_one_of_these_happens(how: str) -> None:
    import pty  # not on Windows, where these tests are skipped

    command = [sys.executable, "-m", "claude_session_status", "watch"]
    if how == "SIGHUP is ignored":
        command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *command]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    if "starts" not in how:
        while b"q quit" not in os.read(terminal, 65536):
            pass
    os.close(terminal)
    end = time.monotonic() + PATIENCE
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="opens the terminal through /proc")
@pytest.mark.parametrize("how", ["Ctrl-S has stopped its output", "nobody reads its output"])
def test_sigterm_ends_it_although(how: str) -> None:
    import pty  # not on Windows, where these tests are skipped

    mark("mark-turn", "one", cwd="/x/my-app")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "claude_session_status", "watch"])
    shown = b""
    while b" left" not in shown:
        shown += os.read(terminal, 65536)
    if "Ctrl-S" in how:
        os.write(terminal, b"\x13")
    _wait_until_it_writes_in_vain(pid)
    os.kill(pid, signal.SIGTERM)
    end, shown = time.monotonic() + PATIENCE, b""
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        assert time.monotonic() < end
        if "Ctrl-S" in how and select.select([terminal], [], [], 0.05)[0]:
            with suppress(OSError):  # EIO: it has just ended
                shown += os.read(terminal, 65536)
        time.sleep(0.05)
    if "Ctrl-S" in how:
        with suppress(OSError):  # EIO: all that it wrote was read
            while select.select([terminal], [], [], 0.05)[0] and (rest := os.read(terminal, 65536)):
                shown += rest
        assert b"\x1b[?1049l" in shown, "the screen is restored"
        assert ended[1] == 0
    os.close(terminal)


def _wait_until_it_writes_in_vain(pid: int) -> None:
    """Its terminal takes nothing any more, and its table has changed since: it counts by the second."""
    other_end = os.open(f"/proc/{pid}/fd/1", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    full_since = math.inf

    def has_been_full_for_a_change() -> bool:
        nonlocal full_since
        try:
            os.write(other_end, b" " * 4096)
            full_since = math.inf
        except BlockingIOError:
            full_since = min(full_since, time.monotonic())
        return time.monotonic() - full_since > 1.5

    try:
        wait_for("a terminal that takes nothing", has_been_full_for_a_change)
    finally:
        os.close(other_end)


def test_a_size_of_0_in_the_environment_is_ignored() -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    done = subprocess.run(
        [sys.executable, "-m", "claude_session_status", "status"],
        env=os.environ | {"COLUMNS": "0", "LINES": "0"},
        capture_output=True,
        text=True,
    )
    assert "my-app" in done.stdout


def test_printed_once_the_table_shows_ended_sessions_as_the_live_one_does() -> None:
    mark("mark-turn", "one", cwd="/x/my-app")
    mark("mark-end", "one")
    once = subprocess.run(
        [sys.executable, "-m", "claude_session_status", "watch", "--once"], capture_output=True, text=True
    )
    assert re.search("my-app .* ENDED", once.stdout)
