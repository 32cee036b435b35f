"""Opens a command in a terminal window. Choosing the terminal and its arguments is pure; starting it is thin."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PureWindowsPath

from claude_session_status.errors import SessionStatusError

Which = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Arguments:
    """How a terminal takes a command: behind these options, as its words or as one text that a shell reads."""

    options: tuple[str, ...]
    as_one_text: bool = False


# In order of preference: the choice of the user or the distribution, then the desktops' own terminals, then the others.
TERMINALS: Mapping[str, Arguments] = {
    "x-terminal-emulator": Arguments(("-e",)),
    "xdg-terminal-exec": Arguments(()),
    "gnome-terminal": Arguments(("--",)),
    "ptyxis": Arguments(("--",)),
    "kgx": Arguments(("--",)),
    "konsole": Arguments(("-e",)),
    "xfce4-terminal": Arguments(("-x",)),
    "qterminal": Arguments(("-e",)),
    "mate-terminal": Arguments(("-x",)),
    "terminator": Arguments(("-x",)),  # its -e takes the first word and ignores the rest
    "tilix": Arguments(("-e",), as_one_text=True),
    "lxterminal": Arguments(("-e",), as_one_text=True),
    "terminology": Arguments(("-e",), as_one_text=True),
    "sakura": Arguments(("-e",), as_one_text=True),
    "kitty": Arguments(()),
    "alacritty": Arguments(("-e",)),
    "foot": Arguments(()),
    "wezterm": Arguments(("start", "--")),
    "ghostty": Arguments(("-e",)),
    "xterm": Arguments(("-e",)),
}
_UNKNOWN = Arguments(("-e",))  # what Debian asks of every terminal


_PLAIN_FOR_CMD = re.compile(r"[\w.:\\/-]+")
CMD_STAYING = ("cmd.exe", "/s", "/k")  # /s: removes the outermost quotes of the rest, and no others


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start. `new_console`: Windows opens a console for it. `script`: the text of a file to append."""

    argv: tuple[str, ...]
    new_console: bool = False
    script: str = ""

    @property
    def started(self) -> Sequence[str] | str:
        """The argument for Popen: the words, or for cmd.exe, which reads quotes in its own way, the whole line."""
        if self.argv[: len(CMD_STAYING)] != CMD_STAYING:
            return self.argv
        # Each word in its own quotes, or a path with `&` or `(x86)` would be several commands.
        words = " ".join(word if _PLAIN_FOR_CMD.fullmatch(word) else f'"{word}"' for word in self.argv[3:])
        return f'{" ".join(CMD_STAYING)} "{words}"'


def launch_for(
    command: Sequence[str],
    environ: Mapping[str, str],
    platform: str = sys.platform,
    which: Which = shutil.which,
    real_path: Callable[[str], str] = os.path.realpath,
) -> Launch | None:
    """How to open `command` in a terminal here; None when no known terminal is installed."""
    if platform == "win32":
        # Opens in the terminal that the user has chosen in Windows. A tray started at login runs in the windowless
        # interpreter, which would open none.
        return Launch(tuple(map(_with_window, command)), new_console=True)
    if platform == "darwin":
        # AppleScript would need the permission to control Terminal, and fail silently without it.
        return Launch(("open",), script=f'#!/bin/sh\nrm -f -- "$0"\nexec {shlex.join(command)}\n')
    chosen = split(environ.get("TERMINAL", ""))
    if chosen and (program := which(chosen[0])):
        return _with_arguments(program, chosen[1:], command, which, real_path)
    for name in TERMINALS:
        if program := which(name):
            return _with_arguments(program, (), command, which, real_path)
    return None


def _with_arguments(
    program: str, own: Sequence[str], command: Sequence[str], which: Which, real_path: Callable[[str], str]
) -> Launch:
    """How to start the terminal, which may be a link of the distribution's to a terminal or to a wrapper around it."""
    name = PurePath(program).name
    if name == "x-terminal-emulator":
        # Each terminal has its own -e. Debian's wrappers translate it, and some of them lose the quotes.
        behind = PurePath(real_path(program)).name.removesuffix(".wrapper")
        if behind in TERMINALS and (found := which(behind)):
            program, name = found, behind
    arguments = TERMINALS.get(name, _UNKNOWN)
    words = (shlex.join(command),) if arguments.as_one_text else command
    return Launch((program, *own, *arguments.options, *words))


def _with_window(word: str) -> str:
    path = PureWindowsPath(word)
    return str(path.with_name("python.exe")) if path.name.lower() == "pythonw.exe" else word


def split(text: str) -> list[str]:
    """Return the words of a command from the environment; none where its quotes don't match."""
    try:
        return shlex.split(text)
    except ValueError:  # an unbalanced quote
        return []


def staying(command: Sequence[str], platform: str = sys.platform) -> tuple[str, ...]:
    """The command such that its terminal stays open after it has ended, to be read."""
    if platform == "win32":
        return (*CMD_STAYING, *command)
    if platform == "darwin":
        return tuple(command)  # Terminal keeps its windows
    wait = '"$@"; printf "\\nPress Enter to close this window. "; read -r _'
    return ("sh", "-c", wait, "sh", *command)


def showing(text: str) -> tuple[str, ...]:
    """A command that shows `text`, to be copied by hand, and starts a shell below it."""
    return ("sh", "-c", 'printf "%s\\n\\n" "$1"; exec "${SHELL:-sh}"', "sh", text)


def open_in_terminal(command: Sequence[str], environ: Mapping[str, str], which: Which = shutil.which) -> None:
    """Open `command` in a new terminal window, which stays when this program ends.

    Raises:
        SessionStatusError: there is no terminal, or it can't be started.

    """
    launch = launch_for(command, environ, which=which)
    if launch is None:
        advice = f"Set TERMINAL to your terminal program, or run: {shlex.join(command)}"
        raise SessionStatusError("No terminal program was found", advice)
    spawn(launch)


def _written(script: str) -> str:
    """Write a script that only the user can read and run; return its path. It removes itself.

    Raises:
        SessionStatusError: it can't be written.

    """
    try:
        import tempfile  # noqa: PLC0415 - brings random and hashlib, which a tray would keep

        descriptor, path = tempfile.mkstemp(prefix="claude-session-status-", suffix=".command")  # Terminal's suffix
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(script)
        os.chmod(path, stat.S_IRWXU)
    except OSError as error:
        advice = "Free space on the disk, then try again"
        raise SessionStatusError(f"No file could be written for the terminal: {error.strerror}", advice) from error
    return path


def spawn(launch: Launch) -> None:
    """Start it detached: signals to this process, and its end, do not reach it.

    Raises:
        SessionStatusError: it can't be started.

    """
    if launch.script:
        launch = Launch((*launch.argv, _written(launch.script)))
    flags = getattr(subprocess, "CREATE_NEW_CONSOLE", 0) if launch.new_console else 0
    quiet = None if launch.new_console else subprocess.DEVNULL  # a new console has its own streams
    try:
        process = subprocess.Popen(
            launch.started,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
            creationflags=flags,
        )
    except OSError as error:
        advice = "Run watch in a terminal yourself" if launch.new_console else "Set TERMINAL to another"
        raise SessionStatusError(f"{launch.argv[0]} could not be started: {error}", advice) from error
    # Without a wait it would stay in the process table when it ends.
    threading.Thread(target=process.wait, name="terminal", daemon=True).start()
