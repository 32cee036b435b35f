"""Does what keys ask for in `watch`, by the same ways as the tray's menu."""

import os
from collections.abc import Callable
from typing import Protocol

from claude_session_status.cli.board import Wish
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import EventKind, SessionState
from claude_session_status.words import name_of

Fulfil = Callable[[Wish, SessionState], str]  # returns what to say; raises SessionStatusError or OSError


class Hands(Protocol):
    """Whoever does it outside the program. Both raise SessionStatusError."""

    def open_folder(self, folder: str) -> None:
        """Show the folder in the file manager."""

    def copy_resume_command(self, folder: str | None, session_id: str) -> str:
        """Put the command that resumes the session into the clipboard; return what to say."""


class Tells(Protocol):
    """Whoever remembers what a person wants."""

    def submit(self, kind: EventKind, session_id: str) -> None:
        """Have a session muted or unmuted. Raises OSError."""


def fulfiller(monitor: Tells, hands: Hands) -> Fulfil:
    """What `watch.show` calls with each wish."""

    def fulfil(wish: Wish, state: SessionState) -> str:
        session = state.session
        name = name_of(session)
        if wish is Wish.MUTE:
            monitor.submit(EventKind.UNMUTE if session.muted else EventKind.MUTE, session.session_id)
            return f"{name} may notify again" if session.muted else f"{name} is muted"
        if wish is Wish.OPEN:
            if not session.folder:
                raise SessionStatusError(f"The folder of {name} is not known", "It is with the session's next event")
            hands.open_folder(session.folder)
            return f"Opened {session.folder}"
        return hands.copy_resume_command(session.folder, session.session_id)

    return fulfil


class SystemHands:
    """This machine's file manager and clipboard: those of the tray's menu.

    `uncopied` is the last command that no clipboard took: to be printed where it can be copied off the screen whole.
    """

    def __init__(self) -> None:
        self.uncopied: str | None = None

    def open_folder(self, folder: str) -> None:
        """Show the folder in the file manager. Raises SessionStatusError."""
        from claude_session_status.desktop.actions import SystemActions  # noqa: PLC0415 - the desktop, only when asked for

        SystemActions((), (), os.environ).open_folder(folder)

    def copy_resume_command(self, folder: str | None, session_id: str) -> str:
        """Put the command into the clipboard, or keep it as `uncopied`. Raises SessionStatusError."""
        from claude_session_status.desktop.actions import clipboard_ways, resume_command  # noqa: PLC0415 - likewise

        command = resume_command(folder, session_id)
        if any(way.copy(command) for way in clipboard_ways(os.environ)):
            self.uncopied = None
            return f"In the clipboard: {command}"
        self.uncopied = command
        return f"There is no clipboard here: printed when you quit, to be copied. {command}"
