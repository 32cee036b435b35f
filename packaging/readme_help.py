"""Puts each command's own `--help` into the README, between two markers.

    python packaging/readme_help.py            writes README.md
    python packaging/readme_help.py --check    writes nothing; exits with 1 where it differs

A test holds it, so what the README prints is what a user would see.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from claude_session_status.cli.main import PROGRAM, group

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- help -->", "<!-- /help -->"
WIDTH = 80


def section() -> str:
    """What stands between the markers: the list of commands, and folded away below it each one's help."""
    lines = [BEGIN, *block("", group), "", "<details>", "<summary>The help of each command</summary>", ""]
    for name in group.list_commands(click.Context(group)):
        lines += [*block(name, group.commands[name]), ""]
    return "\n".join([*lines, "</details>", END])


def block(name: str, command: click.Command) -> Iterator[str]:
    """One command's help as a terminal of 80 columns shows it."""
    context = click.Context(
        command, info_name=f"{PROGRAM} {name}".rstrip(), terminal_width=WIDTH, **group.context_settings
    )
    yield "```text"
    yield f"$ {context.info_name} --help"
    yield from (line.rstrip() for line in command.get_help(context).splitlines())
    yield "```"


def filled(readme: str) -> str:
    """The README with the help as it is now. Raises ValueError where a marker is missing."""
    if not (found := re.search(f"{BEGIN}.*?{END}", readme, re.DOTALL)):
        raise ValueError(f"README.md has no {BEGIN} with {END} after it")
    return readme[: found.start()] + section() + readme[found.end() :]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the README, or check it; return the exit code."""
    parser = argparse.ArgumentParser(description="Put each command's --help into the README.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where it differs")
    chosen = parser.parse_args(arguments)
    text = README.read_text("utf-8")
    new = filled(text)
    if new == text:
        return 0
    if chosen.check:
        print(f"README.md differs from --help; run: python packaging/{Path(__file__).name}", file=sys.stderr)
        return 1
    README.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
