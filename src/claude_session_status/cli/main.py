"""The command line: names the commands and their options. A command imports what it needs when it runs."""

import click

from claude_session_status import PROGRAM, __version__
from claude_session_status.claude import hook, hook_table
from claude_session_status.cli.completion import completion
from claude_session_status.cli.history import history
from claude_session_status.cli.hosts import hosts


class _InOrder(click.Group):
    """Lists commands in the order in which they were added: a newcomer's first, the hooks' last."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def group() -> None:
    """See how long Claude Code's prompt cache stays warm, for all your sessions.

    Start with setup. watch is a table in the terminal.
    """
    from claude_session_status.warnings_on_stderr import print_warnings  # noqa: PLC0415 - not for help

    print_warnings()


_demo = click.option("--demo", is_flag=True, help="Show six made-up sessions, 20 times as fast, instead of yours.")


@group.command(short_help="Install everything, and start the tray.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def setup(*, yes: bool) -> None:
    """Install everything, and start the tray.

    Adds the hooks and the status line to Claude Code's settings.json, starts the tray at login, and starts it now. It
    shows what it will do and asks first. A status line of your own shows what it did before. `uninstall` undoes all
    of it.

    Run it again at any time: what is right stays as it is. Without a display no tray is started.
    """
    from claude_session_status.cli.setup import run_setup  # noqa: PLC0415 - imports all that changes settings

    run_setup(yes=yes)


@group.command(short_help="Undo everything that setup did.")
@click.option("--data", is_flag=True, help="Also delete the folder with the database, config.toml and the log.")
def uninstall(*, data: bool) -> None:
    """Undo everything that setup did: end the tray, and remove hooks, status line and start at login.

    Claude Code's settings.json is as it was before, to the byte. The program itself stays, for pipx, uv or apt to
    remove.
    """
    from claude_session_status.cli.setup import run_uninstall  # noqa: PLC0415 - imports all that changes settings

    run_uninstall(data=data)


@group.command(short_help="Show an icon, and notify before a cache expires.")
@_demo
def tray(*, demo: bool) -> None:
    """Show an icon in the tray, and notify before a cache expires.

    Where there is no display, the table is shown in the terminal instead.
    """
    from claude_session_status.cli.tray import run, run_demo  # noqa: PLC0415 - the desktop is imported only to be shown

    if demo:
        raise SystemExit(run_demo())
    raise SystemExit(run())


@group.command(short_help="Show a live table of all sessions.")
@_demo
@click.option("--once", is_flag=True, help="Print the table once and exit.")
def watch(*, demo: bool, once: bool) -> None:
    """Show a live table of all sessions. Into a pipe, print it once.

    Keys: the arrows, Page Up and Down, Home and End choose a session, Enter goes to its terminal, m mutes it, k keeps
    it warm, o opens its folder, c copies the command that resumes it, s changes the order, h shows what cold caches
    cost, ? explains signs and keys, q quits.
    """
    from claude_session_status.cli.watch import run, run_demo  # noqa: PLC0415 - rich is imported only to be shown

    if demo:
        run_demo(once=once)
    else:
        run(once=once)


@group.command(short_help="Print all sessions once: table, JSON or a line.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema 1) instead of a table.")
@click.option("--short", is_flag=True, help="Print one line for tmux or Polybar.")
@click.option("--waybar", is_flag=True, help="Print JSON for a Waybar module.")
@click.option("--all", "everything", is_flag=True, help="Include sessions that ended or were silent for a day.")
@click.option("--follow", is_flag=True, help="With --short, --waybar or --json: print a new line at each change.")
def status(*, as_json: bool, short: bool, waybar: bool, everything: bool, follow: bool) -> None:
    """Print all sessions once, the one that expires soonest first."""
    from claude_session_status.cli.status import Form, run  # noqa: PLC0415 - DuckDB is imported only to be used
    from claude_session_status.cli.status import follow as keep_printing  # noqa: PLC0415 - as above

    forms = [
        form for form, is_wanted in ((Form.JSON, as_json), (Form.SHORT, short), (Form.WAYBAR, waybar)) if is_wanted
    ]
    if len(forms) > 1:
        raise click.UsageError("Use only one of --json, --short and --waybar.")
    form = forms[0] if forms else Form.TABLE
    if not follow:
        run(form, everything=everything)
    elif form is not Form.TABLE:
        keep_printing(form, everything=everything)
    else:
        raise click.UsageError("--follow needs --short, --waybar or --json. For a live table, use `watch`.")


def _complete_session(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:  # noqa: ARG001 - click's own signature
    from claude_session_status.cli import go  # noqa: PLC0415 - DuckDB is imported only to be used

    return go.completions(begun)


@group.command(short_help="Bring a session's terminal to the front.")
@click.argument("session", required=False, shell_complete=_complete_session)
def go(session: str | None) -> None:
    """Bring the terminal window, tab and pane of a session to the front.

    SESSION is an id, the beginning of one, or a project's name. Without it, the session is the most urgent one that is
    not working. Where only a part can be reached, one line says so and what would make it possible.
    """
    from claude_session_status.cli.go import run  # noqa: PLC0415 - the desktop is imported only when it is used

    raise SystemExit(run(session))


@group.command("keep-warm", short_help="Keep a session's cache warm for a while.")
@click.argument("session", required=False, shell_complete=_complete_session)
@click.option("--for", "duration", help="For this long, such as 1h or 90m; less than a day.", metavar="DURATION")
@click.option("--until", "clock", help="Until this time of today, such as 18:00.", metavar="HH:MM")
@click.option("--off", is_flag=True, help="Stop keeping it warm.")
@click.option("--yes", is_flag=True, help="Also a five-minute cache, which takes many requests an hour.")
@click.option("--trust", help="Trust this version of Claude Code again after a ping missed.", metavar="VERSION")
def keep_warm(
    *, session: str | None, duration: str | None, clock: str | None, off: bool, yes: bool, trust: str | None
) -> None:
    """Keep the cache of an idle session warm by small requests ("pings"), until a time that you choose.

    SESSION is an id, the beginning of one, or a project's name. Without an option, print whether it is kept warm, what
    that costs, or why it can't be. Without SESSION, print that for all sessions.

    Each ping reads the whole conversation from the cache and counts towards your usage. The plugin
    prompt-cache-keep-warm sends them, from inside Claude Code. After one miss no more are sent.
    """
    from claude_session_status.cli.keep_warm import Wanted, run  # noqa: PLC0415 - DuckDB is imported only to be used

    raise SystemExit(run(Wanted(session, duration, clock, off=off, yes=yes, trust=trust)))


group.add_command(history)
group.add_command(hosts)


_dry_run = click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")


@group.command("install-hooks", short_help="Add the hooks to Claude Code's settings.")
@_dry_run
@click.option(
    "--statusline", "status_line", is_flag=True, help="Also install the status line, around the one that is there."
)
def install_hooks(*, dry_run: bool, status_line: bool) -> None:
    """Add the hooks to Claude Code's settings.json, so that its sessions report.

    With --statusline its status line reports when Claude Code expects the cache to expire, which is the best source. A
    status line of your own shows what it did before; without one, a short line of ours is shown.

    `setup` does this and more. Run it again after moving or reinstalling the program: what is right stays as it is.
    """
    from claude_session_status.cli.hooks import install  # noqa: PLC0415 - imports all that changes settings

    install(dry_run=dry_run, status_line=status_line)


@group.command("uninstall-hooks", short_help="Remove the hooks from Claude Code's settings.")
@_dry_run
def uninstall_hooks(*, dry_run: bool) -> None:
    """Remove the hooks and the status line from Claude Code's settings.json, and leave everything else as it is."""
    from claude_session_status.cli.hooks import uninstall as remove  # noqa: PLC0415 - as above

    remove(dry_run=dry_run)


