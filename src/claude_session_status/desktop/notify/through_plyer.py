"""Notifications through plyer, the way of last resort.

plyer 2.1 tells nothing about what became of a notification: on Linux it starts `notify-send` and forgets its result, on
Windows it raises in a thread of its own. So its limits are kept here, and it never counts as confirmed.
"""

import importlib.util
import sys
import warnings
from typing import Any

from PIL import Image

from claude_session_status.desktop.notify.base import Attempt, NotifyOutcome, fit
from claude_session_status.view import Notification

APPLICATION = "Claude Code"
TITLE_UNITS = 63  # Windows: 64 with the closing zero; more raises, in a thread where nobody sees it
BODY_UNITS = 255


class PlyerNotifier:
    """Notifies through plyer's facade. It can replace and close nothing."""

    name = "plyer"

    def __init__(self, platform: str = sys.platform, facade: Any = None) -> None:  # plyer has no types
        self._platform = platform
        self._facade = facade  # None: plyer's own, imported when it is needed

    def notify(
        self,
        notification: Notification,
        image: Image.Image | None,  # noqa: ARG002  # it wants files
        until: float | None = None,  # noqa: ARG002  # it does not wait
    ) -> Attempt:
        """Hand it over."""
        title, body = fit(notification.title, TITLE_UNITS), fit(notification.body, BODY_UNITS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that Python's dbus package is missing: so it is
                self._found().notify(title=_positional(title), message=_positional(body), app_name=APPLICATION)
        except (ImportError, NotImplementedError) as error:
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE, str(error))
        except Exception as error:
            return Attempt(self.name, NotifyOutcome.FAILED, f"{type(error).__name__}: {error}")
        return Attempt(self.name, NotifyOutcome.UNCONFIRMED)

    def close(self, key: str) -> None:
        """Nothing: plyer does not know what it has shown."""

    def disconnect(self) -> None:
        """Nothing: plyer holds nothing."""

    def _found(self) -> Any:  # likewise
        if self._facade is None:
            if self._platform == "darwin" and importlib.util.find_spec("pyobjus") is None:
                raise ImportError("pyobjus is not installed")  # plyer itself would print a traceback
            from plyer import notification  # noqa: PLC0415  # only when there is something to say

            self._facade = notification
        return self._facade


def _positional(text: str) -> str:
    """`notify-send` takes a text that begins with a dash for an option, and shows nothing."""
    return f" {text}" if text.startswith("-") else text
