"""Go to session: brings the terminal window, tab and pane of a session to the front.

Everything is read from the session's process when the user asks for it: its environment, its ancestors, its terminal
device. Nothing is stored, and hooks do no more work. `place` says which of that is believed.
"""

import logging
import re
import shlex
import shutil
import sys
from collections.abc import Mapping

from claude_session_status.desktop import terminal
from claude_session_status.desktop.go.outcome import Outcome, Reached
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Host, Process, Session

log = logging.getLogger(__name__)

_ENDED = Outcome(
    Reached.NOTHING,
    "The session's process is not found here",
    "It has ended, or runs in a container or on another machine",
)


def to_session(
    session: Session, environ: Mapping[str, str], activation_token: str | None = None, *, host: Host | None = None
) -> None:
    """Bring the session's terminal to the front. A detached multiplexer is shown in a new terminal.

    `host` is the other machine that runs the session; None: this one.

    Raises:
        SessionStatusError: the session, or a part of its place such as the tab, could not be reached.

    """
    outcome = find(session, environ, activation_token, host=host)
    if outcome.reached is Reached.DETACHED:
        open_attached(outcome, environ)
    elif outcome.reached is not Reached.SESSION:
        raise SessionStatusError(outcome.sentence, outcome.next_step)


def find(
    session: Session,
    environ: Mapping[str, str],
    activation_token: str | None = None,
    *,
    host: Host | None = None,
    patience: float = 1.0,
) -> Outcome:
    """Bring the session's terminal to the front, and return how far that went. `host`: as for `to_session`.

    `patience` multiplies how long terminals and window managers may take: 1 is right for a user who waits.

    Raises:
        SessionStatusError: a program that shows the session could not be started.

    """
    if host is None:
        outcome = _find(session, environ, activation_token, patience)
    else:
        outcome = _find_way_to(host, session.ssh_client_port, environ, activation_token, patience)
    log.info("go to %s: %s", session.session_id, outcome)
    return outcome


def open_attached(outcome: Outcome, environ: Mapping[str, str]) -> None:
    """Show a detached multiplexer's session in a new terminal window.

    Raises:
        SessionStatusError: there is no display or no terminal.

    """
    if sys.platform == "linux" and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        raise SessionStatusError(outcome.sentence, f"Attach to it in a terminal: {shlex.join(outcome.attach)}")
    terminal.open_in_terminal(outcome.attach, environ)


def _find(session: Session, environ: Mapping[str, str], token: str | None, patience: float) -> Outcome:
    from claude_session_status.desktop.go import urls, vscode  # noqa: PLC0415 - only when asked for

    opener = "open" if sys.platform == "darwin" else "xdg-open"
    is_uuid = re.fullmatch(r"[0-9a-f-]{36}", session.session_id) is not None
    if session.entrypoint == vscode.EXTENSION and is_uuid and shutil.which(opener):
        urls.open_url(vscode.session_url(session.session_id), opener)
        return Outcome(Reached.SESSION)
    if session.process is None:
        return _ENDED
    return _platforms_find(session.process, environ, token, patience)


def _find_way_to(
    host: Host, port: int | None, environ: Mapping[str, str], token: str | None, patience: float
) -> Outcome:
    """Bring the terminal to the front that leads to the host's session, where it is known which one does."""
    from claude_session_status.desktop.go import remote  # noqa: PLC0415 - only when asked for

    ways = remote.terminals(host, port)
    if len(ways) == 1:
        return _platforms_find(ways[0], environ, token, patience)
    if ways:
        step = "Only a look at them shows which one has the session"
        return Outcome(Reached.NOTHING, f"{len(ways)} terminals here lead to {host.name}", step)
    return Outcome(
        Reached.NOTHING, f"No terminal here leads to {host.name}", "Copy the session's resume command to open it here"
    )


def _platforms_find(process: Process, environ: Mapping[str, str], token: str | None, patience: float) -> Outcome:
    if sys.platform == "win32":
        from claude_session_status.desktop.go import windows  # noqa: PLC0415 - this platform only

        return windows.find(process)
    if sys.platform == "darwin":
        from claude_session_status.desktop.go import macos  # noqa: PLC0415 - this platform only

        return macos.find(process, environ)
    from claude_session_status.desktop.go import linux  # noqa: PLC0415 - this platform only
    from claude_session_status.desktop.go import process as processes  # noqa: PLC0415 - as above
    from claude_session_status.desktop.go.edge import Edge  # noqa: PLC0415 - as above

    place = processes.read(process)
    if place is None:
        return _ENDED
    edge = Edge(environ)
    manager = linux.window_manager(environ, edge, patience)
    try:
        return linux.reach(place, edge, manager, token, patience=patience)
    finally:
        if manager is not None:
            manager.close()
        edge.close()
