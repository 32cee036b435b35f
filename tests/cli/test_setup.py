"""`setup` and `uninstall`: what they print, what they put in, and that everything comes back to the byte."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from claude_session_status.claude import hook_table
from claude_session_status.claude.setup import plugin
from claude_session_status.cli import setup as setup_command
from claude_session_status.cli import tray_process
from claude_session_status.cli.invocation import COMMANDS, as_called, name_of_call
from claude_session_status.cli.main import group
from claude_session_status.cli.setup import SetUp
from claude_session_status.lock import FileLock, is_held
from claude_session_status.paths import Paths

LINE = '{\n  "statusLine": {"type": "command", "command": "~/bin/line \\u0026", "refreshInterval": 7}\n}\n'


class Machine:
    """A home, and the tray that is started in it."""

    def __init__(self, where: Paths, home: Path) -> None:
        self.where = where
        self.home = home
        self.settings = Path(where.settings)
        self.login = home / ".config/autostart/claude-session-status.desktop"
        self.lock = FileLock(where.tray_lock)
        self.no_tray: str | None = None
        self.starts = True  # whether a tray that is started stays

    def run(self, *words: str, typed: str | None = None) -> Result:
        done = CliRunner().invoke(group, words, input=typed, catch_exceptions=False)
        assert all(line.isprintable() for line in done.output.splitlines())
        return done

    def start(self, words: object, variables: object, lock: str) -> bool:
        return self.starts and self.lock.acquire()

    def stop(self, lock: str) -> bool:
        self.lock.release()
        return True

    def everything(self) -> dict[str, bytes | None]:
        """Each file below the home and the folder of Claude Code; None for a folder."""
        found: dict[str, bytes | None] = {}
        for top in (self.home, Path(self.where.claude_dir)):
            for path in sorted(top.rglob("*")):
                found[str(path)] = path.read_bytes() if path.is_file() else None
        return found


@pytest.fixture
def machine(where: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    machine = Machine(where, home)
    monkeypatch.setattr(tray_process, "start", machine.start)
    monkeypatch.setattr(tray_process, "stop", machine.stop)
    monkeypatch.setattr(setup_command, "no_tray_reason", lambda: machine.no_tray)
    yield machine
    machine.lock.release()


class TestSetup:
    def test_it_shows_what_it_will_do_and_does_it_after_a_yes(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(setup_command, "_can_ask", lambda: True)
        done = machine.run("setup", typed="y\n")
        assert done.stdout.splitlines() == [
            f"  hooks        add 6 in {machine.settings}",
            "  status line  add ours, every 30 s",
            f"  at login     start the tray: {machine.login}",
            "  tray         start it now, apart from this terminal",
            "Nothing was changed so far. Do this? [Y/n]: y",
            "Done. The tray is running; the icon appears in the panel.",
            "Running sessions need no restart: each appears after its next reply.",
        ]
        assert done.exit_code == 0
        assert "mark-start" in machine.settings.read_text()
        assert '"refreshInterval": 30' in machine.settings.read_text()
        assert machine.login.exists()
        assert is_held(machine.where.tray_lock)

    def test_a_no_changes_nothing(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(setup_command, "_can_ask", lambda: True)
        before = machine.everything()
        done = machine.run("setup", typed="n\n")
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "Nothing was changed.")
        assert machine.everything() == before

    def test_without_a_terminal_it_prints_the_plan_and_changes_nothing(self, machine: Machine) -> None:
        before = machine.everything()
        done = machine.run("setup")
        assert (done.exit_code, len(done.stdout.splitlines())) == (2, 4)
        assert done.stderr.endswith("claude-session-status setup --yes\n")
        assert machine.everything() == before

    def test_the_second_one_finds_everything_there(self, machine: Machine) -> None:
        machine.run("setup", "--yes")
        first = machine.everything()
        done = machine.run("setup", "--yes")
        assert done.stdout.splitlines() == [
            f"  hooks        all 6 are in {machine.settings} already",
            "  status line  ours is there already",
            f"  at login     the tray starts already: {machine.login}",
            "  tray         runs already",
            "Everything is set up already. Nothing was changed.",
        ]
        assert done.exit_code == 0
        assert machine.everything() == first

    def test_a_status_line_of_the_users_goes_on_behind_ours_as_often_as_before(self, machine: Machine) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text(LINE)
        done = machine.run("setup", "--yes")
        assert "  status line  add ours around yours, which still runs: ~/bin/line &" in done.stdout.splitlines()
        assert "statusline -- sh -c" in machine.settings.read_text()
        assert '"refreshInterval": 7' in machine.settings.read_text()

    def test_a_status_line_that_can_not_be_wrapped_keeps_nothing_else_away(self, machine: Machine) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text('{"statusLine": {"type": "static"}}')
        done = machine.run("setup", "--yes")
        assert done.exit_code == 0
        assert f'none: {machine.settings}: "statusLine" is there, but runs no command' in done.stdout
        assert "mark-turn" in machine.settings.read_text()
        assert machine.run("setup", "--yes").stdout.endswith("Nothing was changed.\n")

    def test_without_a_display_it_says_so_and_starts_no_tray(self, machine: Machine) -> None:
        machine.no_tray = "There is no display"
        done = machine.run("setup", "--yes")
        assert done.exit_code == 0
        assert "  tray         none now: There is no display" in done.stdout.splitlines()
        assert "Done, without a tray: There is no display. The table: claude-session-status watch" in done.stdout
        assert not is_held(machine.where.tray_lock)
        assert machine.run("setup").exit_code == 0, "nothing is left to ask for"

    def test_a_tray_that_does_not_start_is_a_failure_with_a_next_step(self, machine: Machine) -> None:
        machine.starts = False
        done = machine.run("setup", "--yes")
        assert (done.exit_code, "claude-session-status doctor" in done.stderr) == (1, True)
        assert "mark-turn" in machine.settings.read_text()

    def test_another_programs_file_at_login_is_kept_and_the_rest_is_done(self, machine: Machine) -> None:
        machine.login.parent.mkdir(parents=True)
        machine.login.write_text("theirs")
        done = machine.run("setup", "--yes")
        assert (done.exit_code, "was not made by us" in done.stderr) == (1, True)
        assert machine.login.read_text() == "theirs"
        assert "mark-turn" in machine.settings.read_text()
        assert is_held(machine.where.tray_lock)


class TestThePlugin:
    """Where our plugin is enabled and finds the program, it has the hooks, and the settings get none."""

    ENABLED = '{"enabledPlugins": {"prompt-cache-countdown@x": true}}'

    @pytest.fixture(autouse=True)
    def _finds_the_program(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plugin, "this_command", lambda: "/usr/bin/claude-session-status")

    def test_setup_leaves_the_hooks_out_and_says_so(self, machine: Machine) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text(self.ENABLED)
        done = machine.run("setup", "--yes")
        assert "  hooks        add none: the plugin prompt-cache-countdown@x has them" in done.stdout.splitlines()
        assert "mark-" not in machine.settings.read_text()
        assert "statusline" in machine.settings.read_text()
        assert is_held(machine.where.tray_lock)
        assert machine.run("setup", "--yes").stdout.endswith("Nothing was changed.\n")
        assert (
            SetUp().install_hooks() == "The hooks are in the plugin prompt-cache-countdown@x. The tray starts at login."
        )
        machine.run("uninstall", "--data")
        assert machine.settings.read_text() == self.ENABLED

    def test_hooks_that_are_there_already_stay_and_are_repaired(self, machine: Machine) -> None:
        machine.run("setup", "--yes")
        both = self.ENABLED[:-1] + "," + machine.settings.read_text().lstrip()[1:]
        machine.settings.write_text(both.replace("mark-turn", "mark-x", 1))
        done = machine.run("setup", "--yes")
        assert f"  hooks        add 1, keep 5 in {machine.settings}" in done.stdout.splitlines()

    @pytest.mark.parametrize("text", ["{}", '{"enabledPlugins": {"prompt-cache-countdown@x": false}}'])
    def test_a_plugin_that_is_not_enabled_changes_nothing(self, machine: Machine, text: str) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text(text)
        assert f"  hooks        add 6 in {machine.settings}" in machine.run("setup", "--yes").stdout.splitlines()

    def test_a_plugin_that_does_not_find_the_program_changes_nothing(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plugin, "this_command", lambda: None)
        machine.settings.parent.mkdir()
        machine.settings.write_text(self.ENABLED)
        assert f"  hooks        add 6 in {machine.settings}" in machine.run("setup", "--yes").stdout.splitlines()

    def test_without_it_the_next_setup_puts_the_hooks_in(self, machine: Machine) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text(self.ENABLED)
        machine.run("setup", "--yes")
        machine.settings.write_text(machine.settings.read_text().replace("true", "false", 1))
        assert f"  hooks        add 6 in {machine.settings}" in machine.run("setup", "--yes").stdout.splitlines()


class TestUninstall:
    @pytest.mark.parametrize("text", [None, "", "{}", LINE, '{"hooks":{"Stop":[]}}'])
    def test_everything_is_as_it_was(self, machine: Machine, text: str | None) -> None:
        if text is not None:
            machine.settings.parent.mkdir()
            machine.settings.write_text(text)
        before = machine.everything()
        machine.run("setup", "--yes")
        done = machine.run("uninstall", "--data")
        assert (done.exit_code, done.stderr) == (0, "")
        assert not is_held(machine.where.tray_lock)
        assert machine.everything() == before

    def test_without_data_the_folder_stays(self, machine: Machine) -> None:
        machine.run("setup", "--yes")
        config = Path(machine.where.config)
        config.write_text("sound = true\n")
        assert machine.run("uninstall").exit_code == 0
        assert config.exists()
        assert not (machine.home / ".config").exists(), "setup made it, and nothing is in it"
        assert machine.run("uninstall", "--data").exit_code == 0
        assert machine.everything() == {}

    def test_folders_that_hold_something_else_by_now_stay(self, machine: Machine) -> None:
        machine.run("setup", "--yes")
        theirs = machine.login.parent / "other.desktop"
        theirs.write_text("theirs")
        machine.run("uninstall", "--data")
        assert theirs.exists()

    def test_with_nothing_installed_it_says_so(self, machine: Machine) -> None:
        done = machine.run("uninstall")
        assert done.stdout.splitlines() == [
            "No tray was running.",
            "Start at login was already off.",
            f"{machine.settings} had nothing of ours.",
        ]
        assert (done.exit_code, machine.everything()) == (0, {})

    def test_settings_that_can_not_be_read_keep_the_data_and_fail(self, machine: Machine) -> None:
        machine.run("setup", "--yes")
        machine.settings.write_text("// mine\n" + machine.settings.read_text())
        done = machine.run("uninstall", "--data")
        assert (done.exit_code, "a comment" in done.stderr) == (1, True)
        assert Path(machine.where.folder).exists()
        assert not machine.login.exists()

    def test_a_link_in_place_of_the_folder_is_not_followed(self, machine: Machine, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other/keep").write_text("")
        machine.settings.parent.mkdir()
        os.symlink(tmp_path / "other", machine.where.folder)
        done = machine.run("uninstall", "--data")
        assert (done.exit_code, "is a link" in done.stderr) == (1, True)
        assert (tmp_path / "other/keep").exists()

    def test_uninstall_hooks_also_restores_the_status_line(self, machine: Machine) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text(LINE)
        machine.run("setup", "--yes")
        machine.run("uninstall-hooks")
        assert machine.settings.read_text() == LINE

    def test_the_plugin_is_named_which_it_does_not_remove(self, machine: Machine) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text('{"enabledPlugins": {"prompt-cache-countdown@x": true}}')
        assert machine.run("uninstall").stdout.endswith("claude plugin uninstall prompt-cache-countdown@x\n")


class TestTheTraysMenu:
    def test_it_sees_what_is_missing_and_puts_it_in(self, machine: Machine) -> None:
        set_up = SetUp()
        assert not set_up.hooks_installed()
        assert set_up.install_hooks() == f"The hooks were put into {machine.settings}. The tray starts at login."
        assert set_up.hooks_installed()
        assert machine.login.exists()
        assert "statusline" in machine.settings.read_text()
        assert set_up.install_hooks() == "The hooks are there already. The tray starts at login."
        machine.settings.write_text(machine.settings.read_text().replace("mark-turn", "mark-x", 1))
        assert not set_up.hooks_installed()
        machine.settings.write_text('{"disableAllHooks": true}')
        assert "keeps them from running." in set_up.install_hooks()
        machine.settings.write_text("// mine")
        assert not set_up.hooks_installed()

    def test_the_plugin_counts_as_hooks_where_it_finds_the_command(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.settings.parent.mkdir()
        machine.settings.write_text('{"enabledPlugins": {"prompt-cache-countdown@prompt-cache-tools": true}}')
        place = "claude_session_status.claude.setup.plugin.this_command"
        monkeypatch.setattr(place, lambda: "/usr/bin/claude-session-status")
        assert SetUp().hooks_installed()
        monkeypatch.setattr(place, lambda: None)
        assert not SetUp().hooks_installed()
        assert SetUp().install_hooks().startswith("The hooks were put into")
        assert SetUp().hooks_installed()


FOUND = "/home/me/.local/bin/claude-session-status"


@pytest.mark.parametrize(
    ("call", "called"),
    [
        ((FOUND, ["python", FOUND, "setup"], FOUND), "claude-session-status"),
        ((".venv/bin/claude-session-status", ["python"], FOUND), ".venv/bin/claude-session-status"),
        (("/my tools/claude-session-status", ["python"], None), "'/my tools/claude-session-status'"),
        (("/x/claude_session_status/__main__.py", ["python3", "-P", "-m", "claude_session_status", "setup"], None),
            "python3 -P -m claude_session_status"),
        (("/usr/bin/pytest", ["python", "/usr/bin/pytest"], None), "claude-session-status"),
    ],
)  # fmt: skip
def test_a_hint_names_the_command_as_it_was_called(
    call: tuple[str, list[str], str | None], called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert name_of_call(*call, lambda one, other: one == other, windows=False) == called
    monkeypatch.setattr("claude_session_status.cli.invocation._called", lambda: called)
    hint = as_called("Run `claude-session-status doctor`, or /x/claude-session-status tray; claude-session-status is")
    assert hint == f"Run `{called} doctor`, or /x/claude-session-status tray; claude-session-status is"


def test_hints_know_every_command_that_a_person_types() -> None:
    assert {*COMMANDS, *hook_table.COMMANDS, "statusline"} == set(group.commands)


def test_on_windows_a_hint_is_quoted_as_its_shells_do() -> None:
    words = [r"C:\my x\python.exe", "-m", "claude_session_status", "setup"]
    called = name_of_call(r"C:\x\__main__.py", words, None, str.__eq__, windows=True)
    assert called == r'"C:\my x\python.exe" -m claude_session_status'
