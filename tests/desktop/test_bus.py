"""Where the session bus is, and what becomes of one that is not there."""

import socket
import tempfile
from pathlib import Path

import pytest

from claude_session_status.desktop.linux.bus import Bus, BusError, Target, open_session_bus, session_bus_address


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
