"""Starting at login: each platform's way, on any platform; idempotent, undone to the byte, never over others' files."""

import ntpath
import os
import plistlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.desktop.autostart import (
    Autostart,
    AutostartOutcome,
    LaunchAgent,
    RunKey,
    Start,
    XdgAutostart,
    for_platform,
    run_key,
    start_of,
    xdg,
)
from claude_session_status.errors import AutostartError

WORDS = ("/opt/my tools/claude-session-status", "tray")
START = Start(WORDS)
MOVED = Start(("/usr/bin/python3", "-P", "-m", "claude_session_status", "tray"), {"CLAUDE_CONFIG_DIR": "/my cfg/100%"})


class FakeRegistry:
    """The part of `winreg` that is used, on a dictionary."""

    HKEY_CURRENT_USER = "HKCU"
    REG_SZ = 1
    KEY_SET_VALUE = 2

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, object]] = {run_key.RUN: {"Other": "other.exe"}}

    def OpenKey(self, root: str, path: str, reserved: int = 0, access: int = 0) -> "FakeKey":  # noqa: N802
        if path not in self.keys:
            raise FileNotFoundError(2, path)
        return FakeKey(self.keys[path], writable=access == self.KEY_SET_VALUE)

    def CreateKey(self, root: str, path: str) -> "FakeKey":  # noqa: N802
        return FakeKey(self.keys.setdefault(path, {}), writable=True)

    def QueryValueEx(self, key: "FakeKey", name: str) -> tuple[object, int]:  # noqa: N802
        if name not in key.values:
            raise FileNotFoundError(2, name)
        return key.values[name], self.REG_SZ

    def SetValueEx(self, key: "FakeKey", name: str, reserved: int, kind: int, value: object) -> None:  # noqa: N802
        key.check()
        key.values[name] = value

    def DeleteValue(self, key: "FakeKey", name: str) -> None:  # noqa: N802
        key.check()
        del key.values[name]


class FakeKey:
    """An open key."""

    def __init__(self, values: dict[str, object], *, writable: bool) -> None:
        self.values = values
        self._writable = writable

    def check(self) -> None:
        if not self._writable:
            raise PermissionError(5, "access denied")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Desk:
    """One platform, and all that is written down there."""

    def __init__(self, platform: str, folder: Path) -> None:
        self.platform, self.folder = platform, folder / "place"
        self.registry = FakeRegistry()

    def way(self, start: Start = START) -> Autostart:
        makers: dict[str, Callable[[], Autostart]] = {
            "linux": lambda: XdgAutostart(str(self.folder), start),
            "darwin": lambda: LaunchAgent(str(self.folder), start),
            "win32": lambda: RunKey(self.registry, start),
        }
        return makers[self.platform]()

    def everything(self) -> Any:
        if self.platform == "win32":
            return {path: dict(values) for path, values in self.registry.keys.items()}
        return {path.name: path.read_bytes() for path in self.folder.glob("*")}

    def write_anothers_setting(self) -> None:
        """A setting of another program under our name."""
        if self.platform == "win32":
            self.registry.keys[run_key.RUN][run_key.NAME] = "theirs.exe"
        else:
            self.folder.mkdir(exist_ok=True)
            Path(self.way().place).write_text("theirs")


