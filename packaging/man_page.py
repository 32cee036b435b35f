"""Writes the man page from the commands' own `--help`, so that the two never differ.

One page for all commands, so that `man claude-session-status` can be searched.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import date

import click

from claude_session_status import PROGRAM, __version__
from claude_session_status.cli.main import group

FILES = (
    ("~/.claude/settings.json", "where setup adds the hooks and the status line"),
    ("~/.claude/claude-session-status/status.duckdb", "one row a session; times in UTC"),
    ("~/.claude/claude-session-status/config.toml", "your settings; every key is optional"),
    ("~/.claude/claude-session-status/log/", "what the tray has to say"),
)


def page(command: click.Group, day: date | None = None) -> str:
    """Return the page as roff. A package dates it; the committed one changes with the help only, so it has no date."""
    lines = [
        f'.TH {PROGRAM.upper()} 1 "{day.isoformat() if day else ""}" "{PROGRAM} {__version__}" "User Commands"',
        ".SH NAME",
        rf"{escape(PROGRAM)} \- how long Claude Code's prompt cache stays warm",
        ".SH SYNOPSIS",
        rf"\fB{escape(PROGRAM)}\fR [\fIoptions\fR] \fIcommand\fR [\fIarguments\fR]",
        ".SH DESCRIPTION",
        *paragraphs(command.help),
        ".SH OPTIONS",
        *options(command, with_help=True),
        ".SH COMMANDS",
    ]
    for name, inner, usage in commands(command):
        lines += [f".SS {escape(name)}", f".B {escape(usage)}", ".PP", *paragraphs(inner.help), *options(inner)]
    lines += [".SH FILES"]
    for path, what in FILES:
        lines += [".TP", f".I {escape(path)}", text(what)]
    lines += [
        ".SH ENVIRONMENT",
        ".TP",
        ".B CLAUDE_CONFIG_DIR",
        text("stands in for ~/.claude in all of the above, as it does for Claude Code."),
        ".SH EXIT STATUS",
        text(
            "0 done, 1 failed (the message says what to do next), 2 wrong usage. The mark-* commands, which hooks call,"
        ),
        text("always exit with 0 and print nothing on standard output."),
        ".SH NOTES",
        text('The countdown is an estimate: now and then a cache entry vanishes early. Read "likely warm".'),
    ]
    return "\n".join(lines) + "\n"


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command, str]]:
    """Each command below `group` that is not hidden: its name, itself and its usage line."""
    for name in sorted(group.commands):
        inner = group.commands[name]
        if inner.hidden:
            continue
        full = f"{before}{name}"
        if not isinstance(inner, click.Group) or inner.invoke_without_command:
            context = context_of(inner, f"{PROGRAM} {full}")
            yield full, inner, " ".join([context.command_path, *inner.collect_usage_pieces(context)])
        if isinstance(inner, click.Group):
            yield from commands(inner, f"{full} ")


def context_of(command: click.Command, name: str) -> click.Context:
    """The command's context as users call it. click caches the help option of the first context, so it has theirs."""
    return click.Context(command, info_name=name, **{**group.context_settings, **command.context_settings})


def options(command: click.Command, *, with_help: bool = False) -> Iterator[str]:
    """The options and what each does, without --help, which every command has."""
    context = context_of(command, PROGRAM)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and (with_help or "--help" not in parameter.opts):
            yield ".TP"
            yield f".B {escape(record[0])}"
            yield text(record[1])


def paragraphs(help_text: str | None) -> Iterable[str]:
    """A help text as roff."""
    blocks = re.split(r"\n\s*\n", (help_text or "").replace("\b\n", "").strip())
    for number, block in enumerate(blocks):
        if number:
            yield ".PP"
        yield text(" ".join(block.split()))


def text(line: str) -> str:
    """One line of running text; roff would read a dot or a quote at its start as a request of its own."""
    escaped = escape(line)
    return rf"\&{escaped}" if escaped[:1] in {".", "'"} else escaped


def escape(words: str) -> str:
    """The words with what roff would read as its own: backslashes, and hyphens that must stay hyphens."""
    return words.replace("\\", r"\e").replace("-", r"\-")


if __name__ == "__main__":
    sys.stdout.write(page(group, date.fromisoformat(sys.argv[1]) if len(sys.argv) > 1 else date.today()))  # noqa: DTZ011 - a page bears a day
