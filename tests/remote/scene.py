"""A monitor of ours that is connected to other machines, in a thread, as the tray runs it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from claude_session_status import remote
from claude_session_status.model import Alert, HostConnection, HostState, SessionState, Snapshot
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from waiting import wait_for


class Tray:
    """What the tray would show."""

    def __init__(self, where: Paths) -> None:
        self.monitor = Monitor(where, alerts=False, hosts=partial(remote.connections, where))
        self.shot = Snapshot(0.0)
        self.seen: list[tuple[HostState, ...]] = []

    def listen(self, shot: Snapshot, alerts: Sequence[Alert]) -> None:
        self.shot = shot
        if not self.seen or self.seen[-1] != shot.hosts:
            self.seen.append(shot.hosts)

    def host(self, name: str) -> HostState:
        return next(host for host in self.shot.hosts if host.name == name)

    def session(self, key: str) -> SessionState | None:
        return next((s for s in self.shot.sessions if s.session.session_id == key), None)

    def wait_for_session(self, key: str, look: Callable[[SessionState], object] = bool) -> SessionState:
        def found() -> SessionState | None:
            state = self.session(key)
            return state if state is not None and look(state) else None

        return wait_for(lambda: f"{key} among {self.shot}", found)

    def wait_for_host(self, name: str, connection: HostConnection) -> HostState:
        def found() -> HostState | None:
            return next((h for h in self.shot.hosts if h.name == name and h.connection is connection), None)

        return wait_for(lambda: f"{name} {connection} in {self.shot.hosts}", found)


@contextmanager
def tray(where: Paths) -> Iterator[Tray]:
    shown, stop = Tray(where), threading.Event()
    thread = threading.Thread(target=shown.monitor.run, args=(stop, shown.listen))
    thread.start()
    try:
        yield shown
    finally:
        stop.set()
        shown.monitor.wake()
        thread.join()
