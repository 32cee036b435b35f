"""Go to session: brings the terminal window, tab and pane of a session to the front."""

from collections.abc import Mapping

from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Session


def to_session(session: Session, environ: Mapping[str, str], activation_token: str | None = None) -> None:
    """Bring the session's terminal to the front.

    Raises:
        SessionStatusError: the session, or a part of its place such as the tab, could not be reached.

    """
    del environ, activation_token
    raise SessionStatusError(f"The terminal of session {session.session_id[:8]} can't be reached", "Look for its title")
