"""Starts the tray at login, in each platform's way: undone to the byte, and never over another program's file."""

import ntpath
import os
import sys
from collections.abc import Callable, Mapping

from claude_session_status.desktop.autostart.base import Autostart, AutostartOutcome, Start
from claude_session_status.desktop.autostart.launch_agent import LaunchAgent
from claude_session_status.desktop.autostart.run_key import RunKey
from claude_session_status.desktop.autostart.systemd import BesideSystemd
from claude_session_status.desktop.autostart.xdg import XdgAutostart

__all__ = [
    "Autostart",
    "AutostartOutcome",
    "BesideSystemd",
    "LaunchAgent",
    "RunKey",
    "Start",
    "XdgAutostart",
    "for_platform",
    "for_this_machine",
    "start_of",
]


def for_platform(platform: str, environ: Mapping[str, str], home: str, start: Start) -> Autostart:
    """Return a platform's way (`sys.platform`), in the home folder `home`. Reads nothing yet."""
    if platform == "win32":
        import winreg  # noqa: PLC0415 - exists nowhere else

        return RunKey(winreg, start)
    if platform == "darwin":
        return LaunchAgent(os.path.join(home, "Library", "LaunchAgents"), start)
    config = environ.get("XDG_CONFIG_HOME", "")
    config = config if os.path.isabs(config) else os.path.join(home, ".config")
    return BesideSystemd(XdgAutostart(os.path.join(config, "autostart"), start), os.path.join(config, "systemd/user"))


def start_of(
    words: tuple[str, ...],
    environ: Mapping[str, str],
    platform: str = sys.platform,
    is_file: Callable[[str], bool] = os.path.isfile,
) -> Start:
    """Return what starts the tray at login. `words` start the program without a command.

    At login no shell has read its files, so a `CLAUDE_CONFIG_DIR` that is set now is set there too. On Windows the
    program without a console is taken, where there is one: the console would stay on the screen. Of the macOS app the
    executable that the bundle names is taken: for another one macOS may hide the icon.
    """
    if platform == "win32" and words:
        words = (_windowless(words[0], is_file), *words[1:])
    if platform == "darwin" and words:
        words = (_of_bundle(words[0], is_file), *words[1:])
    claude_dir = environ.get("CLAUDE_CONFIG_DIR")
    kept = {"CLAUDE_CONFIG_DIR": os.path.abspath(claude_dir)} if claude_dir else {}
    return Start((*words, "tray"), kept)


def _windowless(program: str, is_file: Callable[[str], bool]) -> str:
    """The program of the same kind without a console: Python's own, or the one that PyInstaller puts beside ours."""
    folder, name = ntpath.split(program)
    other = "pythonw.exe" if name.lower().startswith("python") else "claude-session-status-tray.exe"
    windowless = ntpath.join(folder, other)
    return windowless if is_file(windowless) else program


def _of_bundle(program: str, is_file: Callable[[str], bool]) -> str:
    """The bundle's own executable, which lies beside the command; Homebrew's command is a link into the bundle."""
    tray = os.path.join(os.path.dirname(os.path.realpath(program)), "claude-session-status-tray")
    return tray if is_file(tray) else program


def for_this_machine(words: tuple[str, ...]) -> Autostart:
    """`for_platform` for this process. `words` start the program, without a command."""
    return for_platform(sys.platform, os.environ, os.path.expanduser("~"), start_of(words, os.environ))
