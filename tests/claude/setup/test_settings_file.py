"""The settings file on the disk: what is written, what is kept, and that it is never torn, lost or left half done."""

import json
import os
import random
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from claude.setup.settings_corpus import CORPUS, PLAIN, Shape
from claude_session_status.claude.setup import file_exchange
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.hook_entries import HOOKS, hooks_json
from claude_session_status.claude.setup.plan import ChangeOutcome, Step, plan_install
from claude_session_status.claude.setup.settings_file import SettingsFile
from claude_session_status.errors import SettingsError
from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths

LAUNCHER = Launcher("/opt/my tools/claude-session-status")
LONG_AGO_NS = 1_000_000_000 * 10**9

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes and links")
# The beginning of a program for another process: argument 1 is our folder's parent.
OPENS_THE_FILE = """
import sys
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.settings_file import SettingsFile
from claude_session_status.paths import Paths
file = SettingsFile(Paths(sys.argv[1]))
"""


def never_sleep(seconds: float) -> None:
    raise AssertionError("nothing holds the lock here")


class Place:
    """A home with a settings file of some shape."""

    def __init__(self, folder: Path, shape: Shape | None = None) -> None:
        self.paths = Paths(str(folder / "home" / ".claude"))
        self.settings = Path(self.paths.settings)
        self.folder = Path(self.paths.folder)
        self.target = folder / "dotfiles" / "claude.json" if shape and shape.linked else self.settings
        self.file = SettingsFile(self.paths, never_sleep)
        if shape is not None and shape.content is not None:
            self.settings.parent.mkdir(parents=True)
            self.target.parent.mkdir(exist_ok=True)
            self.target.write_bytes(shape.content)
            self.target.chmod(shape.mode)
            if shape.linked:
                self.settings.symlink_to(self.target)

    def write(self, text: str) -> None:
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        self.settings.write_bytes(text.encode())

    def leftovers(self) -> list[str]:
        """What an install left beside the settings and the product's own folder."""
        beside = {path.name for path in self.settings.parent.iterdir()} | {p.name for p in self.target.parent.iterdir()}
        return sorted(beside - {self.settings.name, self.target.name, self.folder.name})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@posix
@pytest.mark.parametrize("shape", CORPUS, ids=lambda shape: shape.name)
def test_install_and_uninstall_leave_the_disk_as_it_was(tmp_path: Path, shape: Shape) -> None:
    place = Place(tmp_path, shape)

    place.file.install(LAUNCHER)
    assert set(json.loads(place.settings.read_bytes(), parse_int=str)["hooks"]) >= {hook.event for hook in HOOKS}
    assert place.settings.is_symlink() == shape.linked
    assert stat.S_IMODE(place.settings.stat().st_mode) == (0o600 if shape.content is None else shape.mode)

    place.file.uninstall()
    assert (place.settings.read_bytes() if place.settings.exists() else None) == shape.undone
    assert place.settings.is_symlink() == shape.linked
    if place.settings.exists():
        assert stat.S_IMODE(place.settings.stat().st_mode) == shape.mode
    assert place.leftovers() == []
    assert {path.name for path in place.folder.iterdir()} <= {"settings.lock"}


@pytest.mark.parametrize("shape", CORPUS, ids=lambda shape: shape.name)
def test_a_second_install_writes_nothing_at_all(tmp_path: Path, shape: Shape) -> None:
    place = Place(tmp_path, shape)
    place.file.install(LAUNCHER)
    everything = [place.settings, place.settings.parent, *place.folder.iterdir(), place.folder]
    for path in everything:
        os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    identity = place.settings.stat().st_ino

    assert place.file.install(LAUNCHER).outcome is ChangeOutcome.UNCHANGED
    assert place.settings.stat().st_ino == identity
    assert [path.stat().st_mtime_ns for path in everything] == [LONG_AGO_NS] * len(everything)


class TestDryRun:
    def test_it_leaves_no_trace(self, place: Place) -> None:
        change = place.file.install(LAUNCHER, dry_run=True)
        assert change.outcome is ChangeOutcome.CREATED
        assert not place.settings.parent.exists()

    def test_an_uninstall_has_one_too(self, place: Place) -> None:
        place.file.install(LAUNCHER)
        before = place.settings.read_bytes()
        assert place.file.uninstall(dry_run=True).outcome is ChangeOutcome.DELETED
        assert place.settings.read_bytes() == before


def test_an_uninstall_with_nothing_to_do_leaves_no_trace(place: Place) -> None:
    assert place.file.uninstall().outcome is ChangeOutcome.UNCHANGED
    assert not place.settings.parent.exists()


