"""`install-hooks` and `uninstall-hooks`: what they change in Claude Code's settings, printed in a few lines."""

import os
import sys

from claude_session_status import paths, words
from claude_session_status.claude.setup.hook_commands import Launcher, this_launcher
from claude_session_status.claude.setup.inspection import forbidding_file
from claude_session_status.claude.setup.plan import Change, ChangeOutcome, Step
from claude_session_status.claude.setup.settings_file import SettingsFile, read_managed_settings
from claude_session_status.cli.invocation import as_called
from claude_session_status.cli.streams import echo


def install(*, dry_run: bool, status_line: bool) -> None:
    """Add the hooks, or show what that would change. Raises SessionStatusError and OSError."""
    settings = SettingsFile(paths.from_environment())
    launcher = this_launcher()
    change = settings.install(launcher, dry_run=dry_run, status_line=status_line)
    if dry_run:
        _show_difference(change, settings.path)
    else:
        for line in installed_lines(change, settings.path, launcher):
            echo(as_called(line))
    warn(change)
    warn_of_managed_settings()


def uninstall(*, dry_run: bool) -> None:
    """Remove the hooks and the status line, or show what that would change. Raises SessionStatusError and OSError."""
    settings = SettingsFile(paths.from_environment())
    change = settings.uninstall(dry_run=dry_run)
    if dry_run:
        _show_difference(change, settings.path)
    else:
        for line in uninstalled_lines(change, settings.path):
            echo(line)
    warn(change, installed=False)


def installed_lines(change: Change, path: str, launcher: Launcher) -> list[str]:
    """What an install changed, where, and what comes next."""
    if change.outcome is ChangeOutcome.UNCHANGED:
        return [f"All hooks are in {path} already. Nothing was changed."]
    lines = [f"{'Created' if change.outcome is ChangeOutcome.CREATED else 'Edited'} {path}"]
    for step in (Step.ADDED, Step.REPAIRED, Step.REMOVED, Step.KEPT):
        if events := change.events_with(step):
            lines.append(f"  {step.value + ':':<9} {', '.join(events)}")
    lines.append(f"  {'runs:':<9} {words.clean(str(launcher))}")
    lines.append("Running sessions need no restart: each appears after its next reply.")
    lines.append("Next: claude-session-status tray")
    return lines


def uninstalled_lines(change: Change, path: str) -> list[str]:
    """What an uninstall changed."""
    if change.outcome is ChangeOutcome.UNCHANGED:
        return [f"There are no hooks of claude-session-status in {path}. Nothing was changed."]
    verb = "Deleted" if change.outcome is ChangeOutcome.DELETED else "Edited"
    why = ", which held nothing else" if change.outcome is ChangeOutcome.DELETED else ""
    return [f"{verb} {path}{why}", f"  removed: {', '.join(change.events_with(Step.REMOVED))}"]


def difference(change: Change, path: str) -> str:
    """A unified diff of the file, empty where nothing changes. A file that is not there is /dev/null, as in git."""
    import difflib  # noqa: PLC0415 - only for a dry run, and the tray imports this module

    before, after = _lines(change.before), _lines(change.after)
    old = os.devnull if change.before is None else path
    new = os.devnull if change.after is None else path
    shown = []
    for line in difflib.unified_diff(before, after, old, new):
        shown.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(f"{_printable(line)}\n" for line in "".join(shown).split("\n")[:-1])


def _printable(line: str) -> str:
    """The line without what would move a terminal's cursor, such as the first half of a CRLF; tabs stay."""
    return "".join(c if c.isprintable() or c == "\t" else "" if c == "\r" else "?" for c in line)


def _lines(text: str | None) -> list[str]:
    """Split after each line feed only: str.splitlines would also split inside strings, at U+2028 and the like."""
    if not text:
        return []
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])


def _show_difference(change: Change, path: str) -> None:
    shown = difference(change, path)
    echo(shown or f"{path} would not change.", nl=not shown)


def warn_of_managed_settings() -> None:
    """Print to stderr that an administrator's settings keep the hooks from running."""
    path = forbidding_file(read_managed_settings(sys.platform))
    if path is not None:
        echo(f"Warning: {path} lets no hook of yours run. Ask your administrator.", err=True)


def warn(change: Change, *, installed: bool = True) -> None:
    """Print to stderr what keeps the hooks from running, and which commands were not touched."""
    if installed and change.hooks_disabled:
        echo('Warning: "disableAllHooks" is true in this file, so no hook runs until it is removed.', err=True)
    if installed and change.invalid_items:
        named = "; ".join(change.invalid_items)
        echo(f"Warning: Claude Code may skip the whole file for another hook in it: {named}.", err=True)
    for command in change.foreign_commands:
        echo(f"Left as it is, since it does more than our command: {words.clean(command)}", err=True)
