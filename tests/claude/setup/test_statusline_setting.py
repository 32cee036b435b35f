"""`install-hooks --statusline`: ours goes in around the user's own status line, and every byte comes back."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude.setup.settings_corpus import CORPUS, Shape
from claude.setup.settings_strategies import settings as any_settings
from claude_session_status.claude.setup import statusline_setting
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.plan import ChangeOutcome, Step, plan_install, plan_uninstall
from claude_session_status.claude.setup.settings_file import SettingsFile, original_from_json, original_to_json
from claude_session_status.claude.setup.statusline_setting import (
    OurCommand,
    StatusLineProblem,
    command_line,
    parse_command,
)
from claude_session_status.errors import SettingsError
from claude_session_status.paths import Paths

LAUNCHER = Launcher("/opt/my tools/claude-session-status")
MOVED = Launcher("/usr/bin/python3", ("-P", "-m", "claude_session_status"))
WINDOWS = Launcher(r"C:\Scripts\claude-session-status.exe", direct=True)
THEIRS = "~/bin/line.sh | sed 's/\"a\"/b/' # mine"

written = st.builds(
    lambda text, ascii_only: json.dumps(text, ensure_ascii=ascii_only), st.text(min_size=1), st.booleans()
)


def line_of(text: str | None) -> dict[str, object]:
    assert text is not None
    value: dict[str, object] = json.loads(text.removeprefix("\ufeff"), parse_int=lambda n: int(n[:9]))["statusLine"]
    return value


@pytest.mark.parametrize("shape", CORPUS, ids=lambda shape: shape.name)
def test_without_a_status_line_ours_is_added_and_an_uninstall_gives_back_every_byte(shape: Shape) -> None:
    text = None if shape.content is None else shape.content.decode()
    installed = plan_install(text, LAUNCHER, status_line=True)
    command = "'/opt/my tools/claude-session-status' statusline"
    assert line_of(installed.after) == {"type": "command", "command": command, "refreshInterval": 30}
    assert "statusLine" in installed.events_with(Step.ADDED)
    again = plan_install(installed.after, LAUNCHER, installed.original, status_line=True)
    assert (again.outcome, again.original) == (ChangeOutcome.UNCHANGED, installed.original)
    undone = plan_uninstall(installed.after, original_from_json(original_to_json(installed.original)))
    assert (None if undone.after is None else undone.after.encode()) == shape.undone
    assert "statusLine" in undone.events_with(Step.REMOVED)


@pytest.mark.parametrize(
    "line",
    [
        f'{{"type": "command", "command": {json.dumps(THEIRS)}}}',
        '{"type":"command","command":"\\u007e\\/line","padding":0}',
        '{\n    "command" : "echo hi",\n    "refreshInterval": 1,\n    "type": "command"\n  }',
    ],
    ids=["a pipe and quotes", "written with escapes", "over lines"],
)
def test_the_users_own_is_wrapped_and_comes_back_as_it_was_written(line: str) -> None:
    text = f'{{\n  "model": "opus",\n  "statusLine": {line}\n}}\n'
    theirs = line_of(text)
    installed = plan_install(text, LAUNCHER, status_line=True)
    ours = line_of(installed.after)
    words = shlex.split(str(ours.pop("command")))
    assert words == [LAUNCHER.program, "statusline", "--", "sh", "-c", theirs.pop("command")]
    assert ours == theirs
    moved = plan_install(installed.after, MOVED, installed.original)
    assert moved.events_with(Step.REPAIRED)[-1] == "statusLine"
    assert plan_uninstall(moved.after, moved.original).after == text
    assert line_of(plan_uninstall(installed.after).after) == line_of(text)  # the record is lost: the meaning is not


def test_a_second_install_without_the_option_leaves_ours_where_it_is() -> None:
    installed = plan_install("{}", LAUNCHER, status_line=True)
    assert plan_install(installed.after, LAUNCHER, installed.original).outcome is ChangeOutcome.UNCHANGED
    assert "statusLine" not in json.loads(plan_install("{}", LAUNCHER).after or "")


def test_a_command_that_the_user_chose_after_the_install_is_theirs() -> None:
    installed = plan_install('{"statusLine": {"type": "command", "command": "a"}}', LAUNCHER, status_line=True)
    edited = json.loads(installed.after or "")
    edited["statusLine"]["command"] = "b"
    undone = plan_uninstall(json.dumps(edited), installed.original).after
    assert line_of(undone) == {"type": "command", "command": "b"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("null", "runs no command"),
        ('{"type": "static", "text": "x"}', "runs no command"),
        ('{"type": "command"}', "runs no command"),
        ('{"type": "command", "command": 7}', "not a text"),
        ('{"type": "command", "command": ""}', "not a text"),
    ],
)
def test_a_status_line_of_another_form_is_refused_and_nothing_is_changed(value: str, why: str) -> None:
    text = f'{{"statusLine": {value}}}'
    with pytest.raises(SettingsError, match=why):
        plan_install(text, LAUNCHER, status_line=True)
    assert plan_uninstall(plan_install(text, LAUNCHER).after).after == text


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("claude-session-status statusline", OurCommand(("claude-session-status",))),
        (
            "/x/claude-session-status statusline -- my-line --fast",
            OurCommand(("/x/claude-session-status",), "my-line --fast"),
        ),
        ("python3 -m claude_session_status statusline", OurCommand(("python3", "-m", "claude_session_status"))),
        ("C:/x/claude-session-status.exe statusline", OurCommand(("C:/x/claude-session-status.exe",))),
        ("claude-session-status statusline | cut -c1-20", None),
        ("claude-session-status statusline --", None),
        ("claude-session-status status", None),
        ("echo claude-session-status statusline", None),
        ("my-line", None),
        ("'", None),
        (7, None),
    ],
)
def test_a_status_line_of_ours_is_recognised(command: object, ours: OurCommand | None) -> None:
    assert parse_command(command) == ours


def test_a_line_of_the_users_that_calls_us_is_kept() -> None:
    text = '{"statusLine": {"type": "command", "command": "tee /tmp/x | ~/bin/claude-session-status statusline"}}'
    assert line_of(plan_install(text, LAUNCHER, status_line=True).after) == line_of(text)


def test_on_windows_the_line_means_the_same_to_both_shells_or_is_refused() -> None:
    assert command_line(WINDOWS) == "C:/Scripts/claude-session-status.exe statusline"
    for launcher, wrapped in (
        (WINDOWS, "theirs"),
        (Launcher(r"C:\My Files\claude-session-status.exe", direct=True), None),
    ):
        with pytest.raises(StatusLineProblem, match="on Windows"):
            command_line(launcher, wrapped)


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_any_command_can_be_wrapped_and_found_again(command: str) -> None:
    assert parse_command(command_line(LAUNCHER, command)) == OurCommand((LAUNCHER.program,), command)


@given(any_settings(), st.none() | written)
def test_install_and_uninstall_are_inverse(text: str, command: str | None) -> None:
    if command is not None and json.loads(command).strip():
        start = text.index("{") + 1
        comma = "" if not text[start:].strip().startswith('"') else ","
        text = f'{text[:start]}"statusLine":{{"type":"command", "command":{command} }}{comma}{text[start:]}'
    try:
        installed = plan_install(text, LAUNCHER, status_line=True)
    except SettingsError:
        return  # a status line of some other form
    assert plan_uninstall(installed.after, installed.original).after == text


@given(st.text())
def test_any_text_is_ours_or_not(command: str) -> None:
    parse_command(command)
    statusline_setting.string_value(command)


def test_the_wrapped_line_runs_in_a_shell_as_it_did(tmp_path: Path) -> None:
    theirs = 'cat >/dev/null; printf "%s\\n" "it\'s $((1 + 1))" | tr a-z A-Z; exit 3'
    program = tmp_path / "my tools" / "claude-session-status"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    program.chmod(0o755)
    line = command_line(Launcher(str(program)), theirs)
    done = subprocess.run(["sh", "-c", line], input="{}", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "IT'S 2\n")


def test_it_goes_through_the_file(where: Paths) -> None:
    path = Path(where.settings)
    path.parent.mkdir()
    text = '{"statusLine": {"type": "command", "command": "\\u0061"}}'
    path.write_text(text)
    file = SettingsFile(where)
    file.install(LAUNCHER, status_line=True)
    assert "statusline -- sh -c a" in path.read_text()
    file.uninstall()
    assert path.read_text() == text
