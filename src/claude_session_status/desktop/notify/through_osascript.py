"""Notifications on macOS through AppleScript, which every Mac has and which needs no signed bundle.

macOS shows them as Script Editor's: they appear once System Settings > Notifications > Script Editor allows them, and a
click opens that program. `osascript` does not report whether one was shown, and can neither replace nor close it.
"""

import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from claude_session_status.desktop.notify.base import Attempt, NotifyOutcome
from claude_session_status.notification import Notification

OSASCRIPT_SECONDS = 5.0
SOUND = "Glass"  # one of macOS's own, in System Settings > Sound

# The texts are arguments: none is ever a part of the script.
SCRIPT = (
    "on run argv",
    'if item 4 of argv is "" then',
    "display notification (item 3 of argv) with title (item 2 of argv)",
    "else",
    "display notification (item 3 of argv) with title (item 2 of argv) sound name (item 4 of argv)",
    "end if",
    "end run",
)
_FIRST = "notify"  # osascript reads no option behind its first plain argument: a title may begin with a dash

Run = Callable[..., "subprocess.CompletedProcess[Any]"]


class OsascriptNotifier:
    """Starts `osascript` for each notification."""

    name = "osascript"
    replaces = False

    def __init__(self, environ: Mapping[str, str], run: Run = subprocess.run) -> None:
        self._environ = environ
        self._run = run

    def notify(
        self,
        notification: Notification,
        image: Image.Image | None,  # noqa: ARG002  # it shows Script Editor's
        until: float | None = None,  # noqa: ARG002  # it waits at most OSASCRIPT_SECONDS
    ) -> Attempt:
        """Pass it to osascript."""
        try:
            done = self._run(
                command_for(notification),
                # A LaunchAgent has no locale; the arguments are UTF-8.
                env={**self._environ, "LC_CTYPE": "UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=OSASCRIPT_SECONDS,
            )
        except FileNotFoundError:
            return Attempt(self.name, NotifyOutcome.UNAVAILABLE, "there is no osascript")
        except subprocess.TimeoutExpired:
            return Attempt(self.name, NotifyOutcome.NO_ANSWER, f"it did not end within {OSASCRIPT_SECONDS:g} s")
        except (OSError, ValueError) as error:
            return Attempt(self.name, NotifyOutcome.FAILED, f"{type(error).__name__}: {error}")
        if done.returncode != 0:
            reason = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
            return Attempt(self.name, NotifyOutcome.FAILED, reason)
        return Attempt(self.name, NotifyOutcome.UNCONFIRMED)

    def close(self, key: str) -> None:
        """Nothing to do: a notification that osascript has shown can't be closed."""

    def disconnect(self) -> None:
        """Nothing to do: it keeps no connection."""


def command_for(notification: Notification) -> tuple[str, ...]:
    """The command that shows a notification."""
    lines = (word for line in SCRIPT for word in ("-e", line))
    sound = SOUND if notification.sound else ""
    return ("osascript", *lines, _FIRST, notification.title, notification.body, sound)