@posix
def test_what_is_created_is_private(place: Place) -> None:
    place.file.install(LAUNCHER)
    assert stat.S_IMODE(place.settings.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    for path in (place.settings, *place.folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_the_owner_is_kept(place: Place) -> None:
    place.write(PLAIN)
    owner = (1234, 2345) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(place.settings, *owner)
    place.file.install(LAUNCHER)
    status = place.settings.stat()
    assert (status.st_uid, status.st_gid) == owner


@posix
def test_an_owner_that_we_may_not_give_it_to_is_no_failure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, user: int, group: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    place.write(PLAIN)
    monkeypatch.setattr(os, "chown", refuse)
    assert place.file.install(LAUNCHER).outcome is ChangeOutcome.EDITED


@posix
def test_a_link_to_a_file_that_is_not_there_yet_gets_one_and_loses_it_again(tmp_path: Path, place: Place) -> None:
    place.settings.parent.mkdir(parents=True)
    (tmp_path / "dotfiles").mkdir()
    place.settings.symlink_to(tmp_path / "dotfiles" / "claude.json")
    place.file.install(LAUNCHER)
    assert (tmp_path / "dotfiles" / "claude.json").is_file()
    place.file.uninstall()
    assert list((tmp_path / "dotfiles").iterdir()) == []
    assert place.settings.is_symlink()


def test_a_lost_record_costs_no_more_than_an_empty_object(place: Place) -> None:
    place.file.install(LAUNCHER)
    (place.folder / "settings-before.json").write_text("{half a rec")
    place.file.uninstall()
    assert place.settings.read_text() == "{}\n"


class TestRefused:
    def refusal(self, place: Place) -> SettingsError:
        with pytest.raises(SettingsError) as refused:
            place.file.install(LAUNCHER)
        assert str(place.settings) in refused.value.title
        assert refused.value.next_step.endswith(hooks_json(LAUNCHER))
        assert not place.folder.exists()
        return refused.value

    @pytest.mark.parametrize(
        "content",
        [b'{\n // mine\n "model": "opus"}', b'{"model"', b"[]", b'{"hooks": []}', b'{"hooks": {"Stop": {}}}'],
        ids=["a comment", "truncated", "an array", "hooks is an array", "an event is an object"],
    )
    def test_what_can_not_be_edited_safely(self, place: Place, content: bytes) -> None:
        place.settings.parent.mkdir(parents=True)
        place.settings.write_bytes(content)
        self.refusal(place)
        assert place.settings.read_bytes() == content
        assert place.leftovers() == []

    @pytest.mark.parametrize("content", [b'{"model": "\xff"}', "{}".encode("utf-16")], ids=["latin", "UTF-16"])
    def test_what_is_not_utf8(self, place: Place, content: bytes) -> None:
        place.settings.parent.mkdir(parents=True)
        place.settings.write_bytes(content)
        assert "not UTF-8" in self.refusal(place).title
        assert place.settings.read_bytes() == content

    def test_a_folder_in_the_files_place_is_refused(self, place: Place) -> None:
        place.settings.mkdir(parents=True)
        assert "is not a file" in self.refusal(place).title

    @posix
    def test_a_fifo_does_not_block(self, place: Place) -> None:
        place.settings.parent.mkdir(parents=True)
        os.mkfifo(place.settings)
        assert "is not a file" in self.refusal(place).title

    @posix
    def test_a_link_to_itself(self, place: Place) -> None:
        place.settings.parent.mkdir(parents=True)
        place.settings.symlink_to(place.settings)
        assert "can't be edited" in self.refusal(place).title

    def test_where_the_folder_should_be_is_a_file(self, place: Place) -> None:
        place.settings.parent.parent.mkdir()
        place.settings.parent.write_text("")
        assert "can't be edited" in self.refusal(place).title

    # Both replace the call: CI may run as root, for whom a mode forbids nothing.
    def test_a_file_that_may_not_be_read(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: str, flags: int = 0) -> bytes:
            raise PermissionError(13, "Permission denied")

        place.write(PLAIN)
        with monkeypatch.context() as patch:
            patch.setattr("claude_session_status.claude.setup.settings_file.read_regular", refuse)
            assert "Permission denied" in self.refusal(place).title
        assert place.settings.read_text() == PLAIN

    def test_a_file_that_is_read_only(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        place.write(PLAIN)
        place.settings.chmod(0o400)
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
        with pytest.raises(SettingsError, match="is read-only"):
            place.file.install(LAUNCHER)
        assert place.settings.read_text() == PLAIN
        assert place.leftovers() == []


class TestWriting:
    @pytest.fixture
    def replace(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Path], None]], None]]:
        """Have something happen just before a new settings file takes the place of the old one."""
        real = file_exchange.put_in_place

        def use(happening: Callable[[Path], None]) -> None:
            def put(path: Path, target: Path, before: bytes | None) -> bool:
                happening(path)
                return real(path, target, before)

            monkeypatch.setattr(file_exchange, "put_in_place", put)

        yield use
        monkeypatch.undo()

    def test_the_new_text_is_complete_before_it_takes_the_old_ones_place(
        self, place: Place, replace: Callable[[Callable[[Path], None]], None]
    ) -> None:
        seen = []
        place.write(PLAIN)
        replace(lambda path: seen.append((path.parent, json.loads(path.read_bytes())["model"])))
        place.file.install(LAUNCHER)
        assert seen == [(place.settings.parent, "opus")]

    def test_a_write_that_fails_leaves_the_file_and_no_leftovers(
        self, place: Place, replace: Callable[[Callable[[Path], None]], None]
    ) -> None:
        def fail(path: Path) -> None:
            raise OSError(28, "No space left on device")

        place.write(PLAIN)
        replace(fail)
        with pytest.raises(SettingsError, match="No space left on device"):
            place.file.install(LAUNCHER)
        assert place.settings.read_text() == PLAIN
        assert place.leftovers() == []

    def test_an_edit_by_another_program_in_between_is_not_lost(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.write(PLAIN)
        edits = iter([PLAIN, PLAIN.replace("opus", "sonnet")])

        def plan(*arguments: object, **named: object) -> object:
            change = plan_install(*arguments, **named)  # type: ignore[arg-type]
            place.write(next(edits, change.before or ""))
            return change

        monkeypatch.setattr("claude_session_status.claude.setup.settings_file.plan_install", plan)
        place.file.install(LAUNCHER)
        assert json.loads(place.settings.read_text())["model"] == "sonnet"
        assert "hooks" in json.loads(place.settings.read_text())

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux can exchange files")
    @pytest.mark.parametrize("writes", [1, 2, 3, 8])
    def test_an_edit_by_another_program_after_the_last_look_is_not_lost(
        self, place: Place, writes: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.write(PLAIN)
        edits, exchange = iter(range(writes)), file_exchange.exchange

        def edit_and_exchange(a: Path, b: Path) -> None:
            for number in edits:  # the other program writes once more, as a new file
                other = place.settings.with_name("other")
                other.write_text(PLAIN.replace("opus", f"model-{number}"))
                other.replace(place.settings)
                break
            exchange(a, b)

        monkeypatch.setattr(file_exchange, "exchange", edit_and_exchange)
        place.file.install(LAUNCHER)
        assert json.loads(place.settings.read_text())["model"] == f"model-{writes - 1}"
        assert "hooks" in json.loads(place.settings.read_text())
        assert place.leftovers() == []

    def test_a_file_that_another_program_makes_after_the_last_look_is_not_lost(
        self, place: Place, replace: Callable[[Callable[[Path], None]], None]
    ) -> None:
        replace(lambda path: None if place.settings.exists() else place.write(PLAIN))
        place.file.install(LAUNCHER)
        assert json.loads(place.settings.read_text())["model"] == "opus"
        assert "hooks" in json.loads(place.settings.read_text())
        assert place.leftovers() == []

    def test_where_files_cannot_be_exchanged_the_new_one_is_renamed(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(a: Path, b: Path) -> None:
            raise OSError(22, "Invalid argument", str(b))

        monkeypatch.setattr(file_exchange, "exchange", fail)
        place.write(PLAIN)
        place.file.install(LAUNCHER)
        assert "hooks" in json.loads(place.settings.read_text())
        assert place.leftovers() == []

    def test_a_file_that_keeps_changing_is_not_written(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:

        def plan(*arguments: object, **named: object) -> object:
            change = plan_install(*arguments, **named)  # type: ignore[arg-type]
            place.write((change.before or "{}") + "\n")
            return change

        monkeypatch.setattr("claude_session_status.claude.setup.settings_file.plan_install", plan)
        with pytest.raises(SettingsError, match="keeps changing"):
            place.file.install(LAUNCHER)
        assert place.leftovers() == []


@posix
class TestKilled:
    """SIGKILL at any moment of installing and uninstalling in turn. What is lost or left behind is counted."""

    BASE = '{\n    "env": {"KEY": "secret"},\n    "hooks": {"Stop": []},\n  "n": 1e3\n}\n'
    KILLS = int(os.environ.get("KILLS", "40"))

    def test_a_kill_leaves_one_text_or_the_other_and_an_uninstall_gives_back_every_byte(self, place: Place) -> None:
        place.write(self.BASE)
        place.file.install(LAUNCHER, status_line=True)
        installed = place.settings.read_text()
        program = OPENS_THE_FILE + (
            "print(flush=True)\n"
            "while True:\n"
            "    file.install(Launcher(sys.argv[2]), status_line=True)\n"
            "    file.uninstall()\n"
        )
        chance = random.Random(7)
        words = [sys.executable, "-c", program, place.paths.claude_dir, LAUNCHER.program]
        for _ in range(self.KILLS):
            with subprocess.Popen(words, stdout=subprocess.PIPE) as worker:
                assert worker.stdout is not None
                worker.stdout.readline()
                with suppress(subprocess.TimeoutExpired):
                    worker.wait(chance.uniform(0, 0.03))
                worker.kill()
            assert place.settings.read_text() in (self.BASE, installed)
        place.file.uninstall()
        assert place.settings.read_text() == self.BASE
        assert place.leftovers() == []
        assert {path.name for path in place.folder.iterdir()} == {"settings.lock"}

    @pytest.mark.parametrize("left", [".settings.json.0a1b2c3d.tmp", ".settings.json._a1b2c3_.tmp"])
    def test_a_temporary_file_of_a_killed_run_is_removed_although_nothing_else_is_to_do(
        self, place: Place, left: str
    ) -> None:
        place.write(PLAIN)
        place.file.install(LAUNCHER)
        installed = place.settings.read_text()
        (place.settings.parent / left).write_text(PLAIN)
        (place.folder / left.replace("settings.json", "settings-before")).write_text("{}")
        (place.settings.parent / ".settings.json.mine.tmp").write_text("not ours")
        assert place.file.install(LAUNCHER).outcome is ChangeOutcome.UNCHANGED
        assert place.leftovers() == [".settings.json.mine.tmp"]
        assert place.settings.read_text() == installed

    def test_without_nameless_files_the_edit_is_the_same(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        place.write(PLAIN)
        place.file.install(LAUNCHER)
        installed = place.settings.read_text()
        place.file.uninstall()
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
        place.file.install(LAUNCHER)
        assert place.settings.read_text() == installed
        place.file.uninstall()
        assert place.settings.read_text() == PLAIN
        assert place.leftovers() == []


class TestTwoAtOnce:
    def test_an_install_waits_for_another_one(self, place: Place) -> None:
        place.folder.mkdir(parents=True)
        held = FileLock(str(place.folder / "settings.lock"))
        assert held.acquire()
        naps = []

        def nap(seconds: float) -> None:
            naps.append(seconds)
            if len(naps) == 3:
                held.release()

        change = SettingsFile(place.paths, nap).install(LAUNCHER)
        assert len(change.events_with(Step.ADDED)) == len(HOOKS)
        assert len(naps) == 3

    def test_and_gives_up_in_the_end(self, place: Place) -> None:
        place.folder.mkdir(parents=True)
        held = FileLock(str(place.folder / "settings.lock"))
        assert held.acquire()
        naps: list[float] = []
        with pytest.raises(SettingsError, match="another install"):
            SettingsFile(place.paths, naps.append).install(LAUNCHER)
        held.release()
        assert sum(naps) == pytest.approx(5)
        assert not place.settings.exists()

    def test_many_processes_install_and_uninstall_and_never_tear_the_file(self, place: Place) -> None:
        place.write(PLAIN)
        program = OPENS_THE_FILE + (
            "for turn in range(5):\n"
            "    file.install(Launcher(f'/{sys.argv[2]}/claude-session-status'))\n"
            "    if sys.argv[2] == '0': file.uninstall()\n"
        )
        workers = [
            subprocess.Popen([sys.executable, "-c", program, place.paths.claude_dir, str(number)])
            for number in range(4)
        ]
        while any(worker.poll() is None for worker in workers):
            assert json.loads(place.settings.read_bytes())["model"] == "opus"
        assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
        place.file.install(LAUNCHER)
        assert all(len(groups) == 1 for groups in json.loads(place.settings.read_bytes())["hooks"].values())
        place.file.uninstall()
        assert place.settings.read_text() == PLAIN
        assert place.leftovers() == []
