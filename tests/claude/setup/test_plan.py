"""The edits of settings.json, as text: what they add, what they keep, what they give back and what they refuse."""

import json
from typing import Any

import pytest

from claude.setup.settings_corpus import CORPUS, OTHERS, PLAIN, UNTOUCHED, WITH_OURS, Shape
from claude_session_status.claude.setup.hook_commands import Launcher, hook_command_of
from claude_session_status.claude.setup.hook_entries import HOOKS, hooks_json
from claude_session_status.claude.setup.plan import (
    ChangeOutcome,
    OriginalState,
    Step,
    plan_install,
    plan_uninstall,
)
from claude_session_status.errors import SettingsError

LAUNCHER = Launcher("/opt/my tools/claude-session-status")
MOVED = Launcher("/home/me/.local/bin/claude-session-status")
WINDOWS = Launcher(r"C:\Users\My Name\Scripts\claude-session-status.exe", direct=True)
EVENTS = {
    "SessionStart": "mark-start",
    "UserPromptSubmit": "mark-prompt",
    "Stop": "mark-turn",
    "StopFailure": "mark-turn",
    "Notification": "mark-wait",
    "SessionEnd": "mark-end",
}


def text_of(shape: Shape) -> str | None:
    return None if shape.content is None else shape.content.decode()


def read(text: str) -> dict[str, Any]:
    """JSON with its numbers as they are written, so that none is too long or rounded."""
    return json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str)  # type: ignore[no-any-return]


def hooks_of(text: str | None) -> dict[str, Any]:
    assert text is not None
    shorter = text.removeprefix("\ufeff")
    hooks: dict[str, Any] = json.loads(shorter, parse_float=str, parse_int=lambda digits: int(digits[:10]))["hooks"]
    return hooks


def without_ours(hooks: dict[str, Any]) -> dict[str, Any]:
    """The hooks of everybody else, by the meaning of the JSON and not by our own editor."""
    left = {}
    for event, groups in hooks.items():
        kept = [{**group, "hooks": [e for e in group["hooks"] if not hook_command_of(e)]} for group in groups]
        left[event] = [group for group in kept if group["hooks"]]
    return {event: groups for event, groups in left.items() if groups}


