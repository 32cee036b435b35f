"""What is true of any settings file, not only of the corpus: documents and their spacing are generated."""

import json

from hypothesis import given
from hypothesis import strategies as st

from claude.setup.settings_strategies import settings, values
from claude_session_status.claude.setup import jsonedit
from claude_session_status.claude.setup.hook_commands import Launcher, hook_command_of
from claude_session_status.claude.setup.hook_entries import HOOKS
from claude_session_status.claude.setup.plan import ChangeOutcome, plan_install, plan_uninstall
from claude_session_status.claude.setup.settings_file import original_from_json, original_to_json
from claude_session_status.errors import SettingsError

LAUNCHER = Launcher("/opt/my tools/claude-session-status")
MOVED = Launcher(r"C:\Program Files\claude-session-status.exe", direct=True)


@given(settings())
def test_install_and_uninstall_are_inverse(text: str) -> None:
    installed = plan_install(text, LAUNCHER)
    assert plan_uninstall(installed.after, installed.original).after == text


@given(settings())
def test_the_record_survives_its_file(text: str) -> None:
    original = plan_install(text, LAUNCHER).original
    assert original_from_json(original_to_json(original)) == original


@given(settings())
def test_each_hook_is_there_once_and_all_else_is_equal(text: str) -> None:
    after = plan_install(text, LAUNCHER).after
    assert after is not None
    installed, before = (json.loads(each, parse_int=str, parse_float=str) for each in (after, text))
    for hook in HOOKS:
        event = installed["hooks"][hook.event]
        assert json.dumps(event.pop()) == json.dumps(hook.group(LAUNCHER)).replace(": 10}", ': "10"}')
        assert event == before.get("hooks", {}).get(hook.event, [])
        del installed["hooks"][hook.event]
        before.get("hooks", {}).pop(hook.event, None)
    assert installed == {**before, "hooks": before.get("hooks", {})}


@given(settings())
def test_a_second_install_changes_nothing_and_another_program_can_be_undone_too(text: str) -> None:
    installed = plan_install(text, LAUNCHER)
    again = plan_install(installed.after, LAUNCHER, installed.original)
    assert again.outcome is ChangeOutcome.UNCHANGED
    assert again.original == installed.original
    moved = plan_install(installed.after, MOVED, installed.original)
    assert plan_uninstall(moved.after, moved.original).after == text


@given(values | settings())
def test_the_scanner_sees_what_the_standard_library_sees(text: str) -> None:
    node = jsonedit.parse(text)
    children = jsonedit.children(text, node)
    written = [json.loads(text[child.node.start : child.node.end], parse_int=float) for child in children]
    whole = json.loads(text, parse_int=float)
    if isinstance(whole, dict):
        # Of a key given twice both agree on the last.
        assert dict(zip((child.key for child in children), written, strict=True)) == whole
        assert all(text[child.start] == '"' for child in children)
    elif isinstance(whole, list):
        assert written == whole
    else:
        assert children == ()


@given(st.text() | st.text('{}[]",:0e-/*\\ \n' + "NaIfinityul"))
def test_any_text_is_either_edited_or_refused(text: str) -> None:
    try:
        after = plan_install(text, LAUNCHER).after
    except SettingsError:
        return
    assert after is not None
    assert isinstance(json.loads(after.removeprefix("\ufeff")), dict)


@given(st.text())
def test_any_command_is_ours_or_not(command: str) -> None:
    hook_command_of({"command": command})


@given(st.text() | st.builds(json.dumps, st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_any_record_is_read(text: str) -> None:
    original_from_json(text)
