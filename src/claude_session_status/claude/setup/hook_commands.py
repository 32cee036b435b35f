"""How our hooks are written into a settings file as commands, and how such commands are recognised.

A command names its program by an absolute path, since a hook often has another PATH than the login shell. Where it
can, it starts Python itself: `<python> -E -P -s -m claude_session_status mark-turn`.

- `-E` ignores the PYTHON* variables, and `-P` leaves the working folder out of the import path. Otherwise a wrong
  variable would lose the event, and a `json.py` in the user's project would run. A console script can't have that: its
  first line is the installer's.
- `-s` leaves out the user's own site-packages, unless this program is installed there.
- No console script is read, so a hook also starts sooner.

pipx, uv and Homebrew keep an environment's path when they upgrade it. A link such as ~/.local/bin/claude-session-status
would also survive a move from one of them to another; after such a move `doctor` reports that the program is gone.

The console script remains where `python -E -P -m` would not find this program: in a Debian package, whose launcher has
`-IS` in its own first line; in a frozen program, which ignores the variables anyway; and in a folder that only
`PYTHONPATH` or `PYTHONUSERBASE` names.

On Linux and macOS the command is a line for `sh -c`, quoted. On Windows the shell is Git Bash or PowerShell, and no
line that quotes a path with a space works in both. There the entry has `args`, with which Claude Code (2.1.139 and
later) starts the program without a shell.
"""

import ntpath
import os
import posixpath
import re
import shlex
import shutil
import site
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from claude_session_status import PROGRAM
from claude_session_status.claude.hook_table import COMMANDS

MODULE = "claude_session_status"

_ANY_COMMAND = "|".join(COMMANDS)
_SPACE = r"[ \t\r\n]"  # as the shell and shlex have it: \s would also match U+2028
_WORD = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^ \t\r\n"'\\;&|<>()$`])+"""
_OUR_COMMAND = re.compile(
    rf"""
    {_SPACE}* (?:&{_SPACE}+)?                                         # PowerShell's call operator
    (?: (?:uvx|uv{_SPACE}+tool{_SPACE}+run|pipx{_SPACE}+run) {_SPACE}+ )?  # runners that people put before it
    (?P<program>{_WORD}) (?P<module> (?:{_SPACE}+-[A-Za-z]+)* {_SPACE}+ -m {_SPACE}+ {MODULE} )?
    {_SPACE}+ (?P<hook_command>{_ANY_COMMAND})
    (?: {_SPACE}* (?:[12&]?>{_SPACE}*/dev/null | 2>&1 | \|\|{_SPACE}*true ) )* {_SPACE}* &? {_SPACE}*
    """,
    re.VERBOSE,
)
_HOOK_COMMAND = re.compile(_ANY_COMMAND)
_CELLAR = re.compile(r"(.+)/Cellar/([^/]+)/[^/]+/(.+)")


