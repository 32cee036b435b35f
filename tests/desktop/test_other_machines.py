"""Sessions of other machines on a real panel: the real tray, real sshds, a real terminal."""

import os
import shlex
import subprocess

import pytest

from claude_session_status.paths import Paths
from desktop.command import start_tray, wait_line
from desktop.harness import Desktop, Item, Program
from remote.machines import this_machine
from waiting import wait_for

pytestmark = pytest.mark.desktop


def click(item: Item, session: str, action: str) -> None:
    """Click a line in the submenu of a session."""
    line = next(line for line in item.menu() if session in line.label and line.children)
    item.event(next(inner.id for inner in line.children if inner.label.startswith(action)), "clicked")


def clipboard(desktop: Desktop) -> str | None:
    """The text in the clipboard; None while nobody has put one there."""
    try:
        return desktop.run("xclip", "-selection", "clipboard", "-o")
    except subprocess.CalledProcessError:
        return None


def test_sessions_of_two_machines_of_which_one_goes(desktop: Desktop, panel: Program) -> None:
    with this_machine(Paths(str(desktop.home / ".claude"))) as here:
        desktop.env["PATH"] = f"{here.folder}/bin:{desktop.env.get('PATH', os.environ['PATH'])}"
        build, gpu = here.add("build"), here.add("gpu-box")
        build.turn("0b7f3c52-1", "web shop")
        gpu.turn("d27b6e93-1", "training")
        here.set_hosts("build", "gpu-box")
        for title, command in (("there", "ssh -t build sleep 600"), ("here", "sleep 600")):
            desktop.start(["xterm", "-T", title, "-e", *command.split()], title)
        tray = start_tray(desktop)
        item = desktop.item()
        wait_line(item, "● build: web shop")
        wait_line(item, "● gpu-box: training")

        gpu.stop()
        wait_line(item, r"^gpu-box: not reachable since \d\d:\d\d$")
        labels = item.labels()
        at = next(place for place, label in enumerate(labels) if label.startswith("gpu-box: "))
        assert "gpu-box: training" in labels[at + 1]
        assert not item.line("gpu-box: not reachable").enabled
        before = labels[at + 1]
        wait_for("a countdown that goes on", lambda: before not in item.labels())

        window = wait_for("the terminal", lambda: desktop.run("xdotool", "search", "--name", "^here$").split())[0]
        desktop.run("xdotool", "windowactivate", "--sync", window)
        click(item, "web shop", "Go to session")
        wait_for("the terminal there", lambda: "there" in desktop.run("xdotool", "getactivewindow", "getwindowname"))
        click(item, "training", "Go to session")
        wait_line(item, "No terminal here leads to gpu-box")

        click(item, "web shop", "Copy resume command")
        command = wait_for("the command", lambda: clipboard(desktop))
        ssh, option, host, script = shlex.split(command)
        assert (ssh, option, host) == ("ssh", "-t", "build")
        assert script == 'cd -- \'/srv/web shop\' && exec "$SHELL" -lic "claude --resume 0b7f3c52-1"'
        item.click("Quit")
        assert tray.process.wait(5) == 0
