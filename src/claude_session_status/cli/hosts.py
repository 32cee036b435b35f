"""`hosts`: the other machines whose sessions are shown. Lists, adds, removes and checks them."""

import shlex
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from claude_session_status.model import Host
    from claude_session_status.remote.probe import Reply

CHECK_SECONDS = 30.0  # a program there may have to start on a slow machine


def _complete_name(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:  # noqa: ARG001 - click's own signature
    return [host.name for host in _hosts() if host.name.startswith(begun)]


@click.group("hosts", invoke_without_command=True, short_help="List other machines, add, remove or check one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (schema 1).")
@click.pass_context
def hosts(context: click.Context, *, as_json: bool) -> None:
    """List the other machines whose sessions are shown, with the state of each connection.

    The tray or `watch` connects to them. A machine that can't be reached is no failure of this command.
    """
    if context.invoked_subcommand is None:
        _list(as_json=as_json)
    elif as_json:
        raise click.UsageError("--json is for the list only.")


@hosts.command(short_help="Add a machine, and check it.")
@click.argument("name")
@click.option(
    "--command", metavar="COMMAND", help="How to run a command there, if not by ssh: 'docker exec -i dev', for example."
)
@click.option(
    "--program", metavar="PATH", help="Where claude-session-status is there, if not on the PATH of a login shell."
)
def add(name: str, command: str | None, program: str | None) -> None:
    """Add a machine to config.toml, whose comments stay, and check it.

    NAME is what ssh calls the machine: a name of your ~/.ssh/config, or me@gpu-box. With --command it is any name.
    """
    from claude_session_status import config_file  # noqa: PLC0415 - only to change the file
    from claude_session_status.cli import host_checks  # noqa: PLC0415 - as above
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - as above
    from claude_session_status.errors import SessionStatusError  # noqa: PLC0415 - as above
    from claude_session_status.model import HostConnection  # noqa: PLC0415 - as above

    host = _checked(name, command, program)
    if any(other.name == name for other in _hosts()):
        raise SessionStatusError(f"{name} is already in config.toml", f"Run: claude-session-status hosts check {name}")
    path = _config_path()
    config_file.add_host(path, host)
    echo(f"{name} is in {path}. Checking it:")
    first = _ask(host, host_checks.STATUS)
    if program is None and first.connection is HostConnection.NO_PROGRAM and (place := _find(host)) is not None:
        host = replace(host, program=place)
        config_file.remove_host(path, name)
        config_file.add_host(path, host)
        echo(f"The program is in {place} there, not on the PATH of a login shell. config.toml says so now.")
        first = _ask(host, host_checks.STATUS)
    _print_checks(host, first)


@hosts.command(short_help="Remove a machine.")
@click.argument("name", shell_complete=_complete_name)
def remove(name: str) -> None:
    """Remove a machine from config.toml, whose comments stay. Its sessions are no longer shown."""
    from claude_session_status import config_file  # noqa: PLC0415 - only to change the file
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - as above

    _named(name)
    config_file.remove_host(_config_path(), name)
    echo(f"{name} is removed from {_config_path()}.")


@hosts.command(short_help="Check a machine, and say what is missing.")
@click.argument("name", shell_complete=_complete_name)
def check(name: str) -> None:
    """Connect to a machine, and say what is missing in the order in which to fix it.

    Reachable, key accepted, program there, its version, hooks set up. Exits with 0 if nothing is missing.
    """
    raise SystemExit(_print_checks(_named(name)))


# ---- list -----------------------------------------------------------------------


def _list(*, as_json: bool) -> None:
    from claude_session_status import config, host_states, paths  # noqa: PLC0415 - only to be shown
    from claude_session_status.cli.checks import connection_in_words  # noqa: PLC0415 - as above
    from claude_session_status.cli.streams import echo, echo_json  # noqa: PLC0415 - as above
    from claude_session_status.words import iso  # noqa: PLC0415 - as above

    where = paths.from_environment()
    loaded = config.load(where.config)
    for problem in loaded.problems:
        echo(problem, err=True)
    states = host_states.current(where, loaded.config.hosts)
    pairs = list(zip(loaded.config.hosts, states, strict=True))
    if as_json:
        entries = [
            {
                "name": host.name,
                "command": list(host.command) or None,
                "program": host.program,
                "state": state.connection.value,
                "since": iso(state.since),
                "detail": state.detail,
                "version": state.version,
            }
            for host, state in pairs
        ]
        echo_json({"schema": 1, "hosts": entries})
        return
    if not pairs:
        echo("No other machines. To add one that ssh reaches: claude-session-status hosts add NAME")
    width = max((len(host.name) for host, _ in pairs), default=0)
    ways = [shlex.join(host.command) if host.command else "ssh" for host, _ in pairs]
    way_width = max(map(len, ways), default=0)
    for (host, state), way in zip(pairs, ways, strict=True):
        echo(f"{host.name:<{width}}  {way:<{way_width}}  {connection_in_words(state, time.time())}")


# ---- private --------------------------------------------------------------------


def _checked(name: str, command: str | None, program: str | None) -> "Host":
    """The host that the arguments describe. Raises click.UsageError."""
    from claude_session_status import host_settings  # noqa: PLC0415 - only for `add`
    from claude_session_status.model import Host  # noqa: PLC0415 - as above

    what = "NAME"
    try:
        host = Host(host_settings.checked_name(name))
        if command is not None:
            what = "--command"
            host = replace(host, command=host_settings.checked_command(_words(command)))
        if program is not None:
            what = "--program"
            host = replace(host, program=host_settings.checked_program(program))
    except host_settings.HostError as error:
        raise click.UsageError(f"{what} must be {error}.") from error
    return host


def _words(command: str) -> list[str]:
    """The words of a command as a shell splits it; a backslash in a path of Windows stays."""
    splitter = shlex.shlex(command, posix=True, punctuation_chars=False)
    splitter.whitespace_split, splitter.commenters = True, ""
    if sys.platform == "win32":
        splitter.escape = ""
    try:
        return list(splitter)
    except ValueError as error:
        raise click.UsageError(f"The command has an unfinished quote: {command}") from error


def _config_path() -> str:
    from claude_session_status import paths  # noqa: PLC0415 - only where it is needed

    return paths.from_environment().config


def _hosts() -> "tuple[Host, ...]":
    from claude_session_status import config  # noqa: PLC0415 - only where it is needed

    return config.load(_config_path()).config.hosts


def _named(name: str) -> "Host":
    """The host of that name. Raises SessionStatusError."""
    from claude_session_status import config  # noqa: PLC0415 - only where it is needed
    from claude_session_status.cli.streams import echo  # noqa: PLC0415 - as above
    from claude_session_status.desktop.resume import host_named  # noqa: PLC0415 - as above

    loaded = config.load(_config_path())
    for problem in loaded.problems:
        echo(problem, err=True)
    return host_named(name, loaded.config.hosts)


def _print_checks(host: "Host", first: "Reply | None" = None) -> int:
    """Check the host, printing each line as soon as it is known; return 0 if nothing is missing, else 1.

    `first` is what it replied to `host_checks.STATUS`, if it was asked already.
    """
    from claude_session_status import host_states, paths  # noqa: PLC0415 - only to check
    from claude_session_status.cli import check_result, host_checks  # noqa: PLC0415 - as above
    from claude_session_status.cli.invocation import as_called  # noqa: PLC0415 - as above
    from claude_session_status.cli.streams import echo, terminal_width  # noqa: PLC0415 - as above

    is_well = True

    def ask(asked: "Host", arguments: tuple[str, ...]) -> "Reply":
        return first if first is not None and arguments == host_checks.STATUS else _ask(asked, arguments)

    for each in host_checks.checks(host, ask, _find, is_on_index=_is_from_index()):
        is_well = is_well and each.state is not check_result.State.BAD
        # A command that is to be run on the other machine is as one types it there.
        command = each.command if each.command.startswith(("On ", "There")) else as_called(each.command)
        for line in check_result.lines_of(replace(each, command=command), terminal_width()):
            echo(line)
    if is_well:
        host_states.ask_for_retry(paths.from_environment())  # the tray may wait minutes for its next try
    return 0 if is_well else 1


def _ask(host: "Host", arguments: tuple[str, ...]) -> "Reply":
    from claude_session_status.remote import probe  # noqa: PLC0415 - only to check

    return probe.run(host, arguments, CHECK_SECONDS)


def _find(host: "Host") -> str | None:
    from claude_session_status.remote import probe  # noqa: PLC0415 - only to check

    return probe.find(host, CHECK_SECONDS)


def _is_from_index() -> bool:
    """Whether this installation came from the package index, not from a clone or a package of a system."""
    from importlib import metadata  # noqa: PLC0415 - slow, and only to check

    try:
        found = metadata.distribution("claude-session-status")
    except metadata.PackageNotFoundError:
        return False
    # https://packaging.python.org/en/latest/specifications/direct-url/: a clone or a URL leaves this file.
    return found.read_text("RECORD") is not None and found.read_text("direct_url.json") is None