@dataclass(frozen=True, slots=True)
class Launcher:
    """The start of a command line that runs this program. `direct`: it is started without a shell (Windows)."""

    program: str  # an absolute path
    arguments: tuple[str, ...] = ()
    direct: bool = False

    def entry(self, hook_command: str) -> dict[str, object]:
        """The keys of a hook entry that say what to run: `command`, and `args` where no shell starts it."""
        words = (self.program, *self.arguments, hook_command)
        if self.direct:
            return {"command": words[0], "args": list(words[1:])}
        return {"command": shlex.join(words)}

    @property
    def words(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return (self.program, *self.arguments)

    def __str__(self) -> str:
        return " ".join(self.words) if self.direct else shlex.join(self.words)


def find_launcher(
    argv0: str,
    executable: str,
    flags: tuple[str, ...] | None,
    *,
    windows: bool,
    is_file: Callable[[str], bool],
    which: Callable[[str], str | None],
    here: str,
) -> Launcher:
    """Return how this installation is started again, from any folder and with any PATH.

    `argv0` and `executable` are sys.argv[0] and sys.executable, `here` is the working folder, `flags` comes from
    `isolation_flags`. In this order: the interpreter with `flags`; the console script that was called; the console
    script beside the interpreter; the interpreter with `-P`.
    """
    path = ntpath if windows else posixpath
    if flags is not None:
        return Launcher(_lasting_path(executable, is_file), (*flags, "-m", MODULE), direct=windows)
    suffix = ".exe" if windows else ""
    candidates = []
    if is_our_name(argv0):
        called = argv0 if path.dirname(argv0) else which(PROGRAM) or ""
        # pip's launcher on Windows removes the suffix from argv[0].
        called = called if called.lower().endswith(suffix) else called + suffix
        candidates.append(path.normpath(path.join(here, called)))
    beside = path.dirname(executable)
    candidates.append(path.join(beside, PROGRAM + suffix))
    if windows:
        candidates.append(path.join(beside, "Scripts", PROGRAM + suffix))
    for candidate in candidates:
        if path.isabs(candidate) and is_file(candidate):
            return Launcher(candidate, direct=windows)
    return Launcher(executable, ("-P", "-m", MODULE), direct=windows)


def _lasting_path(executable: str, is_file: Callable[[str], bool]) -> str:
    """Homebrew's path to the same file without the version in it, which an upgrade would change."""
    match = _CELLAR.fullmatch(executable)
    lasting = f"{match[1]}/opt/{match[2]}/{match[3]}" if match else executable
    return lasting if is_file(lasting) else executable


def isolation_flags(folder: str | None, site_folders: Iterable[str], user_folder: str | None) -> tuple[str, ...] | None:
    """Return the options with which `python -m` finds this program whatever the environment; None where it would not.

    `folder` is where the program is installed, None where it is not; `site_folders` are the interpreter's own
    site-packages, `user_folder` the user's.
    """
    if folder is None:
        return None
    if folder == user_folder:
        return ("-E", "-P")
    return ("-E", "-P", "-s") if folder in site_folders else None


def this_launcher() -> Launcher:
    """`find_launcher` for this process."""
    return find_launcher(
        sys.argv[0],
        sys.executable,
        _these_flags(),
        windows=sys.platform == "win32",
        is_file=os.path.isfile,
        which=shutil.which,
        here=_working_folder(),
    )


def _these_flags() -> tuple[str, ...] | None:
    """`isolation_flags` for this process."""
    if getattr(sys, "frozen", False) or os.environ.get("PYTHONHOME"):
        return None
    from importlib import metadata  # noqa: PLC0415 - slow to import, and only what installs needs it

    try:
        # Where the metadata is: an editable install keeps the code itself somewhere else.
        folder = os.path.realpath(str(metadata.distribution(PROGRAM).locate_file("")))
    except metadata.PackageNotFoundError:
        return None
    # With -E the interpreter would look for the user's packages in their usual place.
    user_folder = None if os.environ.get("PYTHONUSERBASE") else os.path.realpath(site.getusersitepackages())
    return isolation_flags(folder, map(os.path.realpath, site.getsitepackages()), user_folder)


def _working_folder() -> str:
    """Return "" where the folder was deleted: a relative name then names no file, and the next candidate is tried."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def hook_command_of(entry: Mapping[str, object]) -> str | None:
    """Return the `mark-*` command that a hook entry runs; None where the entry is not ours.

    The program may be named bare, by a path, as a module or with `args`. An entry that does more
    (`cd x && claude-session-status mark-turn`) belongs to its author.
    """
    command, arguments = entry.get("command"), entry.get("args")
    if not isinstance(command, str):
        return None
    if isinstance(arguments, list) and arguments:
        *before, hook_command = map(str, arguments)
        ours = is_our_name(command) if not before else before[-2:] == ["-m", MODULE]
        return hook_command if ours and _HOOK_COMMAND.fullmatch(hook_command) else None
    match = _OUR_COMMAND.fullmatch(command)
    if match is None:
        return None
    ours = bool(match["module"]) or is_our_name(re.sub(r"[\"']", "", match["program"]))
    return match["hook_command"] if ours else None


def mentions_us(entry: Mapping[str, object]) -> bool:
    """Whether an entry that is not ours runs this program as a part of something else."""
    command = entry.get("command")
    if not isinstance(command, str) or _HOOK_COMMAND.search(command) is None:
        return False
    return PROGRAM in command or MODULE in command


def is_our_name(path: str) -> bool:
    """Whether a path, POSIX or Windows, ends in this program's name."""
    name = re.split(r"[/\\]", path)[-1].lower()
    return name.removesuffix(".exe") == PROGRAM
