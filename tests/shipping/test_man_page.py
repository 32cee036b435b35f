"""The man page says what `--help` says, and roff reads none of it as a request."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date

import click
import pytest

import man_page
from claude_session_status.cli.main import group

DAY = date(2026, 11, 24)


def rendered(roff: str) -> str:
    """What a person reads."""
    if shutil.which("man") is None:
        pytest.skip("man is not installed; install it with: sudo apt-get install -y man-db groff")
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-"],
        input=roff,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "300", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return " ".join(done.stdout.replace("‐", "-").split())


def every_command(command: click.Command) -> Iterator[click.Command]:
    """The command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from every_command(inner)


def test_every_word_of_the_help_is_in_it() -> None:
    page = rendered(man_page.page(group, DAY))
    for command in every_command(group):
        assert " ".join((command.help or "").replace("\b", "").split()) in page
        for parameter in command.params:
            record = parameter.get_help_record(click.Context(command))
            assert record is None or (record[0] in page and " ".join(record[1].split()) in page), parameter.name


def test_the_help_option_is_listed_once() -> None:
    assert man_page.page(group, DAY).count(r"\-\-help") == 1


def test_what_roff_would_read_as_a_request_is_text() -> None:
    text = "Prints \\fB a -- dash. 'quoted' .SH text"

    @click.command(help=f"'Begins\n\n.with orders\n\n{text}")
    def odd() -> None:
        """Nothing."""

    page = rendered(man_page.page(click.Group(commands={"odd": odd}), DAY))
    assert "'Begins .with orders " + text in page


def test_commands_within_commands_and_hidden_ones() -> None:
    inner = click.Group("switch", commands={"on": click.Command("on", help="Turns it on.")})
    page = rendered(man_page.page(click.Group(commands={"switch": inner, "x": click.Command("x", hidden=True)}), DAY))
    assert "switch on claude-session-status switch on [OPTIONS] Turns it on." in page
    assert " x " not in page
