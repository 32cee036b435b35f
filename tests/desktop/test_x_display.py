"""Whether an X display can be opened, also one that does not answer; no socket stays open."""

import gc
import socket
import threading
import warnings
from collections.abc import Iterator

import pytest

from claude_session_status.desktop.linux.x_display import opens

FIRST_PORT = 6000  # of display 0


@pytest.fixture(autouse=True)
def no_socket_stays_open() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


class Display:
    """Listens where a display would, and answers the first bytes of a client with `answer`; None: not at all."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self._listener.getsockname()[1] - FIRST_PORT}"
        self.received = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client:
            self.received = client.recv(1024)
            if self._answer is not None:
                client.sendall(self._answer)
            client.recv(1)  # until the client has left


@pytest.mark.parametrize(("answer", "expected"), [(b"\x01", True), (b"\x00", False), (b"\x02", False), (None, False)])
def test_only_a_display_that_accepts_can_be_opened(answer: bytes | None, expected: bool) -> None:
    with Display(answer) as display:
        assert opens(display.name, 0.2) is expected
    assert display.received[:4] in (b"l\0\x0b\0", b"B\0\0\x0b")
    assert len(display.received) % 4 == 0


@pytest.mark.parametrize("name", [":64999", "127.0.0.1:1", "nonsense", "tcp/:0", "unix/:64999"])
def test_a_display_that_does_not_exist_can_not_be_opened(name: str) -> None:
    assert not opens(name, 0.2)
