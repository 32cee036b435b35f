"""Real terminals with stand-ins for sessions in them, and a person who types: the line arrives where the focus is.

A stand-in records its process id, shows its name and stores what is typed to it. So one line says which window, tab
and pane is in front, on every terminal and window manager.
"""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from Xlib import XK

from claude_session_status.claude.pids import pid_namespace, start_ticks
from claude_session_status.desktop.linux.bus import Target
from claude_session_status.model import Process, Session
from desktop.harness import Desktop
from waiting import wait_for

STAND_IN = """#!/bin/sh
printf '\\033]2;%s\\007 session %s\\n' "$1" "$1"
echo $$ >{folder}/"$1".new && mv {folder}/"$1".new {folder}/"$1".pid
exec cat >{folder}/"$1".typed
"""

# How to open a window with a command in it, and, where a terminal's own command can, a tab in its newest window.
WINDOW: Mapping[str, Sequence[str]] = {
    "xterm": ("xterm", "-e"),
    "alacritty": ("alacritty", "-e"),
    "foot": ("foot",),
    "xfce4-terminal": ("xfce4-terminal", "-x"),
    "gnome-terminal": ("gnome-terminal", "--"),
    "konsole": ("konsole", "-e"),
    "tilix": ("tilix", "--action=app-new-window", "-x"),
    "kitty": (
        *("kitty", "-1", "-o", "allow_remote_control=socket-only", "-o", "listen_on=unix:@css-test"),
        *("-o", "confirm_os_window_close=0", "-o", "update_check_interval=0"),
    ),
}
TAB: Mapping[str, Sequence[str]] = {
    "xfce4-terminal": ("xfce4-terminal", "--tab", "-x"),
    "gnome-terminal": ("gnome-terminal", "--tab", "--"),
    "tilix": ("tilix", "--action=app-new-session", "-x"),
}
WITHOUT_TABS = frozenset({"xterm", "alacritty", "foot"})
TYPED_SECONDS = 3.0  # until a letter has arrived; a window without the focus gets none
MULTIPLEXERS = ("tmux", "screen")


class Stage:
    """Terminals on a desktop, and the sessions in them."""

    def __init__(self, desktop: Desktop, typist: Desktop | None = None) -> None:
        self.desktop = desktop
        self._typist = typist or desktop
        self._folder = desktop.root / "sessions"
        self._folder.mkdir(exist_ok=True)
        self._client = desktop.root / "client"
        self._client.write_text(STAND_IN.format(folder=shlex.quote(str(self._folder))))
        self._client.chmod(0o755)
        self._letters = 0
        self._servers: list[Sequence[str]] = []  # what ends each

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the multiplexers' servers and the sessions, which outlive their terminals."""
        for server in self._servers:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.desktop.run(*server)
        for path in self._folder.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.read_text()), signal.SIGKILL)

    def window(self, terminal: str, name: str) -> None:
        """Open a window of the terminal with a session in it."""
        self.open((*WINDOW[terminal], str(self._client), name), name)

    def tab(self, terminal: str, name: str) -> None:
        """Open a tab in the terminal's newest window with a session in it."""
        self.open((*TAB[terminal], str(self._client), name), name)

    def open(self, argv: Sequence[str], name: str) -> None:
        self.desktop.start(list(argv), f"{name}-{Path(argv[0]).name}")
        self.pid(name)

    def second_tab(self, terminal: str, first: str, name: str) -> None:
        """Open a tab with a session in the window that shows the first one."""
        match terminal:
            case "konsole":
                self._konsole_tab(first, name)
            case "kitty":
                self._kitty_tab(first, name)
            case _:
                self.tab(terminal, name)

    def multiplexed(self, multiplexer: str, terminal: str, *names: str) -> None:
        """Open a window of the terminal with a multiplexer in it, and a pane or window of that for each session."""
        first, *others = names
        if multiplexer == "tmux":
            run = ("tmux", "-S", str(self.desktop.root / f"tmux-{terminal}"), "-f", "/dev/null")
            self._servers.append((*run, "kill-server"))
            self.open((*WINDOW[terminal], *run, "new-session", *self.command(first)), first)
            for number, name in enumerate(others):
                self.desktop.run(*run, ("split-window", "new-window")[number % 2], *self.command(name))
                self.pid(name)
        else:
            self.desktop.env["SCREENDIR"] = str(self.desktop.runtime)
            run = ("screen", "-S", f"test-{terminal}", "-c", "/dev/null")
            self._servers.append((*run, "-X", "quit"))
            self.open((*WINDOW[terminal], *run, *self.command(first)), first)
            for name in others:
                self.desktop.run(*run, "-X", "screen", *self.command(name))
                self.pid(name)

    def _konsole_tab(self, first: str, name: str) -> None:
        env = self._environment(first)
        service, window = env["KONSOLE_DBUS_SERVICE"], env["KONSOLE_DBUS_WINDOW"]
        (number,) = self.desktop.ask(Target(service, window, "org.kde.konsole.Window"), "newSession")
        tab = Target(service, f"/Sessions/{number}", "org.kde.konsole.Session")
        # What is typed before the shell reads it is kept for it.
        self.desktop.ask(tab, "runCommand", "s", (f"exec {shlex.join(self.command(name))}",))
        self.pid(name)

    def _kitty_tab(self, first: str, name: str) -> None:
        address = self._environment(first)["KITTY_LISTEN_ON"].removeprefix("unix:@")
        launch = {"cmd": "launch", "version": [0, 14, 2], "payload": {"args": self.command(name), "type": "tab"}}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"\0{address}")
            connection.sendall(b"\x1bP@kitty-cmd" + json.dumps(launch).encode() + b"\x1b\\")
            connection.recv(4096)
        self.pid(name)

    def _environment(self, name: str) -> dict[str, str]:
        """The environment that a session's process began with."""
        raw = Path(f"/proc/{self.pid(name)}/environ").read_text("utf-8", "replace")
        return dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)

    def command(self, name: str) -> tuple[str, str]:
        """The command that is a session of this name."""
        return str(self._client), name

    def pid(self, name: str) -> int:
        return int(wait_for(f"session {name}", lambda: self._read(f"{name}.pid")))

    def session(self, name: str) -> Session:
        """The session as the database has it."""
        return Session(name, project=name, cwd="/", process=Process(*self.process(name)), entrypoint="cli")

    def process(self, name: str) -> tuple[int, int | None, str | None]:
        """The session's process, as `fake_app.py` reads it."""
        pid = self.pid(name)
        return pid, start_ticks(pid), pid_namespace()

    def typed_to(self) -> str:
        """The session that gets what a person types now, "" when none does.

        It presses a letter and Enter, and looks where just that letter arrives.
        """
        letter = chr(ord("a") + self._letters % 26)
        self._letters += 1
        before = self._typed()
        self._typist.screen.key(getattr(XK, f"XK_{letter}"))
        self._typist.screen.key(XK.XK_Return)

        def look() -> str | None:
            news = {name: text.removeprefix(before.get(name, "")) for name, text in self._typed().items()}
            return next((name for name, text in news.items() if letter in text), None)

        with contextlib.suppress(AssertionError):
            return wait_for("the letter", look, TYPED_SECONDS)
        return ""

    def _typed(self) -> dict[str, str]:
        return {path.stem: path.read_text("utf-8", "replace") for path in self._folder.glob("*.typed")}

    def _read(self, name: str) -> str:
        path = self._folder / name
        return path.read_text() if path.exists() else ""
