"""tmux, screen and zellij: selects the session's pane, and names the client that shows it.

Their processes are children of a server, not of the terminal. So the search goes on from the client: the process that
draws the multiplexer's session in a terminal.
"""

import contextlib
import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass

from claude_session_status.desktop.go import process
from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place


@dataclass(frozen=True, slots=True)
class Pane:
    """A pane that was selected. `client` is the process that shows it, None when nothing does: then `attach` would."""

    program: str
    client: int | None
    attach: tuple[str, ...] = ()


def select(place: Place, believed: Collection[int], edge: Edge) -> Pane | None:
    """Select the session's pane; None where it runs in no multiplexer, or the claim of one is not believed."""
    for multiplexer in (_tmux, _screen, _zellij):
        if (pane := multiplexer(place, believed, edge)) is not None:
            return pane
    return None


# ---- tmux -------------------------------------------------------------------

_FIELDS = "#{session_id} #{client_activity} #{client_pid} #{client_name}"
_CLIENT = re.compile(r"(\$[0-9]+) ([0-9]+) ([0-9]+) (.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class TmuxClaim:
    """What TMUX and TMUX_PANE name."""

    socket: str
    server: int
    pane: str


def tmux_claim(place: Place) -> TmuxClaim | None:
    """Parse TMUX (`/tmp/tmux-1000/default,1234,0`) and TMUX_PANE (`%5`)."""
    value, pane = (
        place.value("TMUX", r"/[^,\x00-\x1f]{1,107},[0-9]{1,9},[0-9]{1,9}"),
        place.value("TMUX_PANE", r"%[0-9]{1,9}"),
    )
    if value is None or pane is None:
        return None
    path, server, _ = value.rsplit(",", 2)
    return TmuxClaim(path, int(server), pane)


@dataclass(frozen=True, slots=True)
class TmuxClient:
    """A client of a tmux server."""

    session: str
    active_at: int
    pid: int
    name: str


def tmux_clients(printed: str) -> tuple[TmuxClient, ...]:
    """Parse what `list-clients` prints."""
    found = (_CLIENT.fullmatch(line) for line in printed.splitlines())
    return tuple(TmuxClient(m[1], int(m[2]), int(m[3]), m[4]) for m in found if m)


def _tmux(place: Place, believed: Collection[int], edge: Edge) -> Pane | None:
    claim = tmux_claim(place)
    if claim is None or claim.server not in believed:
        return None
    connection = edge.connect(claim.socket)
    if connection is None:
        return None
    with connection:
        if connection.pid != claim.server:
            return None
    tmux = ("tmux", "-S", claim.socket)
    session = edge.run(*tmux, "display-message", "-p", "-t", claim.pane, "#{session_id}") or ""
    if re.fullmatch(r"\$[0-9]+", session, re.ASCII) is None:
        return None
    clients = tmux_clients(edge.run(*tmux, "list-clients", "-F", _FIELDS) or "")
    # One call for all: each starts a process.
    best = max(clients, key=lambda c: (c.session == session, c.active_at), default=None)
    commands = ["select-window", "-t", claim.pane, ";", "select-pane", "-t", claim.pane]
    if best is not None and best.session != session:
        commands += [";", "switch-client", "-c", best.name, "-t", claim.pane]
    edge.run(*tmux, *commands)
    return Pane("tmux", best.pid if best else None, (*tmux, "attach-session", "-t", session))


# ---- screen -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScreenClaim:
    """What STY and WINDOW name."""

    name: str
    server: int
    window: str


def screen_claim(place: Place) -> ScreenClaim | None:
    """Parse STY (`1234.pts-0.host`) and WINDOW."""
    name, window = place.value("STY", r"[0-9]{1,9}\.[\w.-]{1,80}"), place.value("WINDOW", r"[0-9]{1,4}")
    if name is None or window is None:
        return None
    return ScreenClaim(name, int(name.partition(".")[0]), window)


def _screen(place: Place, believed: Collection[int], edge: Edge) -> Pane | None:
    claim = screen_claim(place)
    if claim is None or claim.server not in believed:
        return None
    edge.run("screen", "-S", claim.name, "-p", claim.window, "-X", "select", claim.window)
    ttys = _ttys_of(claim.server)
    clients = [pid for pid, tty in process.named("screen") if tty in ttys and pid != claim.server]
    return Pane("screen", clients[0] if clients else None, ("screen", "-x", claim.name))


def _ttys_of(server: int) -> set[str]:
    """The terminal devices that a process has open: screen's server draws on its clients' terminals itself."""
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{server}/fd"):
            with contextlib.suppress(OSError):
                path = os.readlink(f"/proc/{server}/fd/{descriptor}")
                if path.startswith("/dev/") and path != "/dev/ptmx" and stat.S_ISCHR(os.stat(path).st_mode):
                    found.add(path)
    return found - {"/dev/null"}


# ---- zellij -----------------------------------------------------------------


def _zellij(place: Place, believed: Collection[int], edge: Edge) -> Pane | None:
    """From version 0.44.1 on. Written after its documentation, not run."""
    session, pane = (
        place.value("ZELLIJ_SESSION_NAME", r"[\w-][\w.-]{0,107}"),
        place.value("ZELLIJ_PANE_ID", r"[0-9]{1,9}"),
    )
    server = next((up.pid for up in place.chain if up.name == "zellij" and up.pid in believed), None)
    if session is None or pane is None or server is None or session.startswith("-"):
        return None
    edge.run("zellij", "--session", session, "action", "focus-pane-id", f"terminal_{pane}")
    clients = [pid for pid, _ in process.named("zellij") if pid != server]
    # A client does not say which session it shows: only a single one is known to be the right one.
    return Pane("zellij", clients[0] if len(clients) == 1 else None, ("zellij", "attach", session))
