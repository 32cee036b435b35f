"""Prints warnings of the log to stderr where no log is set up, cleaned: they name models, folders and files."""

import logging
import sys

from claude_session_status.printable import printable


def print_warnings() -> None:
    """From now on, print warnings that no handler takes."""
    logging.lastResort = _Printer(logging.WARNING)


class _Printer(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr is None:  # pythonw has none
            return
        try:
            sys.stderr.write(printable(self.format(record)) + "\n")
            sys.stderr.flush()
        except OSError:
            self.handleError(record)
