"""`go`: brings a session's terminal to the front. Choosing the session is pure; reaching it is `desktop.go`."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from claude_session_status import PROGRAM, config, paths, session_menu, words
from claude_session_status.cli.status import look
from claude_session_status.cli.streams import echo
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Activity, Host, Session, SessionState, Snapshot

if TYPE_CHECKING:
    from claude_session_status.desktop.go.outcome import Outcome

NAMED_CANDIDATES = 8  # nobody reads a longer list


def run(wanted: str | None) -> int:
    """Go to the session; returns the exit code, 1 where neither its window nor its pane was reached.

    Raises:
        SessionStatusError: no session or several fit, or the session has no terminal.

    """
    from claude_session_status.desktop import go  # noqa: PLC0415 - once the session is known
    from claude_session_status.desktop.go.outcome import Reached  # noqa: PLC0415 - as above

    state = most_urgent(look(), _has_one_terminal) if wanted is None else choose(look(), wanted)
    host = _host_of(state.session)
    if not session_menu.can_go_to(state.session):
        raise SessionStatusError(
            f"{words.name_of(state.session)} has no terminal here",
            "It is run by a program, or no hook has reported its process yet",
        )
    outcome = go.find(state.session, os.environ, host=host)
    if outcome.reached is Reached.DETACHED:
        return _attach(outcome)
    if outcome.reached is Reached.NOTHING:
        raise SessionStatusError(outcome.sentence, outcome.next_step)
    if outcome.sentence:
        echo(f"{outcome.sentence}\n{outcome.next_step}", err=True)
    return 0


def _host_of(session: Session) -> Host | None:
    """The other machine that runs the session; None: this one. Raises SessionStatusError."""
    from claude_session_status.desktop.resume import host_named  # noqa: PLC0415 - as above

    if session.host is None:
        return None
    return host_named(session.host, config.load(paths.from_environment().config).config.hosts)


def _has_one_terminal(session: Session) -> bool:
    """Whether it is known which terminal here leads to another machine's session."""
    from claude_session_status.desktop.go import remote  # noqa: PLC0415 - only where such a session is urgent

    hosts = config.load(paths.from_environment().config).config.hosts
    found = (host for host in hosts if host.name == session.host)
    return any(len(remote.terminals(host, session.ssh_client_port)) == 1 for host in found)


def choose(shot: Snapshot, wanted: str) -> SessionState:
    """The session that an id, the beginning of one or a project's name fits.

    Raises:
        SessionStatusError: none fits, or several do; then it names them.

    """
    running = _running(shot)
    fitting = [state for state in running if wanted in (state.session.session_id, state.session.own_id)]
    fitting = fitting or [state for state in running if wanted.casefold() in _names(state.session)]
    fitting = fitting or [state for state in running if wanted and state.session.own_id.startswith(wanted)]
    if not fitting:
        named = words.clean(wanted)
        raise SessionStatusError(f"No running session fits {named}", f"Run: {PROGRAM} status")
    if len(fitting) > 1:
        lines = [_candidate(state) for state in fitting[:NAMED_CANDIDATES]]
        more = [f"  and {len(fitting) - len(lines)} more"] if len(fitting) > len(lines) else []
        title = f"{len(fitting)} sessions fit {words.clean(wanted)}"
        raise SessionStatusError(title, "\n".join(["Name one by its id:", *lines, *more]))
    return fitting[0]


def _names(session: Session) -> tuple[str, ...]:
    """`my-app`; of another machine's session also `build:my-app` and `build: my-app`."""
    own = words.own_name(session)
    names = [own] if session.host is None else [own, f"{session.host}:{own}", f"{session.host}: {own}"]
    return tuple(name.casefold() for name in names)


def most_urgent(shot: Snapshot, leads_to: Callable[[Session], bool]) -> SessionState:
    """The most urgent session that does not work and that has a terminal here.

    `leads_to` says whether it is known which terminal here leads to another machine's session.

    Raises:
        SessionStatusError: there is none.

    """
    with_terminal = [state for state in _running(shot) if session_menu.can_go_to(state.session)]
    without_way: dict[tuple[str, int | None], None] = {}
    for state in with_terminal:
        host, port = state.session.host, state.session.ssh_client_port
        if state.activity is Activity.WORKING or (host is not None and (host, port) in without_way):
            continue
        if host is None or leads_to(state.session):
            return state
        without_way[host, port] = None
    if without_way:
        names = dict.fromkeys(words.clean(host) for host, _ in without_way)
        raise SessionStatusError(
            f"No single terminal here leads to {' or '.join(names)}",
            "Copy a session's resume command to open it here, or name the session",
        )
    if with_terminal:
        raise SessionStatusError("Every session is working", f"Name one: {PROGRAM} go PROJECT")
    raise SessionStatusError("No running session has a terminal here", f"Run: {PROGRAM} status")


def _running(shot: Snapshot) -> list[SessionState]:
    return [state for state in shot.sessions if state.activity is not Activity.ENDED]


def _candidate(state: SessionState) -> str:
    """`  0b7f3c52  my-app · Fix the login`."""
    return f"  {words.short_id(state.session)}  {words.subject_of(state.session)}"


def completions(begun: str) -> list[str]:
    """The ids and project names that begin like this; none where the sessions can't be read."""
    try:
        sessions = [state.session for state in look().sessions if state.activity is not Activity.ENDED]
    except (SessionStatusError, OSError):
        return []
    names = {words.own_name(session) for session in sessions} | {session.own_id for session in sessions}
    return sorted(name for name in names if name.startswith(begun))


def _attach(outcome: "Outcome") -> int:
    """Offer to attach in this terminal; where nobody can be asked, or a multiplexer holds it, in a new one."""
    from claude_session_status.desktop.go import open_attached  # noqa: PLC0415 - only when asked for

    is_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if is_terminal and not any(os.environ.get(name) for name in ("TMUX", "STY", "ZELLIJ")):
        if not click.confirm(f"{outcome.sentence}. Attach here?", default=True):
            return 1
        os.execvp(outcome.attach[0], outcome.attach)  # noqa: S606 - an argument list, no shell
    open_attached(outcome, os.environ)
    return 0
