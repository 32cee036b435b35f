"""`config`: where the settings are, and which are in effect."""

import sys

import click

from claude_session_status import config as settings
from claude_session_status import paths


@click.command("config", short_help="Print the settings in effect, and where they are.")
def config() -> None:
    """Print the path of config.toml and the settings in effect, in a form that can be put there.

    Exits with 1 where something in the file is wrong; each mistake is named on stderr with its line.
    """
    where = paths.from_environment()
    loaded = settings.load(where.config)
    click.echo(f"# {where.config}")
    click.echo(settings.as_toml(loaded.config), nl=False)
    for problem in loaded.problems:
        click.echo(problem, err=True)
    if loaded.problems:
        sys.exit(1)