@pytest.mark.parametrize("launcher", [LAUNCHER, WINDOWS], ids=["posix", "windows"])
@pytest.mark.parametrize("shape", CORPUS, ids=lambda shape: shape.name)
class TestEveryShape:
    def test_an_install_puts_each_hook_once_into_a_group_of_its_own(self, shape: Shape, launcher: Launcher) -> None:
        hooks = hooks_of(plan_install(text_of(shape), launcher).after)
        for hook in HOOKS:
            ours = [group for group in hooks[hook.event] if any(hook_command_of(entry) for entry in group["hooks"])]
            assert ours == [hook.group(launcher)]

    def test_an_install_and_an_uninstall_give_back_every_byte(self, shape: Shape, launcher: Launcher) -> None:
        installed = plan_install(text_of(shape), launcher)
        undone = plan_uninstall(installed.after, installed.original).after
        assert (None if undone is None else undone.encode()) == shape.undone

    def test_a_second_install_changes_nothing(self, shape: Shape, launcher: Launcher) -> None:
        first = plan_install(text_of(shape), launcher)
        second = plan_install(first.after, launcher, first.original)
        assert second.outcome is ChangeOutcome.UNCHANGED
        assert {each.step for each in second.events} == {Step.KEPT}
        assert second.original == first.original

    def test_a_program_that_moved_is_replaced_where_it_stands(self, shape: Shape, launcher: Launcher) -> None:
        first = plan_install(text_of(shape), launcher)
        moved = plan_install(first.after, MOVED, first.original)
        assert moved.events_with(Step.REPAIRED) == tuple(EVENTS)
        undone = plan_uninstall(moved.after, moved.original).after
        assert (None if undone is None else undone.encode()) == shape.undone

    def test_what_other_people_have_is_the_same_json_as_before(self, shape: Shape, launcher: Launcher) -> None:
        after = plan_install(text_of(shape), launcher).after
        assert after is not None
        before = read(shape.undone.decode()) if shape.undone and shape.undone.strip() else {}
        installed = read(after)
        theirs = {event: groups for event, groups in before.pop("hooks", {}).items() if groups}
        assert without_ours(installed.pop("hooks")) == theirs
        assert installed == before


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(CORPUS) >= 20
    assert len({shape.name for shape in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("shape", UNTOUCHED, ids=lambda shape: shape.name)
def test_an_uninstall_without_hooks_of_ours_changes_nothing(shape: Shape) -> None:
    assert plan_uninstall(text_of(shape)).outcome is ChangeOutcome.UNCHANGED


@pytest.mark.parametrize("shape", WITH_OURS, ids=lambda shape: shape.name)
def test_old_entries_are_taken_out_without_an_install_before(shape: Shape) -> None:
    after = plan_uninstall(text_of(shape)).after
    assert after is not None
    assert after.encode() == shape.stripped


class TestTheTextIsInTheStyleOfTheFile:
    def test_new_text_has_the_indentation_of_the_file(self) -> None:
        after = plan_install('{\n  "model": "opus"\n}\n', LAUNCHER).after
        assert after is not None
        assert after.startswith(
            """{
  "model": "opus",
  "hooks": {
    "SessionStart": [
      {
        "hooks": [
          {
            "type": "command",
            "command": "'/opt/my tools/claude-session-status' mark-start",
            "timeout": 10
          }
        ]
      }
    ],
    "UserPromptSubmit": [
"""
        )
        assert after.endswith("    ]\n  }\n}\n")

    def test_new_text_has_the_tabs_and_line_ends_of_the_file(self) -> None:
        after = plan_install(PLAIN.replace("  ", "\t").replace("\n", "\r\n"), LAUNCHER).after
        assert after is not None
        assert '\r\n\t"hooks": {\r\n\t\t"SessionStart": [\r\n\t\t\t{\r\n' in after
        assert "  " not in after
        assert after.count("\n") == after.count("\r\n")

    def test_one_line_stays_one_line(self) -> None:
        after = plan_install('{"model":"opus"}', LAUNCHER).after
        assert after is not None
        assert after.startswith('{"model":"opus","hooks":{"SessionStart":[{"hooks":[{"type":"command",')
        assert "\n" not in after

    def test_a_group_is_added_after_other_peoples(self) -> None:
        after = plan_install(OTHERS, LAUNCHER).after
        assert after is not None
        assert (
            """          {"type": "command", "command": "true"}
        ]
      },
      {
        "hooks": [
          {
            "type": "command",
            "command": "'/opt/my tools/claude-session-status' mark-turn",
"""
            in after
        )

    def test_a_byte_order_mark_stays_in_front(self) -> None:
        installed = plan_install('\ufeff{\n\t"model": "opus"\n}', LAUNCHER)
        assert installed.after is not None
        assert installed.after.startswith('\ufeff{\n\t"model": "opus",\n\t"hooks": {\n\t\t"SessionStart"')
        assert plan_uninstall(installed.after, installed.original).after == installed.before


class TestSummary:
    @pytest.mark.parametrize(
        ("text", "outcome", "added", "repaired", "removed"),
        [
            (None, ChangeOutcome.CREATED, set(EVENTS), set(), set()),
            (PLAIN, ChangeOutcome.EDITED, set(EVENTS), set(), set()),
            (
                text_of(WITH_OURS[0]),
                ChangeOutcome.EDITED,
                {"UserPromptSubmit", "StopFailure", "Notification"},
                {"SessionStart", "Stop", "SessionEnd"},
                {"PostToolUse"},
            ),
        ],
        ids=["no file", "no hooks", "the original's"],
    )
    def test_an_install_reports_each_event(
        self, text: str | None, outcome: ChangeOutcome, added: set[str], repaired: set[str], removed: set[str]
    ) -> None:
        change = plan_install(text, LAUNCHER)
        assert change.outcome is outcome
        assert set(change.events_with(Step.ADDED)) == added
        assert set(change.events_with(Step.REPAIRED)) == repaired
        assert set(change.events_with(Step.REMOVED)) == removed

    def test_hooks_that_are_disabled_are_reported(self) -> None:
        assert plan_install('{"disableAllHooks": true}', LAUNCHER).hooks_disabled
        assert not plan_install('{"disableAllHooks": false}', LAUNCHER).hooks_disabled

    def test_commands_that_call_us_among_other_things_are_reported(self) -> None:
        shape = next(shape for shape in CORPUS if shape.name == "commands that do more than ours")
        assert len(plan_uninstall(text_of(shape)).foreign_commands) == 2

    def test_the_snippet_is_what_an_install_writes(self) -> None:
        assert hooks_json(LAUNCHER) + "\n" == plan_install(None, LAUNCHER).after


class TestRepair:
    @pytest.mark.parametrize(
        "item",
        [
            '{"type": "command", "command": "claude-session-status mark-turn"}',
            '{"type": "command", "command": "claude-session-status mark-turn", "async": true}',
            '{"hooks": [{"type": "command", "command": "claude-session-status mark-turn"}]}',
            '{"matcher": "Bash", "hooks": [{"type": "command", "command": "claude-session-status mark-turn"}]}',
            '{"hooks": [{"type": "command", "command": "claude-session-status mark-end", "timeout": 10}]}',
            '{"hooks": [{"type": "command", "command": "claude-session-status mark-turn", "timeout": "10"}]}',
            '{"hooks": [{"type": "command", "command": "claude-session-status", "args": ["mark-turn"]}]}',
        ],
        ids=["flat", "async", "no timeout", "a matcher", "another mark", "a timeout in words", "args"],
    )
    def test_every_wrong_form_becomes_the_right_one_in_its_place(self, item: str) -> None:
        text = f'{{"hooks": {{"Stop": [{item}, {{"hooks": [{{"type": "command", "command": "true"}}]}}]}}}}'
        groups = hooks_of(plan_install(text, LAUNCHER).after)["Stop"]
        assert groups[0] == HOOKS[2].group(LAUNCHER)
        assert len(groups) == 2

    def test_a_matcher_of_an_earlier_version_is_brought_up_to_date(self) -> None:
        installed = plan_install(None, LAUNCHER).after
        assert installed is not None
        (group,) = hooks_of(installed)["Notification"]
        earlier = installed.replace(group["matcher"], "permission_prompt")
        change = plan_install(earlier, LAUNCHER)
        assert change.events_with(Step.REPAIRED) == ("Notification",)
        assert change.after == installed

    def test_a_timeout_of_the_users_own_stays(self) -> None:
        installed = plan_install(PLAIN, LAUNCHER)
        assert installed.after is not None
        edited = installed.after.replace('"timeout": 10', '"timeout": 30')
        assert plan_install(edited, LAUNCHER, installed.original).outcome is ChangeOutcome.UNCHANGED
        moved = plan_install(edited, MOVED, installed.original).after
        assert moved == edited.replace("'/opt/my tools/claude-session-status'", MOVED.program)

    def test_a_launcher_that_would_not_be_recognised_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="would not recognise"):
            plan_install(None, Launcher("/bin/echo"))


class TestEditedSince:
    """The user, or Claude Code itself, which writes the whole file anew, edits between install and uninstall."""

    def rewritten(self, text: str | None, **more: object) -> str:
        assert text is not None
        return json.dumps({**json.loads(text), **more}, indent=2)

    def test_new_keys_stay_and_ours_go(self) -> None:
        installed = plan_install(PLAIN.replace("  ", "\t"), LAUNCHER)
        edited = self.rewritten(installed.after, theme="dark")
        assert plan_uninstall(edited, installed.original).after == self.rewritten(PLAIN, theme="dark")

    def test_a_file_that_we_created_stays_when_there_is_more_in_it(self) -> None:
        installed = plan_install(None, LAUNCHER)
        edited = self.rewritten(installed.after, theme="dark")
        assert plan_uninstall(edited, installed.original).after == '{\n  "theme": "dark"\n}'

    def test_hooks_that_were_there_and_empty_are_so_again(self) -> None:
        installed = plan_install('{"hooks": {"Stop": []}}', LAUNCHER)
        edited = self.rewritten(installed.after, theme="dark")
        assert json.loads(plan_uninstall(edited, installed.original).after or "") == {
            "hooks": {"Stop": []},
            "theme": "dark",
        }

    def test_without_the_record_empty_containers_go_and_the_file_stays(self) -> None:
        assert plan_uninstall(plan_install(None, LAUNCHER).after).after == "{}\n"
        assert plan_uninstall(plan_install('{"hooks": {}}', LAUNCHER).after).after == "{}"

    def test_a_hook_that_somebody_took_out_is_put_back_and_the_record_holds(self) -> None:
        installed = plan_install('{"hooks": {"Stop": [ ]}}', LAUNCHER)
        fewer = json.loads(installed.after or "")
        del fewer["hooks"]["SessionEnd"]
        again = plan_install(json.dumps(fewer), LAUNCHER, installed.original)
        assert again.events_with(Step.ADDED) == ("SessionEnd",)
        assert plan_uninstall(again.after, again.original).after == '{"hooks": {"Stop": [ ]}}'

    def test_a_record_of_an_older_file_does_no_harm(self) -> None:
        stale = plan_install(None, LAUNCHER).original
        again = plan_install("{ }", LAUNCHER, stale)
        assert again.original == OriginalState(empty={(): " "})
        assert plan_uninstall(again.after, again.original).after == "{ }"


REFUSED = [
    ("a comment", '{\n  // mine\n  "model": "opus"\n}', "a comment, which JSON does not have, at line 2, column 3"),
    ("a block comment", '{"model": /* mine */ "opus"}', "a comment"),
    ("truncated", '{"model": "opus", "hooks": {"Stop": [', "line 1"),
    ("a trailing comma", '{"model": "opus",}', "line 1"),
    ("NaN", '{\n  "a": NaN\n}', "NaN, which JSON does not have, at line 2"),
    ("two documents", "{}\n{}", "there is more after the end at line 2"),
    ("a bare word", "model", "line 1"),
    ("single quotes", "{'model': 'opus'}", "line 1"),
    ("a raw newline in a string", '{"a": "b\nc"}', "line 1"),
    ("deeply nested", "[" * 100_000, "nested too deeply"),
    ("an array", "[]", "holds an array where an object belongs"),
    ("a string", '"hooks"', "holds a string"),
    ("null", "null", "holds null"),
    ("hooks is an array", '{"hooks": []}', '"hooks" is an array where an object belongs'),
    ("hooks is null", '{"hooks": null}', '"hooks" is null'),
    ("hooks is true", '{"hooks": true}', '"hooks" is true or false'),
    ("an event is an object", '{"hooks": {"Stop": {"hooks": []}}}', "an object for Stop where an array belongs"),
    ("an event is a string", '{"hooks": {"SessionEnd": "true"}}', "a string for SessionEnd"),
]


@pytest.mark.parametrize(("text", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_file_that_can_not_be_edited_safely_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        plan_install(text, LAUNCHER, name="/home/me/.claude/settings.json")
    assert "/home/me/.claude/settings.json" in refusal.value.title
    assert reason in refusal.value.title
    assert refusal.value.next_step.endswith(hooks_json(LAUNCHER))


def test_an_uninstall_refuses_what_is_not_json_and_says_what_to_do() -> None:
    with pytest.raises(SettingsError) as refusal:
        plan_uninstall('{"hooks": {')
    assert "by hand" in refusal.value.next_step
