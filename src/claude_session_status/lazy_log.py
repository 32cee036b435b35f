"""The log of the modules that `status` and hooks import: it imports `logging` with its first message.

`logging` takes half as long to import as Python takes to start, and mostly there is nothing to log.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


class Log:
    """The logger of this name, with the methods of one that are used. Where no log is set up, warnings are printed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def info(self, message: str, *values: object) -> None:
        """Log what happened."""
        self._logger().info(message, *values)

    def warning(self, message: str, *values: object) -> None:
        """Log what the user may have to know."""
        self._logger().warning(message, *values)

    def error(self, message: str, *values: object) -> None:
        """Log what went wrong."""
        self._logger().error(message, *values)

    def exception(self, message: str, *values: object) -> None:
        """Log what went wrong, with the traceback of the exception that is handled."""
        self._logger().exception(message, *values)

    def _logger(self) -> "logging.Logger":
        import logging  # noqa: PLC0415 - see above

        from claude_session_status.warnings_on_stderr import print_warnings  # noqa: PLC0415 - imports logging

        print_warnings()
        return logging.getLogger(self._name)