@pytest.fixture(params=["linux", "darwin", "win32"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    return Desk(request.param, tmp_path)


def test_on_and_off_leave_nothing_behind(desk: Desk) -> None:
    before = desk.everything()
    way = desk.way()
    assert (way.is_on(), way.command()) == (False, None)
    assert way.put(True) is AutostartOutcome.DONE
    assert (way.is_on(), way.command()) == (True, WORDS)
    assert way.put(False) is AutostartOutcome.DONE
    assert not way.is_on()
    assert desk.everything() == before


def test_the_tray_turns_it_on_and_off(desk: Desk) -> None:
    way = desk.way()
    for on in (True, True, False, False):
        way.turn(on)
        assert way.is_on() is on


def test_twice_is_as_once(desk: Desk) -> None:
    way = desk.way()
    assert way.put(False) is AutostartOutcome.UNCHANGED
    way.put(True)
    once = desk.everything()
    assert way.put(True) is AutostartOutcome.UNCHANGED
    assert desk.everything() == once
    way.put(False)
    assert way.put(False) is AutostartOutcome.UNCHANGED


def test_a_program_that_moved_is_repaired_and_either_copy_can_turn_it_off(desk: Desk) -> None:
    desk.way().put(True)
    moved = desk.way(MOVED)
    assert (moved.is_on(), moved.command()) == (True, WORDS)
    assert moved.put(True) is AutostartOutcome.DONE
    assert moved.command() == MOVED.words
    assert desk.way().put(False) is AutostartOutcome.DONE
    assert not moved.is_on()


def test_another_programs_setting_is_refused_and_kept(desk: Desk) -> None:
    desk.write_anothers_setting()
    before = desk.everything()
    way = desk.way()
    assert (way.is_on(), way.command()) == (False, None)
    with pytest.raises(AutostartError, match="not made by us"):
        way.put(True)
    assert way.put(False) is AutostartOutcome.UNCHANGED
    assert desk.everything() == before


@pytest.mark.parametrize("platform", ["linux", "darwin"])
class TestFiles:
    def test_a_folder_that_cannot_be_made_is_named(self, platform: str, tmp_path: Path) -> None:
        desk = Desk(platform, tmp_path)
        desk.folder.write_text("a file where the folder should be")
        with pytest.raises(AutostartError) as error:
            desk.way().put(True)
        assert str(desk.folder) in error.value.title
        assert not desk.way().is_on()

    def test_a_folder_in_its_place_is_named(self, platform: str, tmp_path: Path) -> None:
        way = Desk(platform, tmp_path).way()
        os.makedirs(way.place)
        with pytest.raises(AutostartError):
            way.put(True)
        assert not way.is_on()

    def test_nothing_half_written_stays(self, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = Desk(platform, tmp_path)

        def fail(source: str, target: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(AutostartError, match="No space left"):
            desk.way().put(True)
        assert desk.everything() == {}


class TestXdg:
    def test_the_desktop_entry_runs_the_tray(self, tmp_path: Path) -> None:
        way = XdgAutostart(str(tmp_path), MOVED)
        way.put(True)
        text = Path(way.place).read_text()
        assert "Icon=" not in text, "a wheel brings none that a desktop would find"
        assert Path(way.place).name == "claude-session-status.desktop"
        assert 'Exec=env "CLAUDE_CONFIG_DIR=/my cfg/100%%" /usr/bin/python3 -P -m claude_session_status tray\n' in text

    @pytest.mark.parametrize("switch", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
    def test_a_desktop_that_switches_it_off_is_believed_and_can_be_overruled(self, switch: str, tmp_path: Path) -> None:
        way = XdgAutostart(str(tmp_path), START)
        way.put(True)
        path = Path(way.place)
        path.write_text(path.read_text().replace("X-GNOME-Autostart-enabled=true", switch))
        assert not way.is_on()
        assert way.put(True) is AutostartOutcome.DONE
        assert way.is_on()

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")), min_size=1))
    def test_any_words_come_back_from_the_line(self, words: list[str]) -> None:
        line = " ".join(map(xdg.quote, words))
        assert "\n" not in line
        assert xdg.words_of(line) == tuple(words)

    def test_the_desktops_own_checker_has_nothing_to_say(self, tmp_path: Path) -> None:
        checker = shutil.which("desktop-file-validate")
        if checker is None:
            pytest.skip("needs desktop-file-validate: apt-get install desktop-file-utils")
        way = XdgAutostart(str(tmp_path), MOVED)
        way.put(True)
        done = subprocess.run([checker, way.place], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "")

    def test_a_link_to_dotfiles_stays_one(self, tmp_path: Path) -> None:
        way = XdgAutostart(str(tmp_path / "autostart"), START)
        way.put(True)
        real = tmp_path / "dotfiles.desktop"
        os.rename(way.place, real)
        os.symlink(real, way.place)
        XdgAutostart(str(tmp_path / "autostart"), MOVED).put(True)
        assert os.path.islink(way.place)
        assert "python3" in real.read_text()


class TestSystemd:
    """The Debian package's unit, enabled by `systemctl --user enable`: a link in what a target wants."""

    @pytest.fixture(params=["graphical-session", "default"])
    def link(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        unit = tmp_path / "lib/claude-session-status.service"
        unit.parent.mkdir()
        unit.write_text("[Unit]")
        link = tmp_path / f"config/systemd/user/{request.param}.target.wants/{unit.name}"
        link.parent.mkdir(parents=True)
        link.symlink_to(unit)
        return link

    @staticmethod
    def way(tmp_path: Path) -> Autostart:
        return for_platform("linux", {"XDG_CONFIG_HOME": str(tmp_path / "config")}, "/nowhere", START)

    def test_a_unit_that_is_enabled_starts_it(self, link: Path, tmp_path: Path) -> None:
        way = self.way(tmp_path)
        assert (way.is_on(), way.place, way.command()) == (True, f"by systemd, {link}", None)
        assert way.put(True) is AutostartOutcome.UNCHANGED
        assert not (tmp_path / "config/autostart").exists(), "of two trays the second one leaves at once"

    def test_a_unit_is_left_to_systemctl(self, link: Path, tmp_path: Path) -> None:
        with pytest.raises(AutostartError, match="systemctl --user disable claude-session-status"):
            self.way(tmp_path).put(False)
        assert link.exists()

    def test_an_entry_of_ours_beside_the_unit_is_removed(self, link: Path, tmp_path: Path) -> None:
        entry = XdgAutostart(str(tmp_path / "config/autostart"), START)
        entry.put(True)
        with pytest.raises(AutostartError, match="systemctl"):
            self.way(tmp_path).turn(False)
        assert not entry.is_on()

    def test_a_link_that_leads_nowhere_starts_nothing(self, link: Path, tmp_path: Path) -> None:
        link.resolve().unlink()
        way = self.way(tmp_path)
        assert not way.is_on()
        assert way.put(True) is AutostartOutcome.DONE
        assert (way.is_on(), way.place) == (True, str(tmp_path / "config/autostart/claude-session-status.desktop"))


class TestLaunchAgent:
    def test_the_launch_agent_runs_the_tray_in_the_graphical_session(self, tmp_path: Path) -> None:
        way = LaunchAgent(str(tmp_path), MOVED)
        way.put(True)
        assert plistlib.loads(Path(way.place).read_bytes()) == {
            "Label": "claude-session-status.tray",
            "ProgramArguments": list(MOVED.words),
            "RunAtLoad": True,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
            "EnvironmentVariables": {"CLAUDE_CONFIG_DIR": "/my cfg/100%"},
        }

    def test_any_path_can_be_read_again(self, tmp_path: Path) -> None:
        words = ("/Users/o'brien & <sons>/x\"]]>/py", "--", "é --> <!-- 日本")
        way = LaunchAgent(str(tmp_path), Start(words))
        way.put(True)
        assert plistlib.loads(Path(way.place).read_bytes())["ProgramArguments"] == list(words)
        assert way.command() == words

    @pytest.mark.parametrize("damage", [b"", b"</dict>", b"<true/>"])
    def test_a_damaged_agent_is_off_and_can_be_repaired(self, damage: bytes, tmp_path: Path) -> None:
        way = LaunchAgent(str(tmp_path), START)
        way.put(True)
        path = Path(way.place)
        path.write_bytes(path.read_bytes().partition(b"<plist")[0] + damage)
        assert (way.is_on(), way.command()) == (False, None)
        way.put(True)
        assert way.is_on()


class TestRunKey:
    def test_the_registry_value_is_the_command_line(self, tmp_path: Path) -> None:
        desk = Desk("win32", tmp_path)
        desk.way(Start((r"C:\Program Files\x\claude-session-status.exe", "tray"))).put(True)
        value = desk.registry.keys[run_key.RUN][run_key.NAME]
        assert value == r'"C:\Program Files\x\claude-session-status.exe" tray'

    def test_task_manager_is_believed_and_can_be_overruled(self, tmp_path: Path) -> None:
        desk = Desk("win32", tmp_path)
        way = desk.way()
        way.put(True)
        desk.registry.keys[run_key.APPROVED] = {run_key.NAME: b"\x02" + b"\0" * 11, "Other": b"\x03"}
        assert way.is_on()
        desk.registry.keys[run_key.APPROVED][run_key.NAME] = b"\x03" + b"\0" * 11
        assert not way.is_on()
        assert way.put(True) is AutostartOutcome.DONE
        assert way.is_on()
        assert desk.registry.keys[run_key.APPROVED] == {"Other": b"\x03"}

    def test_a_policy_that_forbids_it_is_reported(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = Desk("win32", tmp_path)
        monkeypatch.setattr(desk.registry, "CreateKey", desk.registry.OpenKey)
        with pytest.raises(AutostartError, match="access denied"):
            desk.way().put(True)


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({}, "/home/me/.config/autostart/claude-session-status.desktop"),
        ({"XDG_CONFIG_HOME": "/cfg"}, "/cfg/autostart/claude-session-status.desktop"),
        ({"XDG_CONFIG_HOME": "relative"}, "/home/me/.config/autostart/claude-session-status.desktop"),
    ],
)
def test_where_it_is_on_linux(environ: dict[str, str], place: str) -> None:
    assert for_platform("linux", environ, "/home/me", START).place == place


def test_where_it_is_on_macos() -> None:
    place = for_platform("darwin", {}, "/Users/me", START).place
    assert place == "/Users/me/Library/LaunchAgents/claude-session-status.tray.plist"


@pytest.mark.parametrize(
    ("program", "there", "started"),
    [
        ("python.exe", ["pythonw.exe", "claude-session-status-tray.exe"], "pythonw.exe"),
        ("python.exe", [], "python.exe"),
        ("claude-session-status.exe", ["pythonw.exe", "claude-session-status-tray.exe"],
            "claude-session-status-tray.exe"),
        ("claude-session-status.exe", [], "claude-session-status.exe"),
    ],
)  # fmt: skip
def test_on_windows_the_program_without_a_console_is_started(program: str, there: list[str], started: str) -> None:
    """Frozen it is the one that PyInstaller puts beside the command."""
    files = {ntpath.join(r"C:\x", name) for name in there}
    words = (ntpath.join(r"C:\x", program), "-E")
    start = start_of(words, {}, "win32", files.__contains__)
    assert start == Start((ntpath.join(r"C:\x", started), "-E", "tray"))


def test_of_the_macos_app_the_executable_that_the_bundle_names_is_started(tmp_path: Path) -> None:
    """Also through the link that Homebrew makes; a program that pip installed has no such neighbour."""
    programs = tmp_path / "Claude Session Status.app/Contents/MacOS"
    programs.mkdir(parents=True)
    for name in ("claude-session-status", "claude-session-status-tray"):
        (programs / name).touch()
    link = tmp_path / "claude-session-status"
    link.symlink_to(programs / "claude-session-status")
    tray = str(programs.resolve() / "claude-session-status-tray")
    for command in (programs / "claude-session-status", link):
        assert start_of((str(command),), {}, "darwin") == Start((tray, "tray"))
    assert start_of(("/x/python", "-E", "-m", "x"), {}, "darwin") == Start(("/x/python", "-E", "-m", "x", "tray"))


def test_the_frozen_tray_has_the_name_that_pyinstaller_gives_it() -> None:
    spec = Path(__file__).parents[3] / "packaging/pyinstaller/claude-session-status.spec"
    assert 'programs("tray.py", f"{NAME}-tray", console=False' in spec.read_text("utf-8")


def test_the_tray_is_started_with_the_folder_that_is_in_effect() -> None:
    assert start_of(("/x",), {}) == Start(("/x", "tray"))
    assert start_of(("/x",), {"CLAUDE_CONFIG_DIR": "/cfg"}) == Start(("/x", "tray"), {"CLAUDE_CONFIG_DIR": "/cfg"})
