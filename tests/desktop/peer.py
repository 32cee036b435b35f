"""The other end of a bus connection, on a socket of its own: a bus that sends whatever a test wants, or hangs."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jeepney import (  # type: ignore[import-untyped]  # jeepney ships no types
    DBusAddress,
    HeaderFields,
    MessageFlag,
    MessageType,
    Parser,
    new_method_call,
    new_method_return,
    new_signal,
)

from claude_session_status.desktop.linux.bus import BUS_PATH, Body
from claude_session_status.desktop.linux.inbox import BUS_NAME

OUR_NAME = ":1.7"
PEER = ":1.66"
PATIENCE = 10.0


class Peer:
    """One bus for one client. After the client has connected, the test decides what is sent."""

    def __init__(self, folder: Path, *, says_hello: bool = True, lets_in: bool = True) -> None:
        self._lets_in, self._says_hello = lets_in, says_hello
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(PATIENCE)
        self._listener.bind(str(folder / "bus"))
        self._listener.listen(1)
        self.address = f"unix:path={folder / 'bus'}"
        self._socket: Any = None
        self._parser = Parser()
        self._serial = 100
        self._welcoming = threading.Thread(target=self._welcome)
        self._welcoming.start()

    def welcomed(self) -> None:
        """Wait until the client is in."""
        self._welcoming.join(PATIENCE)
        assert self._socket is not None, "the client has not connected"

    def close(self) -> None:
        self._listener.close()
        self._welcoming.join(PATIENCE)
        if self._socket is not None:
            self._socket.close()

    def calls(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Body = (),
        *,
        sender: str = PEER,
    ) -> int:
        """Call a method of the client; returns the call's serial."""
        return self._send(
            new_method_call(DBusAddress(path, OUR_NAME, interface), member, signature or None, body), sender
        )

    def flood(self, count: int, path: str, interface: str, member: str) -> None:
        """Call a method of the client many times, without replies."""
        call = new_method_call(DBusAddress(path, OUR_NAME, interface), member)
        call.header.flags |= MessageFlag.no_reply_expected
        call.header.fields[HeaderFields.sender] = PEER
        self._socket.sendall(call.serialise(serial=1) * count)

    def signals(self, sender: str, member: str, signature: str = "", body: Body = ()) -> None:
        self._send(new_signal(DBusAddress(BUS_PATH, interface=BUS_NAME), member, signature or None, body), sender)

    def answers(self, call: Any, signature: str = "", body: Body = ()) -> None:
        self._send(new_method_return(call, signature or None, body), BUS_NAME)

    def answer_to(self, serial: int) -> Any:
        """Read up to the reply to the call with this serial; returns its message."""
        return next(m for m in self.messages() if m.header.fields.get(HeaderFields.reply_serial) == serial)

    def call_of(self, member: str) -> Any:
        """Read up to the client's call of this method; returns its message."""
        return next(m for m in self.messages() if m.header.fields.get(HeaderFields.member) == member)

    def messages(self) -> Iterator[Any]:
        while True:
            message = self._parser.get_next_message()
            if message is not None:
                yield message
                continue
            data = self._socket.recv(65536)
            assert data, "the client has disconnected"
            self._parser.add_data(data)

    def _send(self, message: Any, sender: str) -> int:
        self._serial += 1
        message.header.fields[HeaderFields.sender] = sender
        self._socket.sendall(message.serialise(serial=self._serial))
        return self._serial

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.settimeout(PATIENCE)
            self._socket = client
            if not self._lets_in:
                return
            received = b""
            while not received.endswith(b"\r\n"):
                received += client.recv(1024)
            client.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            begin = client.recv(len(b"BEGIN\r\n"))
            assert begin == b"BEGIN\r\n"
            hello = self.call_of("Hello")
            if self._says_hello:
                self.answers(hello, "s", (OUR_NAME,))


def is_error(message: Any, name: str) -> bool:
    kind, fields = message.header.message_type, message.header.fields
    return bool(kind == MessageType.error and fields[HeaderFields.error_name] == name)
