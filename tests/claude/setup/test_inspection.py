"""What `doctor` sees in a settings file: which program our hooks start, whatever people have written around it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.claude.setup import inspection
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.inspection import inspect
from claude_session_status.claude.setup.plan import Step, plan_install

OWN = Launcher("/opt/claude-session-status")
EVENTS = ("SessionStart", "UserPromptSubmit", "Stop", "StopFailure", "Notification", "SessionEnd")


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("/opt/claude-session-status mark-turn", Step.REPAIRED),  # no timeout
        ("/opt/claude-session-status mark-turn >/dev/null 2>&1", Step.REPAIRED),
        ("/opt/claude-session-status mark-turn>/dev/null", Step.REPAIRED),
        ("& '/opt/claude-session-status' mark-turn", Step.REPAIRED),
    ],
)
def test_the_program_is_named_whatever_stands_around_it(command: str, step: Step) -> None:
    settings = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": command}]}]}}
    found = inspect(json.dumps(settings), Launcher("/elsewhere/claude-session-status"))
    assert (found.problem, found.programs) == (None, ("/opt/claude-session-status",))
    assert found.steps["Stop"] is step


def test_our_hooks_and_our_status_line_are_found() -> None:
    found = inspect(plan_install("{}", OWN, status_line=True).after, OWN)
    assert found.programs == (OWN.program,)
    assert set(found.steps) == {*EVENTS, "statusLine"}
    assert (set(found.steps.values()), found.status_line, found.disabled) == ({Step.KEPT}, True, False)


@pytest.mark.parametrize(
    "other",
    [
        Launcher("/elsewhere/my tools/claude-session-status"),
        Launcher("/usr/bin/python3", ("-P", "-m", "claude_session_status")),
        Launcher(r"C:\x\claude-session-status.exe", direct=True),
    ],
    ids=["another copy", "by the module", "without a shell"],
)
def test_another_copy_of_our_program_is_as_right(other: Launcher) -> None:
    found = inspect(plan_install("{}", other).after, OWN)
    assert found.launchers == (other,)
    assert set(found.steps.values()) == {Step.KEPT}


def test_hooks_that_never_fire_are_repaired_and_missing_ones_added() -> None:
    flat = '{"hooks": {"Stop": [{"type": "command", "command": "claude-session-status mark-turn"}]}}'
    found = inspect(flat, OWN)
    assert found.programs == ("claude-session-status",)
    assert found.steps["Stop"] is Step.REPAIRED
    assert found.steps["SessionEnd"] is Step.ADDED


def test_several_programs_are_named() -> None:
    text = plan_install("{}", OWN).after or ""
    found = inspect(text.replace("/opt/claude-session-status mark-end", "claude-session-status mark-end"), OWN)
    assert found.programs == (OWN.program, "claude-session-status")
    assert found.steps["SessionEnd"] is Step.REPAIRED


@pytest.mark.parametrize("text", [None, "", "\n", "{}", '{"hooks": {}}'])
def test_a_file_without_our_hooks_names_no_program(text: str | None) -> None:
    assert inspect(text, OWN).programs == ()


def test_a_file_that_can_not_be_read_has_a_problem() -> None:
    assert "a comment" in (inspect("// x\n{}", OWN).problem or "")


def test_disabled_hooks_are_reported() -> None:
    assert inspect('{"disableAllHooks": true}', OWN).disabled


@given(st.text())
def test_any_text_is_inspected_without_an_exception(text: str) -> None:
    inspect(text, OWN)
    inspection.forbidding_file([("settings", text)])


FORBIDS, ALLOWS = '{"disableAllHooks": true}', '{"disableAllHooks": false}'


@pytest.mark.parametrize(
    ("texts", "forbidding"),
    [
        ([FORBIDS], 0),
        (['{"allowManagedHooksOnly": true}'], 0),
        (["{}", FORBIDS], 1),
        ([FORBIDS, "{}"], 0),
        ([FORBIDS, ALLOWS], None),  # the last file that has the key decides
        ([ALLOWS, FORBIDS], 1),
        ([FORBIDS, '{"allowManagedHooksOnly": false}'], 0),
        (["\ufeff" + FORBIDS], 0),
        ([FORBIDS, "nonsense"], 0),
        ([], None),
        (["{}"], None),
        (["[]"], None),
        (["nonsense"], None),
    ],
)
def test_a_managed_settings_file_can_forbid_hooks(texts: list[str], forbidding: int | None) -> None:
    named = [(f"file {number}", text) for number, text in enumerate(texts)]
    assert inspection.forbidding_file(named) == (None if forbidding is None else f"file {forbidding}")


@pytest.mark.parametrize(("name", "is_read"), [("20-x.json", True), (".20-x.json", False), ("20-x.json.bak", False)])
def test_which_managed_drop_ins_are_read(name: str, is_read: bool) -> None:
    assert inspection.is_drop_in(name) is is_read


def test_the_clients_version_is_read_from_its_output() -> None:
    assert inspection.version_in("2.1.330 (Claude Code)\n") == "2.1.330"
    assert inspection.version_in("what?") is None


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_managed_settings_have_a_folder_on_each_platform(platform: str) -> None:
    assert all(path.lower().endswith(("claudecode", "claude-code")) for path in inspection.managed_folders(platform))
