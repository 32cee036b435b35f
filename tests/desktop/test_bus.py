"""Where the session bus is; what becomes of one that is not there or stands still, and of what others send on it."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

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
from desktop.peer import Peer, is_error


def test_the_variable_names_the_bus() -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", "XDG_RUNTIME_DIR": "/nowhere"}
    assert session_bus_address(environ) == "unix:path=/x"


def test_without_the_variable_it_is_the_socket_in_the_runtime_folder() -> None:
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
def test_a_bus_that_can_not_be_reached_is_one_kind_of_error(environ: dict[str, str]) -> None:
    with pytest.raises(BusError):
        open_session_bus(environ)


def test_a_bus_that_was_closed_says_so() -> None:
    bus = Bus("unix:path=/nowhere")
    bus.close()
    bus.close()
    bus.wake()
    with pytest.raises(BusError):
        bus.pump(0)
    with pytest.raises(BusError):
        bus.call(Target("org.example", "/", "org.example"), "Ping")


# ---- a bus that stands still ------------------------------------------------


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: sockets have short ones."""
    with tempfile.TemporaryDirectory(prefix="css-") as name:
        yield Path(name)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the bus gives up soon."""
    monkeypatch.setattr(dbus, "OPEN_SECONDS", 0.05)
    monkeypatch.setattr(dbus, "SEND_SECONDS", 0.05)


@pytest.mark.parametrize("says_nothing", [{"lets_in": False}, {"says_hello": False}])
def test_a_bus_that_takes_us_and_says_no_more_is_given_up(
    folder: Path, at_once: None, says_nothing: dict[str, bool]
) -> None:
    with closing(Peer(folder, **says_nothing)) as peer, pytest.raises(NoAnswerError):
        open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})


def test_and_yet_it_is_there_so_that_an_icon_waits_for_it(folder: Path, at_once: None) -> None:
    with closing(Peer(folder, says_hello=False)) as peer:
        seen = backend.gather({"DBUS_SESSION_BUS_ADDRESS": peer.address, "WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert (seen.bus, seen.watcher, seen.host) == (True, False, False)
    assert backend.choose(seen).route is backend.Route.STATUS_NOTIFIER


def test_a_bus_that_reads_no_more_has_gone_away(folder: Path, at_once: None) -> None:
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
def test_whatever_a_call_stumbles_over_is_answered(folder: Path, raised: Exception, name: str) -> None:
    def stumble(_call: Call) -> tuple[str, tuple[()]]:
        raise raised

    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        serial = peer.calls("/", "org.example", "Do")
        bus.pump(5, stumble)
        assert is_error(peer.answer_to(serial), name)


def test_what_a_signal_or_an_answer_is_stumbled_over_is_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    def stumble(news: object) -> None:
        raise IndexError(f"in {type(news).__name__}")

    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        bus.call(THE_BUS, "GetId", on_reply=stumble)
        peer.answers(peer.call_of("GetId"))
        bus.pump(5)
        peer.signals(":1.66", "Odd")
        bus.pump(5, on_signal=stumble)
    assert "IndexError: in Reply" in caplog.text
    assert "IndexError: in Call" in caplog.text


def test_a_bus_that_went_away_over_a_call_is_not_taken_for_the_callers_fault(folder: Path) -> None:
    def lose(_news: object) -> tuple[str, tuple[()]]:
        raise BusError("gone")

    with closing(Peer(folder)) as peer, closing(open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address})) as bus:
        peer.welcomed()
        peer.calls("/", "org.example", "Do")
        with pytest.raises(BusError):
            bus.pump(5, lose)
        peer.signals(":1.66", "Odd")
        with pytest.raises(BusError):
            bus.pump(5, on_signal=lambda signal: lose(signal) and None)
