"""Performs the actions that keys start in `watch`, with the same code as the tray's menu."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

from claude_session_status import menu_items
from claude_session_status.claude.setup.hook_commands import this_launcher
from claude_session_status.cli import board
from claude_session_status.errors import SessionStatusError
from claude_session_status.keep_warm_times import Choice
from claude_session_status.model import EventKind, Host, Session
from claude_session_status.words import name_of

HISTORY_SECONDS = 60.0  # the first time, all transcripts are read

Perform = Callable[[board.Action], str]  # returns the message to show; raises SessionStatusError or OSError


class ActionHandler(Protocol):
    """The windows, the file manager and the clipboard. Each method raises SessionStatusError."""

    def go_to_session(self, session: Session) -> str:
        """Bring the session's terminal to the front; return the message to show."""

    def open_folder(self, folder: str) -> None:
        """Show the folder in the file manager."""

    def history(self) -> str:
        """Return what cold caches cost this week."""

    def copy_resume_command(self, folder: str | None, session_id: str, host: str | None = None) -> str:
        """Put the command that resumes the session into the clipboard; return the message to show.

        `host` is the other machine that runs the session, and `session_id` its id there.
        """


class EventSink(Protocol):
    """Records what the user wants of a session; a Monitor does."""

    def submit(self, kind: EventKind, session_id: str) -> None:
        """Record that the session is muted or unmuted. Raises OSError."""

    def keep_warm(self, session_id: str, choice: Choice, *, consents: bool = False) -> tuple[str, ...]:
        """Keep the session warm, or no longer; return sentences about it. Raises SessionStatusError and OSError."""


def performer(sink: EventSink, handler: ActionHandler) -> Perform:
    """Return the function that `watch.show` calls with each action."""

    def perform(action: board.Action) -> str:
        match action:
            case board.SetMuted(session_id, name, muted):
                sink.submit(EventKind.MUTE if muted else EventKind.UNMUTE, session_id)
                return f"{name} is muted" if muted else f"{name} is unmuted"
            case menu_items.KeepSessionWarm(session_id, choice, consents):
                return " ".join(sink.keep_warm(session_id, choice, consents=consents))
            case board.GoToSession(session):
                return handler.go_to_session(session)
            case board.OpenFolder(name, folder, host):
                if host is not None:
                    raise SessionStatusError(f"The folder of {name} is on another machine", f"There it is {folder}")
                if not folder:
                    raise SessionStatusError(f"The folder of {name} is not known", "Its next event names it")
                handler.open_folder(folder)
                return f"Opened {folder}"
            case board.CopyResumeCommand(session_id, folder, host):
                return handler.copy_resume_command(folder, session_id, host)
            case menu_items.ShowHistory():
                return handler.history()
            case _:
                assert_never(action)

    return perform


def has_display(platform: str, environ: Mapping[str, str]) -> bool:
    """Whether a window can be shown. A shell across SSH has none, on macOS and Windows neither."""
    if platform in ("darwin", "win32"):
        return not environ.get("SSH_CONNECTION")
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


class SystemActionHandler:
    """This machine's windows, file manager and clipboard, as in the tray's menu.

    `uncopied` is the last command that no clipboard took: print it where it can be copied off the screen whole.
    `hosts` returns the other machines of the settings.
    """

    def __init__(
        self,
        to_terminal: Callable[[str], object] | None = None,
        hosts: Callable[[], Sequence[Host]] = lambda: (),
    ) -> None:
        self.uncopied: str | None = None
        self._to_terminal = to_terminal
        self._hosts = hosts

    def go_to_session(self, session: Session) -> str:
        """Bring the session's terminal to the front. Raises SessionStatusError where a part of it is not reached."""
        from claude_session_status.desktop import go  # noqa: PLC0415 - imported only when used

        go.to_session(session, os.environ, host=self._host(session.host))
        return f"{name_of(session)} is in front"

    def open_folder(self, folder: str) -> None:
        """Show the folder in the file manager. Raises SessionStatusError."""
        from claude_session_status.desktop.actions import SystemActions  # noqa: PLC0415 - imported only when used

        if not has_display(sys.platform, os.environ):
            raise SessionStatusError("No graphical display found", f"The folder is {folder}")
        SystemActions((), (), os.environ).open_folder(folder)

    def history(self) -> str:
        """Return what cold caches cost this week, read by a child process. Raises SessionStatusError."""
        launcher = this_launcher()
        command = (launcher.program, *launcher.arguments, "history", "--brief")
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=HISTORY_SECONDS, check=True
            )
            week = json.loads(done.stdout)["week"]
        except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
            raise SessionStatusError("The history can't be read now", "Run: claude-session-status history") from error
        return f"This week: {week}. For more, run: claude-session-status history"

    def _host(self, name: str | None) -> Host | None:
        from claude_session_status.desktop.resume import host_named  # noqa: PLC0415 - as above

        return None if name is None else host_named(name, self._hosts())

    def copy_resume_command(self, folder: str | None, session_id: str, host: str | None = None) -> str:
        """Put the command into the clipboard, or keep it as `uncopied`. Raises SessionStatusError."""
        from claude_session_status.desktop import resume  # noqa: PLC0415 - as above
        from claude_session_status.desktop.actions import clipboard_ways  # noqa: PLC0415 - as above

        machine = self._host(host)
        if machine is None:
            command = resume.resume_command(folder, session_id)
        else:
            command = resume.remote_resume_command(machine, folder, session_id)
        if any(way.copy(command) for way in clipboard_ways(os.environ)):
            self.uncopied = None
            return f"Copied: {command}"
        self.uncopied = command  # a terminal does not say whether it took it
        if self._to_terminal is None or os.environ.get("TERM") == "linux":
            return f"No clipboard; the command is printed when you quit: {command}"
        self._to_terminal(osc52(command))
        return f"Copied by the terminal, if it can, and printed when you quit: {command}"


def osc52(text: str) -> str:
    """Return the control sequence that asks a terminal, also one across SSH, to put `text` into its clipboard."""
    encoded = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")
    return f"\x1b]52;c;{encoded}\x07"
