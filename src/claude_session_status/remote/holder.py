"""Holds the connections to all other machines: one process of the user's does, whichever took the lock first.

What comes goes through the spool, so every face shows it. The monitor calls `poll` in its own thread; nothing in there
waits for another machine.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from claude_session_status import host_states
from claude_session_status.errors import file_and_reason
from claude_session_status.lock import FileLock
from claude_session_status.model import Event, Host, HostState, Session
from claude_session_status.paths import Paths
from claude_session_status.remote.changes import Noted, Received, due_events, prune, remember
from claude_session_status.remote.clocks import SleepWatch, steady
from claude_session_status.remote.connection import Connection
from claude_session_status.remote.network import NetworkWatch

log = logging.getLogger(__name__)

END_SECONDS = 2.0


class Link(Protocol):
    """A connection as the holder uses it."""

    @property
    def state(self) -> HostState:
        """The state at this moment."""

    def take(self) -> Received | None:
        """Return the newest report that nobody has taken yet."""

    def start(self) -> None:
        """Begin to connect."""

    def retry(self, *, anew: bool = False, is_asked: bool = False) -> None:
        """Try again now."""

    def stop(self) -> None:
        """Begin to end."""

    def join(self, seconds: float) -> None:
        """Wait for the end."""


class HostConnections:
    """The connections to the hosts of the settings, while this process holds the lock. `wake`: there is news.

    `clock` is never set and goes on in sleep; `awake` stops in sleep.
    """

    def __init__(
        self,
        paths: Paths,
        wake: Callable[[], object],
        connect: Callable[[Host, Callable[[], object]], Link] = Connection,
        clock: Callable[[], float] = steady,
        awake: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = paths
        self._path = paths.hosts
        self._asked = 0
        self._lock = FileLock(paths.hosts_lock)
        self._wake = wake
        self._connect = connect
        self._clock = clock
        self._awake = awake
        self._links: dict[Host, Link] = {}
        self._noted: dict[str, Noted] = {}
        self._waiting: dict[str, Received] = {}  # reports of which not everything is noted
        self._written: tuple[HostState, ...] | None = None
        self._sleep = SleepWatch()
        self._network = NetworkWatch()

    def poll(
        self, hosts: Iterable[Host], rows: Mapping[str, Session], now: float, note: Callable[[Event], object]
    ) -> bool:
        """Connect to the hosts, and `note` what their reports change in `rows`; return whether anything was noted.

        `now`: epoch seconds. Raises OSError, also what `note` raises; what was not noted is due at the next call.
        """
        wanted = tuple(hosts)
        if not self._lock.is_held and (not wanted or not self._take_lock()):
            return False
        self._arrange(wanted)
        self._try_again()
        is_news = False
        for host, link in self._links.items():
            is_news |= self._note_changes(host.name, link, rows, now, note)
        self._write([link.state for link in self._links.values()])
        if not wanted:
            self.close()
        return is_news

    def _take_lock(self) -> bool:
        if not self._lock.acquire():
            return False
        self._network.open()
        self._asked = host_states.asked_for_retry(self._paths)
        return True

    def _arrange(self, wanted: tuple[Host, ...]) -> None:
        """Connect to the new hosts, and end the connections to those that are no longer wanted."""
        if wanted == tuple(self._links):
            return
        _end([link for host, link in self._links.items() if host not in wanted])
        links = {}
        for host in wanted:
            link = self._links.get(host)
            if link is None:
                link = self._connect(host, self._wake)
                link.start()
            links[host] = link
        self._links = links
        names = {host.name for host in wanted}
        self._noted = {name: noted for name, noted in self._noted.items() if name in names}
        self._waiting = {name: received for name, received in self._waiting.items() if name in names}

    def _try_again(self) -> None:
        """Try to connect at once where that may succeed now."""
        now = self._clock()
        has_slept, is_another_network = self._sleep.has_slept(self._awake(), now), self._network.has_changed(now)
        before, self._asked = self._asked, host_states.asked_for_retry(self._paths)
        is_asked = self._asked != before
        if has_slept or is_another_network or is_asked:
            for link in self._links.values():
                link.retry(anew=has_slept, is_asked=is_asked)

    def _note_changes(
        self, name: str, link: Link, rows: Mapping[str, Session], now: float, note: Callable[[Event], object]
    ) -> bool:
        received = link.take() or self._waiting.pop(name, None)
        if received is None:
            return False
        self._waiting[name] = received
        noted = self._noted.setdefault(name, Noted())
        noted.fill(self._clock())
        is_news = False
        for event in due_events(received, noted, rows, now):
            note(event)
            remember(noted, event)
            is_news = True
        if not noted.is_behind:
            del self._waiting[name]
        prune(noted, received, rows)
        return is_news

    def _write(self, states: list[HostState]) -> None:
        if tuple(states) == self._written:
            return
        try:
            host_states.write(self._path, states)
        except OSError as error:
            log.warning("the hosts' states are not shown: %s", file_and_reason(error, self._path))
        self._written = tuple(states)

    def close(self) -> None:
        """End all connections, and let another process hold them. Returns within a few seconds."""
        _end(self._links.values())
        self._links, self._noted, self._waiting, self._written = {}, {}, {}, None
        self._network.close()
        self._lock.release()


def _end(links: Iterable[Link]) -> None:
    ending = list(links)
    for link in ending:
        link.stop()
    for link in ending:
        link.join(END_SECONDS)