@group.command(short_help="Check the set-up, and say how to fix it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema 1).")
@click.option("--notify", is_flag=True, help="Also send a notification, run on_alert, and say how it went.")
def doctor(as_json: bool, notify: bool) -> None:  # noqa: FBT001 - click passes options as keywords
    """Check the set-up: each line names a check, its result and how to fix it. Exits with 0 if nothing is bad."""
    from claude_session_status.cli.doctor import run  # noqa: PLC0415 - looks at everything, so it imports everything

    raise SystemExit(run(as_json=as_json, notify=notify))


@group.command(short_help="Turn start at login on or off.")
@click.argument("action", metavar="[on|off|status]", type=click.Choice(["on", "off", "status"]), default="status")
def autostart(action: str) -> None:
    """Turn start at login on or off; `status` prints which."""
    from claude_session_status.cli.autostart import run  # noqa: PLC0415 - imports the desktop's part of it

    run(action)


@group.command(short_help="Print the settings in effect and their file.")
def config() -> None:
    """Print the path of config.toml and the settings in effect, in the form of that file.

    Exits with 1 if the file has mistakes; stderr names them with their lines.
    """
    from claude_session_status.cli.config import run  # noqa: PLC0415 - imported only to be shown

    raise SystemExit(run())


group.add_command(completion)


@group.command(
    short_help="Print a line for Claude Code's status line.", context_settings={"ignore_unknown_options": True}
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def statusline(command: tuple[str, ...]) -> None:
    """For Claude Code's status line: record the client's own expiry time, and print a short line.

    Reads the JSON that Claude Code pipes to it. With a COMMAND, passes the JSON to it and prints its output
    unchanged. `install-hooks --statusline` sets this up.
    """
    from claude_session_status.claude import statusline as line  # noqa: PLC0415 - real calls bypass this module

    raise SystemExit(line.main(("--", *command) if command else ()))


@group.command("help", short_help="Show the help of a command.")
@click.argument("command", nargs=-1)
@click.pass_context
def show_help(context: click.Context, command: tuple[str, ...]) -> None:
    """Show the help of a command, or without one the list of commands."""
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - only to print it

    if not command:
        echo(group.get_help(context.find_root()))
        return
    group.main(args=[*command, "--help"], prog_name=PROGRAM, standalone_mode=False)


def _add_hook_command(name: str, what: str, events: str) -> None:
    more = "Reads JSON from stdin; prints nothing to stdout; always exits with 0."

    @group.command(name, help=f"Hook: record that {what} ({events}). {more}", short_help=f"Hook: {what}.")
    def hook_command() -> None:
        hook.main(name)


for _name, (_what, _events) in hook_table.help_texts().items():
    _add_hook_command(_name, _what, _events)
