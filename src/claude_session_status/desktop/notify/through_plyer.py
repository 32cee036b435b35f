"""Notifications through plyer, the last resort.

plyer 2.1 does not report whether a notification was shown: on Linux it starts `notify-send` and ignores the result, on
Windows it raises in a thread of its own. So its limits are enforced here, and it never counts as confirmed.
"""

import importlib.util
import sys
import warnings
from typing import Any

from PIL import Image

from claude_session_status.desktop.notify.base import Attempt, NotifyOutcome, fit
from claude_session_status.notification import Notification

APPLICATION = "Claude Code"
TITLE_UNITS = 63  # Windows: 64 with the closing zero; more raises, in plyer's own thread
BODY_UNITS = 255


class PlyerNotifier:
    """Notifies through plyer's facade. It can't replace or close a notification."""

    name = "plyer"
    replaces = False

    def __init__(self, platform: str = sys.platform, facade: Any = None) -> None:  # plyer has no types
        self._platform = platform
        self._facade = facade  # None: plyer's own, imported at the first use

    def notify(
        self,
        notification: Notification,
        image: Image.Image | None,  # noqa: ARG002  # it wants files
        until: float | None = None,  # noqa: ARG002  # it does not wait
    ) -> Attempt:
        """Pass it to plyer."""
        title, body = fit(notification.title, TITLE_UNITS), fit(notification.body, BODY_UNITS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # plyer warns that Python's dbus package is missing
                self._loaded().notify(title=_positional(title), message=_positional(body), app_name=APPLICATION)
        except (ImportError, NotImplementedError) as error:
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE, str(error))
        except Exception as error:
            return Attempt(self.name, NotifyOutcome.FAILED, f"{type(error).__name__}: {error}")
        return Attempt(self.name, NotifyOutcome.UNCONFIRMED)

    def close(self, key: str) -> None:
        """Nothing to do: plyer does not know what it has shown."""

    def disconnect(self) -> None:
        """Nothing to do: plyer keeps no connection."""

    def _loaded(self) -> Any:  # plyer has no types
        if self._facade is None:
            if self._platform == "darwin" and importlib.util.find_spec("pyobjus") is None:
                raise ImportError("pyobjus is not installed")  # plyer itself would print a traceback
            from plyer import notification  # noqa: PLC0415  # only for a first notification

            self._facade = notification
        return self._facade


def _positional(text: str) -> str:
    """Keep `notify-send` from reading a text that begins with a dash as an option, which would show nothing."""
    return f" {text}" if text.startswith("-") else text
