"""`completion bash|zsh|fish`: click's own script, which asks this program for the words."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CLAUDE_SESSION_STATUS_COMPLETE"


@click.command("completion", short_help="Print a script that completes commands.")
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes commands and options.

    In ~/.bashrc, for example: eval "$(claude-session-status completion bash)"
    """
    root = context.find_root()
    kind = get_completion_class(shell)
    if kind is None:  # a click that does not know it
        raise click.UsageError(f"{shell} is not known here")
    click.echo(kind(root.command, {}, root.info_name or "", _VARIABLE).source())
