"""What a click does with the programs that people have: a terminal, the clipboard, xdg-open."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.command import Claude, start_tray, wait_line
from desktop.desktops.xfce import Xfce
from desktop.harness import Desktop, Item, Program, packages
from waiting import wait_for

pytestmark = pytest.mark.desktop

PROGRAMS = ("xterm", "xclip", "xdg-open", "xdotool")


@pytest.fixture
def item(desktop: Desktop, panel: Program) -> Iterator[Item]:
    """A tray with one warm session in a folder whose name needs quotes."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"missing: {', '.join(missing)}; install: {' '.join(packages(Xfce.name))}")
    desktop.start_dunst()
    Claude(desktop, "0f3c-1", "my app").turn(seconds_left=200)
    # XFCE's own way to open a folder asks for its file manager alone.
    tray = start_tray(desktop, {"TERMINAL": "xterm", "XDG_CURRENT_DESKTOP": "X-Generic"})
    icon = desktop.item()
    wait_line(icon, ".*my app")
    yield icon
    assert tray.end() == 0
    assert "Traceback" not in tray.text


def click(item: Item, *labels: str) -> None:
    """Click a line by its words, in the submenu of the lines before."""
    lines = item.menu()
    for label in labels[:-1]:
        lines = list(next(line for line in lines if label in line.label).children)
    item.event(next(line for line in lines if line.label == labels[-1]).id, "clicked")


def windows(desktop: Desktop) -> list[str]:
    """The titles of the terminals that are open."""
    done = subprocess.run(
        ["xdotool", "search", "--class", "xterm", "getwindowname", "%@"],
        env=desktop.env,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def close(desktop: Desktop) -> None:
    desktop.run("xdotool", "search", "--class", "xterm", "windowkill", "%@")
    wait_for("no terminal", lambda: not windows(desktop))


def test_the_resume_command_is_in_the_clipboard_and_a_shell_takes_it(desktop: Desktop, item: Item) -> None:
    click(item, "my app", "Copy resume command")

    def pasted() -> str:
        done = subprocess.run(
            ["xclip", "-selection", "clipboard", "-o"], env=desktop.env, capture_output=True, text=True
        )
        return done.stdout

    command = wait_for("the clipboard", pasted)
    assert shlex.split(command) == ["cd", "--", str(desktop.home / "my app"), "&&", "claude", "--resume", "0f3c-1"]
    printed = desktop.run("bash", "-c", command.replace("claude", "echo") + '; printf %s "$PWD"')
    assert printed == f"--resume 0f3c-1\n{desktop.home / 'my app'}"


def test_the_folder_opens_in_what_the_person_has_chosen_for_folders(desktop: Desktop, item: Item) -> None:
    shown = desktop.root / "shown"
    script = desktop.root / "file-manager"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" >{shlex.quote(str(shown))}\n')
    script.chmod(0o755)
    applications = desktop.home / ".local/share/applications"
    applications.mkdir(parents=True)
    entry = f"[Desktop Entry]\nType=Application\nName=Files\nExec={script} %f\nMimeType=inode/directory;\n"
    (applications / "files.desktop").write_text(entry)
    (desktop.config / "mimeapps.list").write_text("[Default Applications]\ninode/directory=files.desktop\n")
    click(item, "my app", "Open folder")
    wait_for("the folder", lambda: shown.exists() and Path(shown.read_text()) == desktop.home / "my app")


def test_the_table_and_the_checks_open_in_a_terminal_and_stay(desktop: Desktop, item: Item) -> None:
    click(item, "Show table in a terminal")
    wait_for("the table", lambda: "LAST TURN" in on_screen(desktop))
    close(desktop)
    click(item, "Check set-up")
    wait_for("the checks", lambda: "monitor" in on_screen(desktop))
    wait_for("what keeps them there", lambda: "close this window" in on_screen(desktop))
    close(desktop)


def test_a_click_on_a_notification_leads_to_the_pane_of_its_session(desktop: Desktop, panel: Program) -> None:
    """The right window of tmux, in the right one of two terminals."""
    tmux = ("tmux", "-L", f"css-{desktop.root.name}", "-f", "/dev/null")
    desktop.start_dunst()
    desktop.start(["xterm", "-T", "behind", "-e", *tmux, "new-session", "-s", "work", "exec sleep 900"])
    pane = wait_for("tmux", lambda: _printed(desktop, *tmux, "display-message", "-p", "-t", "work:0", "#{pane_pid}"))
    desktop.run(*tmux, "new-window", "-t", "work", "exec sleep 900")
    desktop.start(["xterm", "-T", "in front", "-e", "sleep", "900"])
    wait_for("the other terminal", lambda: _printed(desktop, "xdotool", "search", "--name", "^in front$"))
    claude = Claude(desktop, "0f3c-2", "web-shop")
    desktop.env["CLAUDE_PID"] = pane
    claude.hook("mark-start", "SessionStart", source="startup")
    claude.turn(seconds_left=35)
    del desktop.env["CLAUDE_PID"]
    tray = start_tray(desktop)
    try:
        wait_for("the notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "1")
        desktop.run("dunstctl", "action", "0")
        wait_for("the pane", lambda: _printed(desktop, *tmux, "display-message", "-p", "-t", "work", "#I") == "0")
        behind = _printed(desktop, "xdotool", "search", "--name", "tmux|behind").split()
        wait_for("its terminal", lambda: _printed(desktop, "xdotool", "getactivewindow") in behind)
        wait_for("no notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "0")
    finally:
        assert tray.end() == 0
        desktop.run(*tmux, "kill-server")
    assert "Traceback" not in tray.text


def _printed(desktop: Desktop, *argv: str) -> str:
    """What the program prints; empty where it fails."""
    done = subprocess.run(argv, env=desktop.env, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def on_screen(desktop: Desktop) -> str:
    return " ".join(word.text for word in desktop.screen.words())
