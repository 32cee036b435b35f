"""What a click does outside the program: a command in a terminal, a folder in the file manager, text in the clipboard.

Each is first data (which program, which arguments, which input), then started. What is not there is an error with a
next step, which the tray shows in its menu.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from claude_session_status.desktop import terminal
from claude_session_status.desktop.terminal import Launch, Which
from claude_session_status.errors import SessionStatusError

CLIPBOARD_SECONDS = 3.0


class ActionHandler(Protocol):
    """Whoever does it. Every method may take its time and raise SessionStatusError."""

    def show_table(self) -> None:
        """Show the table in a terminal."""

    def check_set_up(self) -> None:
        """Show in a terminal whether all is set up, and leave it there to be read."""

    def open_folder(self, folder: str) -> None:
        """Show the folder in the file manager."""

    def copy_resume_command(self, folder: str | None, session_id: str) -> None:
        """Put the command that resumes the session into the clipboard."""


class SystemActions:
    """The machine's own ways. `check_command` is empty where there is none."""

    def __init__(
        self,
        table_command: Sequence[str],
        check_command: Sequence[str],
        environ: Mapping[str, str],
        platform: str = sys.platform,
        which: Which = shutil.which,
    ) -> None:
        self._table_command = tuple(table_command)
        self._check_command = tuple(check_command)
        self._environ = environ
        self._platform = platform
        self._which = which

    def show_table(self) -> None:
        """Show the table in a terminal."""
        terminal.open_in_terminal(self._table_command, self._environ, self._which)

    def check_set_up(self) -> None:
        """Show in a terminal whether all is set up, and leave it there to be read."""
        terminal.open_in_terminal(terminal.staying(self._check_command, self._platform), self._environ, self._which)

    def open_folder(self, folder: str) -> None:
        """Show the folder in the file manager."""
        if not os.path.isdir(folder):
            raise SessionStatusError(f"The folder {folder} is not there any more", "Look for it where it was moved to")
        launch = folder_launch(folder, self._platform, self._which)
        if launch is None:
            raise SessionStatusError("No program that opens folders was found", f"Install xdg-utils, or open {folder}")
        terminal.spawn(launch)

    def copy_resume_command(self, folder: str | None, session_id: str) -> None:
        """Put the command into the clipboard; where there is no way to it, show it in a terminal to be copied."""
        command = resume_command(folder, session_id, self._platform)
        for way in clipboard_ways(self._environ, self._platform, self._which):
            if way.copy(command):
                return
        terminal.open_in_terminal(terminal.showing(command), self._environ, self._which)


def resume_command(folder: str | None, session_id: str, platform: str = sys.platform) -> str:
    """The line that resumes a session, quoted for the shell that people have there.

    On Windows it is what cmd, PowerShell and Git Bash all take, in two lines. Raises SessionStatusError for names that
    would do harm when they are pasted: a control character can end a paste and begin to type.
    """
    if not (session_id + (folder or "")).isprintable() or (platform == "win32" and '"' in session_id):
        raise SessionStatusError("The session's folder or id holds characters that can't be pasted", "Type it instead")
    if platform == "win32":
        resume = f'claude --resume "{session_id}"'
        return f'pushd "{folder}"\r\n{resume}' if folder else resume  # cmd's cd stays on its drive
    resume = f"claude --resume {shlex.quote(session_id)}"
    return f"cd -- {shlex.quote(folder)} && {resume}" if folder else resume  # a folder may begin with a dash


@dataclass(frozen=True, slots=True)
class ClipboardWay:
    """A program that takes text from its input and keeps it as the clipboard."""

    argv: tuple[str, ...]
    encoding: str = "utf-8"

    def copy(self, text: str) -> bool:
        """Whether it took the text."""
        try:
            # It stays behind to serve the text, so nobody may wait for the end of its output.
            done = subprocess.run(
                self.argv,
                input=text.encode(self.encoding, "replace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=CLIPBOARD_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def clipboard_ways(
    environ: Mapping[str, str], platform: str = sys.platform, which: Which = shutil.which
) -> tuple[ClipboardWay, ...]:
    """The ways to the clipboard that are there, best first."""
    if platform == "win32":
        ways = [ClipboardWay(("clip.exe",), "utf-16")]
    elif platform == "darwin":
        ways = [ClipboardWay(("pbcopy",))]
    else:
        ways = [ClipboardWay(("wl-copy",))] if environ.get("WAYLAND_DISPLAY") else []
        if environ.get("DISPLAY"):
            ways += [
                ClipboardWay(("xclip", "-selection", "clipboard")),
                ClipboardWay(("xsel", "--clipboard", "--input")),
            ]
    return tuple(ClipboardWay((found, *way.argv[1:]), way.encoding) for way in ways if (found := which(way.argv[0])))


def folder_launch(folder: str, platform: str = sys.platform, which: Which = shutil.which) -> Launch | None:
    """How to show a folder here; None when no program for it is found."""
    if platform == "win32":
        return Launch(("explorer.exe", folder))
    if platform == "darwin":
        return Launch(("open", folder))
    for name, *arguments in (("xdg-open",), ("gio", "open"), ("kde-open",), ("exo-open",)):
        if program := which(name):
            return Launch((program, *arguments, folder))
    return None
