"""Whether an X display can be opened: the connection setup of the X protocol, on a socket of our own.

python-xlib's own `Display` waits without a limit for a display that does not answer, and leaves its sockets open when
one refuses the connection.
"""

import contextlib
import logging
import os
import socket
import struct
import sys

from Xlib.support import connect

log = logging.getLogger(__name__)

SECONDS = 3.0
ACCEPTED = b"\x01"


def opens(name: str, seconds: float = SECONDS) -> bool:
    """Whether the display of this name, such as `:0`, accepts a connection within `seconds`."""
    try:
        display, protocol, host, number, _screen = connect.get_display(name)
        with _connect(protocol, host, number, seconds) as connection:
            authority = connect.get_auth(connection, display, protocol, host, number)
            connection.sendall(_setup_request(*authority))
            accepted = connection.recv(1) == ACCEPTED
    except Exception as error:  # Xlib's errors have no base of their own
        log.info("X display %s: %s", name, error)
        return False
    if not accepted:
        log.info("X display %s: it refuses the connection", name)
    return accepted


def _connect(protocol: str | None, host: str, number: int, seconds: float) -> socket.socket:
    """Connect to the display's socket; raises OSError."""
    path = f"/tmp/.X11-unix/X{number}"  # noqa: S108  # the X protocol's own place
    local = (socket.AF_UNIX, path if os.path.exists(path) else f"\0{path}")  # an abstract one where there is no file
    remote = (socket.AF_INET, (host or "127.0.0.1", 6000 + number))
    is_local = protocol == "unix" or host in ("", "unix", None)
    if is_local:
        with contextlib.suppress(OSError):
            return _connected(*local, seconds)
    return _connected(*remote, seconds)


def _connected(family: int, address: str | tuple[str, int], seconds: float) -> socket.socket:
    connection = socket.socket(family)
    try:
        connection.settimeout(seconds)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def _setup_request(name: bytes, data: bytes) -> bytes:
    order = b"l" if sys.byteorder == "little" else b"B"
    head = struct.pack("=cxHHHHxx", order, 11, 0, len(name), len(data))
    return head + _padded(name) + _padded(data)


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)
