"""The session bus's address; a bus that is missing or hangs; and messages of other programs."""

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jeepney import (  # type: ignore[import-untyped]  # jeepney ships no types
    DBusAddress,
    HeaderFields,
    new_method_call,
)

from claude_session_status.desktop import backend
from claude_session_status.desktop.linux import bus as dbus
from claude_session_status.desktop.linux.bus import (
    THE_BUS,
    ArgumentsError,
    Bus,
    BusError,
    Call,
    NoAnswerError,
    Target,
    open_session_bus,
    session_bus_address,
)
from claude_session_status.desktop.linux.inbox import BUS_NAME, WAITING_LIMIT, Inbox
from desktop.peer import PEER, Peer, is_error


def test_the_variable_is_the_address() -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", "XDG_RUNTIME_DIR": "/nowhere"}
    assert session_bus_address(environ) == "unix:path=/x"


def test_without_the_variable_the_address_is_the_socket_in_the_runtime_folder() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/bus")
        assert session_bus_address({"XDG_RUNTIME_DIR": folder}) == f"unix:path={folder}/bus"


@pytest.mark.parametrize("name", [None, "bus"])
def test_a_runtime_folder_without_a_socket_is_no_bus(tmp_path: Path, name: str | None) -> None:
    if name:
        (tmp_path / name).write_text("a file")
    assert session_bus_address({"XDG_RUNTIME_DIR": str(tmp_path)}) is None


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"},
        {"DBUS_SESSION_BUS_ADDRESS": "tcp:host=localhost,port=1"},
        {"DBUS_SESSION_BUS_ADDRESS": "nonsense"},
    ],
)
def test_a_bus_that_can_not_be_reached_is_a_bus_error(environ: dict[str, str]) -> None:
    with pytest.raises(BusError):
        open_session_bus(environ)


def test_a_closed_bus_raises() -> None:
    bus = Bus("unix:path=/nowhere")
    bus.close()
    bus.close()
    bus.wake()
    with pytest.raises(BusError):
        bus.pump(0)
    with pytest.raises(BusError):
        bus.call(Target("org.example", "/", "org.example"), "Ping")


# ---- a bus that hangs -------------------------------------------------------


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: the length of a socket's path is limited."""
    with tempfile.TemporaryDirectory(prefix="css-") as name:
        yield Path(name)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the bus times out soon."""
    monkeypatch.setattr(dbus, "OPEN_SECONDS", 0.05)
    monkeypatch.setattr(dbus, "SEND_SECONDS", 0.05)


@pytest.mark.parametrize("says_nothing", [{"lets_in": False}, {"says_hello": False}])
def test_opening_a_bus_that_hangs_times_out(folder: Path, at_once: None, says_nothing: dict[str, bool]) -> None:
    with closing(Peer(folder, **says_nothing)) as peer, pytest.raises(NoAnswerError):
        open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})


def test_an_icon_waits_for_a_bus_that_hangs(folder: Path, at_once: None) -> None:
    with closing(Peer(folder, says_hello=False)) as peer:
        seen = backend.gather({"DBUS_SESSION_BUS_ADDRESS": peer.address, "WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert (seen.bus, seen.watcher, seen.host) == (True, False, False)
    assert backend.choose(seen).route is backend.Route.STATUS_NOTIFIER


def test_sending_to_a_bus_that_hangs_times_out(folder: Path, at_once: None) -> None:
    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        with pytest.raises(NoAnswerError):
            bus.emit("/", "org.example", "Long", "s", ("x" * 8_000_000,))  # more than any socket holds


# ---- what others send -------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "name"),
    [
        (KeyError("no such row"), dbus.UNKNOWN_METHOD),
        (ArgumentsError("takes 's'"), dbus.INVALID_ARGS),
        (ValueError("not enough values to unpack"), dbus.INVALID_ARGS),
        (TypeError("unhashable"), dbus.INVALID_ARGS),
    ],
)
def test_an_error_while_a_call_is_handled_is_sent_as_the_reply(folder: Path, raised: Exception, name: str) -> None:
    def fail(_call: Call) -> tuple[str, tuple[()]]:
        raise raised

    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        serial = peer.calls("/", "org.example", "Do")
        bus.pump(5, fail)
        assert is_error(peer.answer_to(serial), name)


def test_an_error_while_a_signal_or_reply_is_handled_is_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(value: object) -> None:
        raise IndexError(f"in {type(value).__name__}")

    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        bus.call(THE_BUS, "GetId", on_reply=fail)
        peer.answers(peer.call_of("GetId"))
        bus.pump(5)
        peer.signals(":1.66", "Odd")
        bus.pump(5, on_signal=fail)
    assert "IndexError: in Reply" in caplog.text
    assert "IndexError: in Call" in caplog.text


def test_a_bus_that_goes_away_during_a_call_is_a_bus_error(folder: Path) -> None:
    def lose(_value: object) -> tuple[str, tuple[()]]:
        raise BusError("gone")

    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        peer.calls("/", "org.example", "Do")
        with pytest.raises(BusError):
            bus.pump(5, lose)
        peer.signals(":1.66", "Odd")
        with pytest.raises(BusError):
            bus.pump(5, on_signal=lambda signal: lose(signal) and None)


# ---- a flood ----------------------------------------------------------------

FLOOD = 21_000
BUSY_SECONDS = 0.001  # how long a call takes to handle: about as long as reading a whole menu
PANEL = ":1.2"


def test_a_flood_of_calls_does_not_keep_another_program_waiting(folder: Path) -> None:
    """The calls of one program, which took 22 s to handle, once kept the menu away from the panel for as long."""
    waited: list[float] = []
    handled: list[str] = []

    def handle(call: Call) -> tuple[str, tuple[()]]:
        handled.append(call.sender)
        time.sleep(BUSY_SECONDS)
        return "", ()

    def flood(peer: Peer) -> None:
        peer.flood(FLOOD, "/", "org.example", "Do")
        sent = time.monotonic()
        peer.answer_to(peer.calls("/", "org.example", "Show", sender=PANEL))
        waited.append(time.monotonic() - sent)

    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        flooding = threading.Thread(target=flood, args=(peer,))
        flooding.start()
        while flooding.is_alive():
            began = time.monotonic()
            bus.pump(0.01, handle)
            assert time.monotonic() - began < 2, "menus have to be published between two turns"
        flooding.join()
    assert waited[0] < 5
    assert handled.count(PANEL) == 1


def test_senders_take_turns_and_each_keeps_its_order() -> None:
    inbox = Inbox()
    for sender, serial in ((PEER, 1), (PEER, 2), (PEER, 3), (PANEL, 4), (PANEL, 5)):
        assert inbox.put(message(sender, serial))
    taken = []
    while (found := inbox.take()) is not None:
        taken.append(found.header.serial)
    assert taken == [1, 4, 2, 5, 3]
    assert not inbox


def test_the_inbox_limits_each_sender_but_not_the_bus() -> None:
    inbox = Inbox()
    assert [inbox.put(message(PEER, n)) for n in range(WAITING_LIMIT + 1)] == [True] * WAITING_LIMIT + [False]
    assert inbox.put(message(PANEL, 1))
    assert all(inbox.put(message(BUS_NAME, n)) for n in range(WAITING_LIMIT + 1))


def message(sender: str, serial: int) -> Any:  # jeepney's messages have no types
    call = new_method_call(DBusAddress("/", ":1.7", "org.example"), "Do")
    call.header.fields[HeaderFields.sender] = sender
    call.header.serial = serial
    return call
