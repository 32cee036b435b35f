"""What a click does outside the program: a command in a terminal, a folder in the file manager, text in the clipboard.

Each is first data (which program, which arguments, which input), then started. A missing program is an error with a
next step, which the tray shows in its menu.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Protocol

from claude_session_status.desktop import resume, terminal
from claude_session_status.desktop.terminal import Launch, Which
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Host, Session

CLIPBOARD_SECONDS = 3.0


class ActionHandler(Protocol):
    """Does what clicks ask for. Every method may take long and raise SessionStatusError."""

    def show_table(self) -> None:
        """Show the table in a terminal."""

    def check_set_up(self) -> None:
        """Show in a terminal whether everything is set up."""

    def show_history(self) -> None:
        """Show what cold caches cost, as a page."""

    def go_to_session(self, session: Session, activation_token: str | None = None) -> None:
        """Bring the session's terminal to the front. The error says what could not be reached."""

    def open_folder(self, folder: str) -> None:
        """Open the folder in the file manager."""

    def copy_resume_command(self, folder: str | None, session_id: str, host: str | None = None) -> str | None:
        """Copy the command that resumes the session, and return it; None where a terminal shows it instead.

        `host` is the other machine that runs the session, and `session_id` its id there.
        """

    def edit_file(self, path: str) -> None:
        """Open the text file in an editor."""


class SystemActions:
    """Uses this machine's terminal, file manager and clipboard. `check_command` may be empty.

    `hosts` returns the other machines of the settings.
    """

    def __init__(
        self,
        table_command: Sequence[str],
        check_command: Sequence[str],
        environ: Mapping[str, str],
        platform: str = sys.platform,
        which: Which = shutil.which,
        *,
        history_command: Sequence[str] = (),
        hosts: Callable[[], Sequence[Host]] = lambda: (),
    ) -> None:
        self._hosts = hosts
        self._history_command = tuple(history_command)
        self._table_command = tuple(table_command)
        self._check_command = tuple(check_command)
        self._environ = environ
        self._platform = platform
        self._which = which

    def show_table(self) -> None:
        """Show the table in a terminal."""
        terminal.open_in_terminal(self._table_command, self._environ, self._which)

    def check_set_up(self) -> None:
        """Show in a terminal whether everything is set up."""
        terminal.open_in_terminal(terminal.staying(self._check_command, self._platform), self._environ, self._which)

    def show_history(self) -> None:
        """Show what cold caches cost, as a page."""
        terminal.spawn(Launch(self._history_command))

    def go_to_session(self, session: Session, activation_token: str | None = None) -> None:
        """Bring the session's terminal to the front."""
        from claude_session_status.desktop import go  # noqa: PLC0415  # psutil and Xlib: only when a user asks for it

        host = None if session.host is None else self._host(session.host)
        go.to_session(session, self._environ, activation_token, host=host)

    def open_folder(self, folder: str) -> None:
        """Open the folder in the file manager."""
        if not os.path.isdir(folder):
            raise SessionStatusError(
                f"The folder {folder} does not exist any more", "It may have been moved or deleted"
            )
        launch = folder_launch(folder, self._platform, self._which)
        if launch is None:
            raise SessionStatusError("No program that opens folders was found", f"Install xdg-utils, or open {folder}")
        terminal.spawn(launch)

    def copy_resume_command(self, folder: str | None, session_id: str, host: str | None = None) -> str | None:
        """Copy the command and return it; where there is no clipboard, show it in a terminal to be copied by hand."""
        if host is None:
            command = resume.resume_command(folder, session_id, self._platform)
        else:
            command = resume.remote_resume_command(self._host(host), folder, session_id, self._platform)
        for way in clipboard_ways(self._environ, self._platform, self._which):
            if way.copy(command):
                return command
        terminal.open_in_terminal(terminal.showing(command), self._environ, self._which)
        return None

    def _host(self, name: str) -> Host:
        """The other machine of that name in the settings. Raises SessionStatusError."""
        return resume.host_named(name, self._hosts())

    def edit_file(self, path: str) -> None:
        """Open the text file in the desktop's editor; where there is none, in a terminal with the user's editor."""
        launch = editor_launch(path, self._environ, self._platform, self._which)
        if launch is not None:
            terminal.spawn(launch)
        else:
            terminal.open_in_terminal(terminal_editor(path, self._environ, self._which), self._environ, self._which)


