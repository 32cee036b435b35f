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


def on_screen(desktop: Desktop) -> str:
    return " ".join(word.text for word in desktop.screen.words())
