"""What an X server reports as an error is an error of python-xlib's, whatever its extensions registered."""

from types import SimpleNamespace
from typing import Any

from Xlib import X, error

from claude_session_status.desktop.go.x11 import X11


class Connection:
    """A connection whose RandR extension has replaced an error of the protocol's own."""

    def __init__(self) -> None:
        self.display = SimpleNamespace(error_classes={**error.xerror_class, X.BadValue: Exception})

    def screen(self) -> Any:
        return SimpleNamespace(root=None)

    def has_extension(self, name: str) -> bool:
        return False

    def set_error_handler(self, handler: Any) -> None:
        pass


def test_the_protocols_own_errors_have_their_own_classes() -> None:
    connection = Connection()

    X11(connection, is_complete=True, patience=1.0)

    assert connection.display.error_classes[X.BadValue] is error.BadValue
