"""`config`: prints the settings in effect, and where they are."""

from claude_session_status import config as settings
from claude_session_status import paths
from claude_session_status.cli.streams import echo


def run() -> int:
    """Print path and settings; return 1 if the file has mistakes, else 0."""
    where = paths.from_environment()
    loaded = settings.load(where.config)
    echo(f"# {where.config}")
    echo(settings.as_toml(loaded.config), nl=False)
    for problem in loaded.problems:
        echo(problem, err=True)
    return 1 if loaded.problems else 0
