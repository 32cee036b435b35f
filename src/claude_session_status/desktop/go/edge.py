"""The few ways in which going to a session touches other programs: a command, a socket, a D-Bus call.

Nothing here waits longer than two seconds, no command goes through a shell, and a socket counts only if a process of
our own user serves it.
"""

import contextlib
import logging
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # D-Bus exists on Linux only
    from claude_session_status.desktop.linux.bus import Body, Bus, Target

log = logging.getLogger(__name__)

SECONDS = 2.0
LARGEST_REPLY = 4 * 1024 * 1024  # bytes: a compositor's list of windows is far smaller
_CREDENTIALS = struct.Struct("3i")  # Linux's SO_PEERCRED: pid, uid, gid
# macOS: https://github.com/apple-oss-distributions/xnu/blob/main/bsd/sys/un.h
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2


class Edge:
    """Other programs, as one click needs them. The bus connection is opened at its first use; `close` ends it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self._bus: Bus | None = None
        self._has_bus = True

    def close(self) -> None:
        """Close the bus connection."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def run(self, *argv: str, environ: Mapping[str, str] | None = None) -> str | None:
        """What the command printed; None when it is missing, failed or took too long."""
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
                env={**self.environ, **(environ or {})},
            )
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            log.info("%s: %s", argv[0], error)
            return None
        if done.returncode != 0:
            log.info("%s: %s", argv, done.stderr.decode("utf-8", "replace").strip())
            return None
        return done.stdout.decode("utf-8", "replace").strip()

    def connect(self, path: str) -> "OwnSocket | None":
        """Connect to the socket at `path`, in the abstract namespace with a leading `@`.

        None where nothing listens, or where a process of another user does.
        """
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS)
        try:
            connection.connect("\0" + path[1:] if path.startswith("@") else path)
            pid, user = _peer(connection)
        except (OSError, ValueError) as error:
            log.info("%s: %s", path, error)
            connection.close()
            return None
        if user != os.getuid():
            log.warning("%s is served by another user's process", path)
            connection.close()
            return None
        return OwnSocket(connection, pid)

    # ---- D-Bus --------------------------------------------------------------

    @property
    def bus(self) -> "Bus | None":
        """The session bus; None where there is none."""
        if self._bus is None and self._has_bus:
            from claude_session_status.desktop.linux.bus import BusError, open_session_bus  # noqa: PLC0415 - see above

            try:
                self._bus = open_session_bus(self.environ)
            except BusError as error:
                log.info("%s", error)
                self._has_bus = False
        return self._bus

    def ask(self, target: "Target", member: str, signature: str = "", body: "Body" = ()) -> "Body | None":
        """Call a method; its reply, or None when there is no bus, no reply in time or an error."""
        if self.bus is None:
            return None
        from claude_session_status.desktop.linux.bus import BusError, CallError  # noqa: PLC0415 - see above

        try:
            return self.bus.ask(target, member, signature, body, SECONDS)
        except (BusError, CallError) as error:
            log.info("%s: %s", target.name, error)
            return None

    def pid_of(self, name: str) -> int | None:
        """The process that owns a name on the bus; None where nothing of our own user does."""
        from claude_session_status.desktop.linux.bus import THE_BUS  # noqa: PLC0415 - see above

        user = self.ask(THE_BUS, "GetConnectionUnixUser", "s", (name,))
        if not user or user[0] != os.getuid():
            return None
        pid = self.ask(THE_BUS, "GetConnectionUnixProcessID", "s", (name,))
        return int(pid[0]) if pid else None

    def has_owner(self, name: str) -> bool:
        """Whether a program owns that name on the bus."""
        from claude_session_status.desktop.linux.bus import THE_BUS  # noqa: PLC0415 - see above

        reply = self.ask(THE_BUS, "NameHasOwner", "s", (name,))
        return bool(reply and reply[0])


def _peer(connection: socket.socket) -> tuple[int, int]:
    """The process and the user that the kernel names for the other end. Raises OSError."""
    if sys.platform == "darwin":
        (pid,) = struct.unpack("i", connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID, 4))
        _, user = struct.unpack_from("II", connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 128))
        return int(pid), int(user)
    if sys.platform == "linux":
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return _CREDENTIALS.unpack(credentials)[:2]
    raise OSError("this system does not name the other end of a socket")


class OwnSocket:
    """A connection to a process of our own user, whose id the kernel names."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection = connection
        self.pid = pid

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def __enter__(self) -> "OwnSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> bool:
        """Whether all of it was sent."""
        try:
            self._connection.sendall(data)
        except OSError as error:
            log.info("sending to process %d: %s", self.pid, error)
            return False
        return True

    def read(self, is_whole: Callable[[bytes], bool]) -> bytes | None:
        """What arrives until it is whole; None when that takes too long or is too much. b"" is never whole."""
        data = b""
        with contextlib.suppress(OSError):
            while len(data) < LARGEST_REPLY:
                part = self._connection.recv(65536)
                if not part:
                    break
                data += part
                if is_whole(data):
                    return data
        return None

    def read_to_end(self) -> bytes | None:
        """All that arrives until the other side closes; None when that takes too long or is too much."""
        data = b""
        with contextlib.suppress(OSError):
            while len(data) < LARGEST_REPLY:
                part = self._connection.recv(65536)
                if not part:
                    return data
                data += part
        return None
