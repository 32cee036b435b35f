"""Prints warnings of the log to stderr where a command has set up no log. Not in `streams`: help needs no log."""

import logging

from claude_session_status.cli.streams import echo


def print_warnings() -> None:
    """From now on, print warnings that no handler takes."""
    logging.lastResort = _EchoHandler(logging.WARNING)


class _EchoHandler(logging.Handler):
    """Prints warnings where no log is set up. They name models, folders and files: they must be cleaned too."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            echo(self.format(record), err=True)
        except OSError:
            self.handleError(record)
