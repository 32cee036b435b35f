"""`config`: prints the settings in effect, and where they are."""

import sys

import click

from claude_session_status import config as settings
from claude_session_status import paths
from claude_session_status.cli.streams import echo


@click.command("config", short_help="Print the settings in effect and their file.")
def config() -> None:
    """Print the path of config.toml and the settings in effect, in the form of that file.

    Exits with 1 if the file has mistakes; stderr names each one with its line.
    """
    where = paths.from_environment()
    loaded = settings.load(where.config)
    echo(f"# {where.config}")
    echo(settings.as_toml(loaded.config), nl=False)
    for problem in loaded.problems:
        echo(problem, err=True)
    if loaded.problems:
        sys.exit(1)
