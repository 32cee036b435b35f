"""Our Claude Code plugin, seen from the program: whether it is enabled, and which command its hooks would start.

The plugin has hooks only. Its `hooks/run.sh`, and `hooks/run.ps1` for a Windows without Git Bash, look for the command
on PATH and then where installers put it. `PLACES` are the same folders in the same order, which a test compares.
"""

import glob
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence

from claude_session_status import PROGRAM

NAME = "prompt-cache-countdown"
PLACES = (
    "$HOME/.local/bin",
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "$HOME/Library/Python/3.*/bin",
    "$APPDATA/Python/Python3*/Scripts",
    "$LOCALAPPDATA/Microsoft/WinGet/Links",
)
"""Folders; a star in them means what it means to the shell."""


def enabled_in(text: str, name: str = NAME) -> str | None:
    """Return the key (`NAME@marketplace`) by which a settings file enables a plugin; None where it does not."""
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        return None
    plugins = settings.get("enabledPlugins") if isinstance(settings, dict) else None
    if not isinstance(plugins, dict):
        return None
    ours = (key for key, value in plugins.items() if key.partition("@")[0] == name and value is True)
    return next(ours, None)


def command_of(
    environment: Mapping[str, str],
    *,
    suffix: str,
    which: Callable[[str], str | None],
    matching: Callable[[str], Sequence[str]],
    is_executable: Callable[[str], bool],
) -> str | None:
    """Return the program that the plugin's hooks start; None where they find none. The client's PATH may differ."""
    if (found := which(PROGRAM)) is not None:
        return found
    for place in PLACES:
        variable, _, rest = place.partition("/")
        if variable:
            folder = environment.get(variable.removeprefix("$"), "")
            if not folder:
                continue
            patterns = f"{glob.escape(folder)}/{rest}"
        else:
            patterns = place
        for each in matching(patterns):
            if is_executable(program := f"{each}/{PROGRAM}{suffix}"):
                return program
    return None


def this_command() -> str | None:
    """`command_of` on this machine."""
    windows = sys.platform == "win32"
    # Where HOME is not set, Git Bash takes the user's profile.
    home = os.environ.get("HOME") or os.path.expanduser("~")
    found = command_of(
        {**os.environ, "HOME": home},
        suffix=".exe" if windows else "",
        which=shutil.which,
        matching=lambda pattern: sorted(glob.glob(pattern)),
        is_executable=lambda path: os.path.isfile(path) and os.access(path, os.X_OK),
    )
    return None if found is None else os.path.normpath(found)
