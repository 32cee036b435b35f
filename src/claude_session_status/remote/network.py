"""Notices that the machine is on another network, where the system reports that: Linux and macOS do."""

import socket
import sys
from contextlib import suppress

_ADDRESSES = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR of linux/rtnetlink.h
_ROUTES = 0x40 | 0x400  # RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE
_MANY = 65536
LEAST_SECONDS = 10.0  # a container that starts changes the network too: not each change is a reason to try again


class NetworkWatch:
    """Listens to the system's messages about addresses and routes. `open` first; without it nothing is noticed."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._reported_at: float | None = None
        self._is_due = False

    def open(self) -> None:
        """Begin to listen. Never raises."""
        with suppress(OSError, AttributeError):
            if sys.platform == "linux":
                self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
                self._socket.bind((0, _ADDRESSES | _ROUTES))
            elif sys.platform == "darwin":
                self._socket = socket.socket(socket.AF_ROUTE, socket.SOCK_RAW, 0)
            if self._socket is not None:
                self._socket.setblocking(False)  # noqa: FBT003 - as socket has it

    def has_changed(self, now: float) -> bool:
        """Whether the network has changed since the last call; a change soon after another waits a while.

        `now` is of a clock that is never set.
        """
        self._is_due |= self._take_messages()
        if not self._is_due or (self._reported_at is not None and now - self._reported_at < LEAST_SECONDS):
            return False
        self._is_due, self._reported_at = False, now
        return True

    def _take_messages(self) -> bool:
        found = False
        with suppress(OSError):  # none waits; or too many came, and some were dropped
            while self._socket is not None and self._socket.recv(_MANY):
                found = True
        return found

    def close(self) -> None:
        """Stop listening."""
        found, self._socket = self._socket, None
        if found is not None:
            found.close()
