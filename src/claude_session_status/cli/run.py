"""Runs a command, and turns failures into two lines and an exit code.

Exit codes: 0 done, 1 failed (the message says what to do next), 2 wrong usage.

A status bar may call `status` every few seconds, and click takes as long to import as three Pythons take to start; the
tray would hold its memory for days. So the right usages of `status`, and `tray` alone, are recognised here. Everything
else goes through click.
"""

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from claude_session_status import PROGRAM
from claude_session_status.cli.streams import echo, prepare_streams, reader_has_left
from claude_session_status.errors import SessionStatusError, file_and_reason, next_step_of

if TYPE_CHECKING:
    import click

_STATUS_OPTIONS = {"--json", "--short", "--waybar", "--all", "--follow"}


def main(arguments: Sequence[str]) -> int:
    """Run the command in `arguments`; return its exit code."""
    prepare_streams()
    try:
        if is_plain_status(arguments):
            code = _status({name.removeprefix("--") for name in arguments[1:]})
        elif list(arguments) == ["tray"]:
            code = _tray()
        else:
            code = _through_click(arguments)
        if sys.stdout is not None:  # pythonw has none
            sys.stdout.flush()
    except SessionStatusError as error:
        from claude_session_status.cli.invocation import as_called  # noqa: PLC0415 - only for a failure

        echo(as_called(f"{PROGRAM}: {error.title}\n{error.next_step}"), err=True)
        return 1
    except OSError as error:
        if reader_has_left(error):
            return 0
        echo(f"{PROGRAM}: {file_and_reason(error, 'the output')}\n{next_step_of(error)}", err=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def is_plain_status(arguments: Sequence[str]) -> bool:
    """Whether this is a right usage of `status`, each option at most once and in full, without a help text."""
    command, *options = arguments or [""]
    given = set(options)
    if command != "status" or len(given) < len(options) or not given <= _STATUS_OPTIONS:
        return False
    lines = len(given & {"--short", "--waybar"})
    return lines + ("--json" in given) <= 1 and ("--follow" not in given or lines == 1)


def _status(options: set[str]) -> int:
    from claude_session_status.cli.status import Form, follow, run  # noqa: PLC0415 - DuckDB is imported only to be used

    form = Form(next(iter(options - {"all", "follow"}), "table"))
    if "follow" in options:
        follow(form)
    else:
        run(form, everything="all" in options)
    return 0


def _tray() -> int:
    from claude_session_status.cli.tray import run  # noqa: PLC0415 - the desktop is imported only to be shown
    from claude_session_status.warnings_on_stderr import print_warnings  # noqa: PLC0415 - as above

    print_warnings()
    return run()


def _through_click(arguments: Sequence[str]) -> int:
    import click  # noqa: PLC0415 - slow

    from claude_session_status.cli.main import group  # noqa: PLC0415 - imports click

    try:
        group.main(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message())
    except click.ClickException as error:
        _show_usage_error(error)
        return error.exit_code
    except click.Abort:
        echo("Aborted.", err=True)  # a Ctrl-C at a question leaves the line unfinished
        return 130
    except SystemExit as error:  # the commands' own exit codes
        return int(error.code or 0)
    return 0


def _show_usage_error(error: "click.ClickException") -> None:
    """Print click's own message; it repeats the arguments, so it is cleaned too."""
    shown = io.StringIO()
    error.show(shown)
    echo(shown.getvalue(), err=True, nl=False)
