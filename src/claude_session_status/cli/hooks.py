"""`install-hooks` and `uninstall-hooks`: the plans of `claude.settings`, told to a person in a few lines."""

import difflib
import os
from pathlib import Path

import click

from claude_session_status import paths
from claude_session_status.claude.setup import plugin
from claude_session_status.claude.setup.hook_commands import Launcher, this_launcher
from claude_session_status.claude.setup.inspection import inspect, is_complete
from claude_session_status.claude.setup.plan import Change, ChangeOutcome, Step
from claude_session_status.claude.setup.settings_file import SettingsFile
from claude_session_status.cli.streams import echo

_dry_run = click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")


@click.command("install-hooks", short_help="Have Claude Code report its sessions.")
@_dry_run
@click.option(
    "--statusline", "status_line", is_flag=True, help="Also have its status line, around the one that is there."
)
def install_hooks(*, dry_run: bool, status_line: bool) -> None:
    """Have Claude Code report its sessions: add the hooks to its settings.json.

    With --statusline its status line tells us when it believes that the cache expires, the best source there is. A
    status line of your own goes on as it was; without one a short line of ours is shown.

    Run it again after moving or reinstalling the program: what is right already stays as it is.
    """
    settings = SettingsFile(paths.from_environment())
    launcher = this_launcher()
    change = settings.install(launcher, dry_run=dry_run, status_line=status_line)
    if dry_run:
        _show_difference(change, settings.path)
    else:
        for line in installed_lines(change, settings.path, launcher):
            echo(line)
    _warn(change)


@click.command("uninstall-hooks", short_help="Take the hooks out of its settings again.")
@_dry_run
def uninstall_hooks(*, dry_run: bool) -> None:
    """Take the hooks and the status line out of Claude Code's settings.json again, and leave all else as it is."""
    settings = SettingsFile(paths.from_environment())
    change = settings.uninstall(dry_run=dry_run)
    if dry_run:
        _show_difference(change, settings.path)
    else:
        for line in uninstalled_lines(change, settings.path):
            echo(line)
    _warn(change, installed=False)


class SetUp:
    """Claude Code's hooks as the tray's menu has them: whether they are there, and to put them in.

    Both methods may raise SessionStatusError or OSError.
    """

    def hooks_installed(self) -> bool:
        """Whether each of our hooks is in the settings, in the right form, be it of this copy of ours or another.

        Or else whether our plugin is enabled and finds the command: the same hooks.
        """
        found = inspect(_read(paths.from_environment().settings), this_launcher())
        return is_complete(found) or (found.plugin is not None and plugin.this_command() is not None)

    def install_hooks(self) -> str:
        """Put them in, and say in a sentence what was done."""
        settings = SettingsFile(paths.from_environment())
        change = settings.install(this_launcher())
        done = "are there already" if change.outcome is ChangeOutcome.UNCHANGED else f"were put into {settings.path}"
        off = ', but "disableAllHooks" keeps them from running' if change.hooks_disabled else ""
        return f"The hooks {done}{off}."


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8")
    except FileNotFoundError:
        return None


def installed_lines(change: Change, path: str, launcher: Launcher) -> list[str]:
    """What an install did, where, and what comes next."""
    if change.outcome is ChangeOutcome.UNCHANGED:
        return [f"All hooks are in {path} already. Nothing was changed."]
    lines = [f"{'Created' if change.outcome is ChangeOutcome.CREATED else 'Edited'} {path}"]
    for step in (Step.ADDED, Step.REPAIRED, Step.REMOVED, Step.KEPT):
        if events := change.events_that(step):
            lines.append(f"  {step.value + ':':<9} {', '.join(events)}")
    lines.append(f"  {'runs:':<9} {launcher}")
    lines.append("No restart is needed: running sessions pick the hooks up and appear with their next turn.")
    lines.append("Next: claude-session-status tray")
    return lines


def uninstalled_lines(change: Change, path: str) -> list[str]:
    """What an uninstall did."""
    if change.outcome is ChangeOutcome.UNCHANGED:
        return [f"There are no hooks of claude-session-status in {path}. Nothing was changed."]
    verb = "Deleted" if change.outcome is ChangeOutcome.DELETED else "Edited"
    why = ", which held nothing else" if change.outcome is ChangeOutcome.DELETED else ""
    return [f"{verb} {path}{why}", f"  removed: {', '.join(change.events_that(Step.REMOVED))}"]


def difference(change: Change, path: str) -> str:
    """A unified diff of the file, empty where nothing changes. A file that is not there is /dev/null, as in git."""
    before, after = _lines(change.before), _lines(change.after)
    old = os.devnull if change.before is None else path
    new = os.devnull if change.after is None else path
    shown = []
    for line in difflib.unified_diff(before, after, old, new):
        shown.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    # A terminal would take a CRLF's first half for an order to go back to the line's start.
    return "".join(shown).replace("\r\n", "\n")


def _lines(text: str | None) -> list[str]:
    """Split after each line feed only: str.splitlines would split inside strings as well, at U+2028 and its kind."""
    if not text:
        return []
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])


def _show_difference(change: Change, path: str) -> None:
    shown = difference(change, path)
    echo(shown or f"{path} would not change.", nl=not shown)


def _warn(change: Change, *, installed: bool = True) -> None:
    if installed and change.hooks_disabled:
        echo('Warning: "disableAllHooks" is true in this file, so no hook runs until it is taken out.', err=True)
    for command in change.foreign_commands:
        echo(f"Left alone, since it does more than ours: {command}", err=True)
