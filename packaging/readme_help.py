"""Writes what comes from the commands' own `--help`: the README's list of commands, and the man page.

    python packaging/readme_help.py            writes README.md and packaging/claude-session-status.1
    python packaging/readme_help.py --check    writes nothing; exits with 1 if one of them differs

A test runs the check, so both say what the commands print.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import man_page
from claude_session_status import PROGRAM
from claude_session_status.cli.main import group

PACKAGING = Path(__file__).parent
README = PACKAGING.parent / "README.md"
MAN_PAGE = PACKAGING / f"{PROGRAM}.1"
BEGIN, END = "<!-- help -->", "<!-- /help -->"
WIDTH = 80


def section() -> str:
    """Return the text between the markers: each command that users call, with its first sentence."""
    context = click.Context(group, info_name=PROGRAM, terminal_width=WIDTH, **group.context_settings)
    lines = (line.strip() for line in context.get_help().partition("Commands:")[2].splitlines())
    return "\n".join([BEGIN, "```text", *(line for line in lines if line and " Hook: " not in line), "```", END])


def filled(readme: str) -> str:
    """Return the README with the present list of commands. Raises ValueError if a marker is missing."""
    if not (found := re.search(f"{BEGIN}.*?{END}", readme, re.DOTALL)):
        raise ValueError(f"README.md has no {BEGIN} with {END} after it")
    return readme[: found.start()] + section() + readme[found.end() :]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check both files; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the commands' --help into the README and the man page.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if one of them differs")
    chosen = parser.parse_args(arguments)
    code = 0
    for path, new in ((README, filled(README.read_text("utf-8"))), (MAN_PAGE, man_page.page(group))):
        if path.exists() and path.read_text("utf-8") == new:
            continue
        if chosen.check:
            print(f"{path.name} differs from --help; run: python packaging/{Path(__file__).name}", file=sys.stderr)
            code = 1
        else:
            path.write_text(new, "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
