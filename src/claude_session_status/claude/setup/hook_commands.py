"""How our hooks are written into a settings file as commands, and how they are known again.

A hook's PATH is often not the login shell's, so a command names the program by its absolute path. Links are kept as
they are: `~/.local/bin/claude-session-status`, which pipx and uv make, outlives the environment that it points to.

On Linux and macOS the command is a line for `sh -c`, quoted. On Windows the shell is Git Bash or PowerShell, and no
line that quotes a path with a space works in both; there the entry has `args`, with which Claude Code starts the .exe
itself, without a shell (from its 2.1.139 on), and without the three processes that Git Bash adds.
"""

import ntpath
import os
import posixpath
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from claude_session_status.claude.hook_table import COMMANDS

PROGRAM = "claude-session-status"
MODULE = "claude_session_status"

_ANY_COMMAND = "|".join(COMMANDS)
_WORD = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\;&|<>()$`])+"""
_OUR_COMMAND = re.compile(
    rf"""
    \s* (?:&\s+)?                                            # PowerShell's call operator
    (?: (?:uvx|uv\s+tool\s+run|pipx\s+run) \s+ )?            # runners that people put before it
    (?P<program>{_WORD}) (?P<module> (?:\s+-[A-Za-z]+)* \s+ -m \s+ {MODULE} )?
    \s+ (?P<mark>{_ANY_COMMAND})
    (?: \s* (?:[12&]?>\s*/dev/null | 2>&1 | \|\|\s*true ) )* \s* &? \s*
    """,
    re.VERBOSE,
)
_MARK = re.compile(_ANY_COMMAND)


@dataclass(frozen=True, slots=True)
class Launcher:
    """What starts us. `direct`: without a shell, as is right on Windows."""

    program: str  # an absolute path
    arguments: tuple[str, ...] = ()
    direct: bool = False

    def entry(self, mark: str) -> dict[str, object]:
        """The part of a hook's entry that says what to run: `command`, and `args` where it starts without a shell."""
        words = (self.program, *self.arguments, mark)
        if self.direct:
            return {"command": words[0], "args": list(words[1:])}
        return {"command": shlex.join(words)}

    def __str__(self) -> str:
        return shlex.join((self.program, *self.arguments)) if not self.direct else self.program


def find_launcher(
    argv0: str,
    executable: str,
    *,
    windows: bool,
    is_file: Callable[[str], bool],
    which: Callable[[str], str | None],
    here: str,
) -> Launcher:
    """How this very installation is started again, from any folder and with any PATH.

    `argv0` and `executable` are sys.argv[0] and sys.executable, `here` is the working folder. In this order: the
    console script that was called; the one beside the interpreter; the interpreter with `-m` (and `-P`, so that the
    files of the project that a hook runs in are not imported).
    """
    path = ntpath if windows else posixpath
    suffix = ".exe" if windows else ""
    candidates = []
    if is_our_name(argv0):
        called = argv0 if path.dirname(argv0) else which(PROGRAM) or ""
        # pip's own launcher on Windows takes the suffix off before we see it.
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


def this_launcher() -> Launcher:
    """`find_launcher` for the process that asks."""
    return find_launcher(
        sys.argv[0],
        sys.executable,
        windows=sys.platform == "win32",
        is_file=os.path.isfile,
        which=shutil.which,
        here=_working_folder(),
    )


def _working_folder() -> str:
    """Empty where the folder was deleted: then a relative name leads nowhere, and the next place is looked at."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def hook_command_of(entry: Mapping[str, object]) -> str | None:
    """Which `mark-*` a hook's entry runs, bare, by a path, by the module or with `args`; None where it is not ours.

    An entry that does something else besides (`cd x && claude-session-status mark-turn`) is its author's, not ours.
    """
    command, arguments = entry.get("command"), entry.get("args")
    if not isinstance(command, str):
        return None
    if isinstance(arguments, list) and arguments:
        *before, mark = map(str, arguments)
        ours = is_our_name(command) if not before else before[-2:] == ["-m", MODULE]
        return mark if ours and _MARK.fullmatch(mark) else None
    match = _OUR_COMMAND.fullmatch(command)
    if match is None:
        return None
    return match["mark"] if match["module"] or is_our_name(re.sub(r"[\"']", "", match["program"])) else None


def mentions_us(entry: Mapping[str, object]) -> bool:
    """Whether an entry that `hook_command_of` does not know calls us all the same, as a part of something else."""
    command = entry.get("command")
    return isinstance(command, str) and (PROGRAM in command or MODULE in command) and _MARK.search(command) is not None


def is_our_name(path: str) -> bool:
    """Whether a path, of either kind, ends in our program's name."""
    name = re.split(r"[/\\]", path)[-1].lower()
    return name.removesuffix(".exe") == PROGRAM
