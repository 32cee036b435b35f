"""The other end of a bus connection, on a socket of its own: a bus that says whatever a test wants, or stands still."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jeepney import (  # type: ignore[import-untyped]  # jeepney ships no types
    DBusAddress,
    HeaderFields,
    MessageType,
    Parser,
    new_method_call,
    new_method_return,
    new_signal,
)

from claude_session_status.desktop.linux.bus import BUS_NAME, BUS_PATH, Body

OUR_NAME = ":1.7"
PEER = ":1.66"
PATIENCE = 10.0


class Peer:
    """One bus for one client. It lets the client in as far as `steps` goes, and then is in the test's hands."""

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
        assert self._socket is not None, "nobody came"

    def close(self) -> None:
        self._listener.close()
        self._welcoming.join(PATIENCE)
        if self._socket is not None:
            self._socket.close()

    def calls(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> int:
        """Call a method of the client's; the call's serial."""
        address = DBusAddress(path, OUR_NAME, interface)
        return self._send(new_method_call(address, member, signature or None, body), PEER)

    def signals(self, sender: str, member: str, signature: str = "", body: Body = ()) -> None:
        self._send(new_signal(DBusAddress(BUS_PATH, interface=BUS_NAME), member, signature or None, body), sender)

    def answers(self, call: Any, signature: str = "", body: Body = ()) -> None:
        self._send(new_method_return(call, signature or None, body), BUS_NAME)

    def answer_to(self, serial: int) -> Any:
        """Read up to the answer to the call with this serial: its message."""
        return next(m for m in self.messages() if m.header.fields.get(HeaderFields.reply_serial) == serial)

    def call_of(self, member: str) -> Any:
        """Read up to the client's call of this method: its message."""
        return next(m for m in self.messages() if m.header.fields.get(HeaderFields.member) == member)

    def messages(self) -> Iterator[Any]:
        while True:
            message = self._parser.get_next_message()
            if message is not None:
                yield message
                continue
            data = self._socket.recv(65536)
            assert data, "the client hung up"
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
            said = b""
            while not said.endswith(b"\r\n"):
                said += client.recv(1024)
            client.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            begin = client.recv(len(b"BEGIN\r\n"))
            assert begin == b"BEGIN\r\n"
            hello = self.call_of("Hello")
            if self._says_hello:
                self.answers(hello, "s", (OUR_NAME,))


def is_error(message: Any, name: str) -> bool:
    kind, fields = message.header.message_type, message.header.fields
    return bool(kind == MessageType.error and fields[HeaderFields.error_name] == name)