@dataclass(frozen=True, slots=True)
class ClipboardWay:
    """A program that puts the text of its input into the clipboard."""

    argv: tuple[str, ...]
    encoding: str = "utf-8"
    environment: Mapping[str, str] = field(default_factory=dict)  # added to ours

    def copy(self, text: str) -> bool:
        """Whether it has worked."""
        try:
            # It stays in the background to serve the text, so its output never ends.
            done = subprocess.run(
                self.argv,
                input=text.encode(self.encoding, "replace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **self.environment},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows: this process has no console
                timeout=CLIPBOARD_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def clipboard_ways(
    environ: Mapping[str, str], platform: str = sys.platform, which: Which = shutil.which
) -> tuple[ClipboardWay, ...]:
    """The ways to the clipboard that are installed, best first."""
    if platform == "win32":
        ways = [ClipboardWay(("clip.exe",), "utf-16")]
    elif platform == "darwin":
        ways = [ClipboardWay(("pbcopy",), environment={"LC_CTYPE": "UTF-8"})]  # a LaunchAgent has no locale
    else:
        ways = [ClipboardWay(("wl-copy",))] if environ.get("WAYLAND_DISPLAY") else []
        if environ.get("DISPLAY"):
            ways += [
                ClipboardWay(("xclip", "-selection", "clipboard")),
                ClipboardWay(("xsel", "--clipboard", "--input")),
            ]
    return tuple(dataclasses.replace(way, argv=(found, *way.argv[1:])) for way in ways if (found := which(way.argv[0])))


_BUNDLE = re.compile(r"\.[A-Za-z]+")


def folder_launch(folder: str, platform: str = sys.platform, which: Which = shutil.which) -> Launch | None:
    """How to open a folder here; None when no program for it is found."""
    if platform == "win32":
        return Launch(("explorer.exe", folder))
    if platform == "darwin":
        # `open` would start a folder named like a program (`x.app`) or open it in one (`x.xcodeproj`): such a folder is
        # shown in the folder above it.
        return Launch(("open", "-R", folder) if _BUNDLE.fullmatch(PurePath(folder).suffix) else ("open", folder))
    for name, *arguments in (("xdg-open",), ("gio", "open"), ("kde-open",), ("exo-open",)):
        if program := which(name):
            return Launch((program, *arguments, folder))
    return None


# The desktops' own editors; each opens a window by itself. The first that is installed is used.
EDITORS = ("gnome-text-editor", "gedit", "kate", "kwrite", "mousepad", "xed", "pluma", "featherpad", "code", "codium")


def editor_launch(
    path: str, environ: Mapping[str, str], platform: str = sys.platform, which: Which = shutil.which
) -> Launch | None:
    """How to open a text file in an editor with a window; None where none is known.

    Not `xdg-open`: it opens a type that no program is registered for, such as TOML, in a browser.
    """
    if platform == "win32":
        return Launch(("notepad.exe", path))
    if platform == "darwin":
        return Launch(("open", "-t", path))
    chosen = environ.get("VISUAL", "")
    names = (chosen, *EDITORS) if PurePath(chosen).name in EDITORS else EDITORS
    return next((Launch((program, path)) for name in names if (program := which(name))), None)


def terminal_editor(path: str, environ: Mapping[str, str], which: Which = shutil.which) -> tuple[str, ...]:
    """The command that edits a text file in a terminal: the user's editor, else the first that is installed."""
    for value in (environ.get("VISUAL", ""), environ.get("EDITOR", "")):
        words = terminal.split(value)
        if words and which(words[0]):
            return (*words, path)
    return next((name for name in ("sensible-editor", "nano", "vim") if which(name)), "vi"), path
