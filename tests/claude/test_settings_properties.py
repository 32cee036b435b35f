"""What holds for every settings file, not only for those in the corpus: documents and their spacing are made up."""

import json

from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.claude import jsonedit
from claude_session_status.claude.hook_commands import Launcher, mark_of
from claude_session_status.claude.hook_entries import HOOKS
from claude_session_status.claude.settings import Outcome, plan_install, plan_uninstall
from claude_session_status.claude.settings_file import remains_from_json, remains_to_json
from claude_session_status.errors import SettingsError

LAUNCHER = Launcher("/opt/my tools/claude-session-status")
MOVED = Launcher(r"C:\Program Files\claude-session-status.exe", direct=True)

spaces = st.sampled_from(["", "", " ", "\n", "\n  ", "\n    ", "\n\t", "\r\n  ", " \t ", "\r"])
strings = st.builds(json.dumps, st.text(max_size=8), ensure_ascii=st.booleans())
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
scalars = strings | numbers | st.sampled_from(["true", "false", "null"])


def arrays(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaced = st.builds(lambda a, item, b: a + item + b, spaces, items, spaces)
    filled = st.lists(spaced, min_size=1, max_size=3).map(",".join)
    return (filled | spaces).map(lambda inside: f"[{inside}]")


def objects(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.builds(
        lambda a, key, b, c, value, d: a + key + b + ":" + c + value + d, spaces, keys, spaces, spaces, values, spaces
    )
    filled = st.lists(member, min_size=1, max_size=4).map(",".join)
    return (filled | spaces).map(lambda inside: f"{{{inside}}}")


values = st.recursive(scalars, lambda inner: arrays(inner) | objects(strings, inner), max_leaves=6)
commands = st.sampled_from(['"true"', '"echo claude-session-status mark-turn"', '"/x/notify --mark-turn"'])
entries = objects(st.sampled_from(['"type"', '"command"', '"timeout"']), commands | scalars)
groups = objects(st.sampled_from(['"hooks"', '"h\\u006foks"']), arrays(entries | values)) | entries | values
event_names = st.sampled_from([json.dumps(hook.event) for hook in HOOKS] + ['"PreToolUse"', '"St\\u006fp"'])
hooks_values = objects(event_names, arrays(groups))

other_keys = strings.filter(lambda key: json.loads(key) != "hooks")


@st.composite
def settings(draw: st.DrawFn) -> str:
    """An object that has `hooks` any number of times, in between other keys."""
    members = draw(st.lists(st.tuples(st.just('"hooks"'), hooks_values) | st.tuples(other_keys, values), max_size=4))
    inside = ",".join(
        draw(spaces) + key + draw(spaces) + ":" + draw(spaces) + value + draw(spaces) for key, value in members
    )
    return draw(spaces) + "{" + (inside or draw(spaces)) + "}" + draw(spaces)


@given(settings())
def test_install_and_uninstall_are_inverse(text: str) -> None:
    installed = plan_install(text, LAUNCHER)
    assert plan_uninstall(installed.after, installed.remains).after == text


@given(settings())
def test_the_record_survives_its_file(text: str) -> None:
    remains = plan_install(text, LAUNCHER).remains
    assert remains_from_json(remains_to_json(remains)) == remains


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
    again = plan_install(installed.after, LAUNCHER, installed.remains)
    assert again.outcome is Outcome.UNCHANGED
    assert again.remains == installed.remains
    moved = plan_install(installed.after, MOVED, installed.remains)
    assert plan_uninstall(moved.after, moved.remains).after == text


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
    mark_of({"command": command})


@given(st.text() | st.builds(json.dumps, st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_any_record_is_read(text: str) -> None:
    remains_from_json(text)
