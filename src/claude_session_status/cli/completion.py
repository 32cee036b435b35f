"""`completion bash|zsh|fish`: prints click's own script, which asks this program for completions."""

import click
from click.shell_completion import get_completion_class

from claude_session_status.cli.streams import echo

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CLAUDE_SESSION_STATUS_COMPLETE"


@click.command("completion", short_help="Print a script that completes commands.")
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell script that completes commands and options.

    In ~/.bashrc, for example: eval "$(claude-session-status completion bash)"
    """
    root = context.find_root()
    kind = get_completion_class(shell)
    if kind is None:  # a click without that shell
        raise click.UsageError(f"{shell} is not supported")
    echo(kind(root.command, {}, root.info_name or "", _VARIABLE).source())
