"""`install-hooks` and `uninstall-hooks` as a person meets them: what they print, and that a dry run only prints."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from claude_session_status.claude.setup.hook_commands import Launcher, this_launcher
from claude_session_status.claude.setup.plan import plan_install, plan_uninstall
from claude_session_status.cli.hooks import difference
from claude_session_status.cli.main import group, install_hooks, uninstall_hooks
from claude_session_status.errors import SettingsError
from claude_session_status.paths import Paths

LAUNCHER = Launcher("/opt/claude-session-status")
DEAD = '{"hooks": {"Stop": [{"type": "command", "command": "claude-session-status mark-turn"}], "PostToolUse": %s}}'
EVENTS = "SessionStart, UserPromptSubmit, Stop, StopFailure, Notification, SessionEnd"


@pytest.fixture
def settings(where: Paths) -> Path:
    return Path(where.settings)


def run(command: click.Command, *arguments: str) -> tuple[list[str], list[str]]:
    """The lines on stdout and on stderr. Errors come out as they were raised."""
    # Through the group, as a person does: click remembers a command's help option from its first call.
    done = CliRunner().invoke(group, [str(command.name), *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_the_first_install_says_what_it_did_where_and_what_comes_next(settings: Path) -> None:
    out, err = run(install_hooks)
    assert out == [
        f"Created {settings}",
        f"  added:    {EVENTS}",
        f"  runs:     {this_launcher()}",
        "Running sessions need no restart: each appears after its next reply.",
        "Next: claude-session-status tray",
    ]
    assert err == []
    assert "mark-start" in settings.read_text()


def test_a_second_install_says_that_nothing_was_changed(settings: Path) -> None:
    run(install_hooks)
    assert run(install_hooks)[0] == [f"All hooks are in {settings} already. Nothing was changed."]


def test_an_install_over_old_entries_says_what_it_repaired(settings: Path) -> None:
    settings.parent.mkdir()
    settings.write_text(DEAD % '[{"hooks": [{"type": "command", "command": "claude-session-status mark-turn"}]}]')
    out, _ = run(install_hooks)
    assert out[:4] == [
        f"Edited {settings}",
        "  added:    SessionStart, UserPromptSubmit, StopFailure, Notification, SessionEnd",
        "  repaired: Stop",
        "  removed:  PostToolUse",
    ]


def test_an_uninstall_says_what_it_removed(settings: Path) -> None:
    settings.parent.mkdir()
    settings.write_text('{"model": "opus"}')
    run(install_hooks)
    assert run(uninstall_hooks)[0] == [f"Edited {settings}", f"  removed: {EVENTS}"]
    assert settings.read_text() == '{"model": "opus"}'


def test_an_uninstall_deletes_a_file_that_we_made(settings: Path) -> None:
    run(install_hooks)
    out, _ = run(uninstall_hooks)
    assert out == [f"Deleted {settings}, which held nothing else", f"  removed: {EVENTS}"]
    assert not settings.exists()


def test_an_uninstall_with_nothing_to_do_says_so(settings: Path) -> None:
    assert run(uninstall_hooks)[0] == [
        f"There are no hooks of claude-session-status in {settings}. Nothing was changed."
    ]


def test_disabled_hooks_are_warned_of(settings: Path) -> None:
    settings.parent.mkdir()
    settings.write_text('{"disableAllHooks": true}')
    assert run(install_hooks)[1] == [
        'Warning: "disableAllHooks" is true in this file, so no hook runs until it is removed.'
    ]
    assert run(uninstall_hooks)[1] == []


def test_another_command_that_calls_us_is_left_and_named(settings: Path) -> None:
    own = "cd /x && claude-session-status mark-turn"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": own}]}]}}))
    assert run(install_hooks)[1] == [f"Left as it is, since it does more than our command: {own}"]


def test_a_refusal_reaches_the_main_program(settings: Path) -> None:
    settings.parent.mkdir()
    settings.write_text("// mine\n{}")
    with pytest.raises(SettingsError, match="a comment"):
        run(install_hooks)
    with pytest.raises(SettingsError, match="a comment"):
        run(uninstall_hooks)


@pytest.mark.parametrize("flag", [[], ["--dry-run"]], ids=["install", "dry run"])
def test_no_command_of_another_steers_the_terminal(settings: Path, flag: list[str]) -> None:
    own = "printf '\x7f\x9b31m'; claude-session-status mark-turn"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": own}]}]}}))
    settings.write_text(settings.read_text().replace("\\u007f", "\x7f").replace("\\u009b", "\x9b"))
    assert "\x9b" in settings.read_text()
    out, err = run(install_hooks, *flag)
    assert all(line.isprintable() for line in [*out, *err])


def test_a_hook_of_anothers_for_which_the_client_may_skip_the_file_is_named(settings: Path) -> None:
    settings.parent.mkdir()
    settings.write_text('{"hooks": {"PreToolUse": [{"type": "command", "command": "guard"}]}}')
    assert run(install_hooks)[1] == [
        'Warning: Claude Code may skip the whole file for another hook in it: PreToolUse[0] has no "hooks" array.'
    ]
    assert run(uninstall_hooks)[1] == []


class TestDryRun:
    def test_it_shows_what_would_be_created_and_writes_nothing(self, settings: Path) -> None:
        out, _ = run(install_hooks, "--dry-run")
        assert out[:5] == ["--- /dev/null", f"+++ {settings}", "@@ -0,0 +1,71 @@", "+{", '+  "hooks": {']
        assert not settings.parent.exists()

    def test_it_shows_only_what_changes(self, settings: Path) -> None:
        settings.parent.mkdir()
        settings.write_text('{\n  "model": "opus"\n}\n')
        out, _ = run(install_hooks, "--dry-run")
        assert out[:6] == [
            f"--- {settings}",
            f"+++ {settings}",
            out[2],
            " {",
            '-  "model": "opus"',
            '+  "model": "opus",',
        ]
        assert settings.read_text() == '{\n  "model": "opus"\n}\n'

    def test_an_uninstall_shows_the_file_go(self, settings: Path) -> None:
        run(install_hooks)
        out, _ = run(uninstall_hooks, "--dry-run")
        assert out[:3] == [f"--- {settings}", "+++ /dev/null", "@@ -1,71 +0,0 @@"]
        assert settings.exists()

    def test_without_a_change_it_says_so(self, settings: Path) -> None:
        run(install_hooks)
        assert run(install_hooks, "--dry-run")[0] == [f"{settings} would not change."]

    def test_a_missing_final_newline_is_shown_as_diff_does(self) -> None:
        change = plan_install('{"a": 1}', LAUNCHER)
        assert difference(change, "settings.json").splitlines()[3:5] == ['-{"a": 1}', "\\ No newline at end of file"]

    def test_crlf_does_not_garble_the_terminal(self) -> None:
        assert "\r" not in difference(plan_install('{\r\n  "a": 1\r\n}\r\n', LAUNCHER), "settings.json")

    def test_an_unusual_line_separator_inside_a_string_is_no_end_of_a_line(self) -> None:
        installed = plan_install('{\n  "a": "one\u2028two"\n}\n', LAUNCHER)
        assert '-  "a": "one?two",\n' in difference(plan_uninstall(installed.after, installed.original), "x")
