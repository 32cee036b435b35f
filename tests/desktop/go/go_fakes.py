"""Fakes for going to a session: programs that record what they are asked for, and a window manager."""

import os
from collections.abc import Mapping, Sequence

from claude_session_status.claude.pids import start_ticks
from claude_session_status.desktop.go.edge import Edge, OwnSocket
from claude_session_status.desktop.go.place import Ancestor, Place
from claude_session_status.desktop.go.window import Window
from claude_session_status.desktop.linux.bus import Body, Target

CLIENT, TERMINAL = os.getpid(), os.getppid()  # processes that exist, with their real start times
FOREIGN = 1


def here(environ: Mapping[str, str] | None = None, *, tty: str | None = None) -> Place:
    """A client in a terminal."""
    chain = (Ancestor(CLIENT, "claude", start_ticks(CLIENT)), Ancestor(TERMINAL, "xterm", start_ticks(TERMINAL)))
    return Place(chain, environ or {}, tty)


class FakeSocket(OwnSocket):
    """A socket that a process serves, which replies with `reply`."""

    def __init__(self, pid: int, reply: bytes, sent: list[bytes]) -> None:
        self.pid = pid
        self._reply = reply
        self._sent = sent

    def close(self) -> None:
        pass

    def send(self, data: bytes) -> bool:
        self._sent.append(data)
        return True

    def read(self, is_whole: object) -> bytes | None:
        return self._reply

    def read_to_end(self) -> bytes | None:
        return self._reply


class FakeEdge(Edge):
    """Other programs. `served` names the process behind each socket, `names` the one behind each name on the bus."""

    def __init__(
        self,
        *,
        served: Mapping[str, int] | None = None,
        names: Mapping[str, int] | None = None,
        printed: Mapping[str, str] | None = None,
        replies: Mapping[str, Body] | None = None,
        socket_reply: bytes = b"",
        anybody: int | None = None,
    ) -> None:
        super().__init__({})
        self._served = served or {}
        self._names = names or {}
        self._printed = printed or {}
        self._replies = replies or {}
        self._socket_reply = socket_reply
        self._anybody = anybody  # the process behind every other socket and name
        self.ran: list[tuple[str, ...]] = []
        self.sent: list[bytes] = []
        self.called: list[tuple[str, str, Body]] = []  # path, member, arguments

    def run(self, *argv: str, environ: Mapping[str, str] | None = None) -> str | None:
        self.ran.append(argv)
        return next((text for word, text in self._printed.items() if word in argv), "")

    def connect(self, path: str) -> OwnSocket | None:
        pid = self._served.get(path, self._anybody)
        return None if pid is None else FakeSocket(pid, self._socket_reply, self.sent)

    def ask(self, target: Target, member: str, signature: str = "", body: Body = ()) -> Body | None:
        self.called.append((target.path, member, body))
        return self._replies.get(member)

    def pid_of(self, name: str) -> int | None:
        return self._names.get(name, self._anybody)

    def has_owner(self, name: str) -> bool:
        return name in self._names

    @property
    def acted(self) -> bool:
        """Whether any other program was asked to do something."""
        return bool(self.ran or self.sent or self.called)


class FakeManager:
    """A window manager with these windows; `named` is what WINDOWID names."""

    name = "fake"

    def __init__(
        self, *windows: Window, named: str | None = None, lists_all: bool = True, refuses: bool = False
    ) -> None:
        self._windows: Sequence[Window] | None = windows if lists_all else None
        self._named = named
        self._refuses = refuses
        self.lists_all = lists_all
        self.activated: list[str] = []

    def windows(self) -> tuple[Window, ...] | None:
        return None if self._windows is None else tuple(self._windows)

    def activate(self, window: Window) -> bool:
        self.activated.append(window.id)
        return not self._refuses

    def window_named(self, place: Place) -> str | None:
        return self._named

    def close(self) -> None:
        pass
