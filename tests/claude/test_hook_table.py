"""The one table of hook commands, and that everything that names one reads it."""

import json
from pathlib import Path

import click
import pytest

from claude_session_status.claude import hook_table
from claude_session_status.claude.setup.hook_entries import HOOKS
from claude_session_status.cli.main import group
from claude_session_status.model import EventKind

PLUGIN_HOOKS = Path(__file__).parents[2] / "packaging/claude-plugin/hooks/hooks.json"


def test_every_row_records_a_kind_of_event_that_the_model_knows() -> None:
    assert {kind for _, _, _, kind, _ in hook_table.HOOKS} <= {kind.value for kind in EventKind}


def test_a_hook_event_calls_one_command() -> None:
    events = [event for _, event, *_ in hook_table.HOOKS]
    assert len(events) == len(set(events))
    assert all(hook_table.command_of(event) == command for command, event, *_ in hook_table.HOOKS)


def test_settings_and_plugin_install_the_whole_table() -> None:
    table = [(event, command, matcher) for command, event, matcher, *_ in hook_table.HOOKS]
    assert [(hook.event, hook.command, hook.matcher) for hook in HOOKS] == table
    plugin = json.loads(PLUGIN_HOOKS.read_text())["hooks"]
    assert [
        (event, entry["command"].split()[-1], group_.get("matcher"))
        for event, groups in plugin.items()
        for group_ in groups
        for entry in group_["hooks"]
    ] == table


def test_the_command_line_has_each_command_once_with_its_events() -> None:
    for command, (what, events) in hook_table.help_texts().items():
        text = group.commands[command].get_help(click.Context(group, **group.context_settings)).replace("\n", " ")
        assert what in text
        assert events.split(", ")[-1] in text
    assert hook_table.help_texts()["mark-turn"] == ("a turn ended", "Stop, StopFailure")


@pytest.mark.parametrize(
    ("command", "event", "kind"),
    [
        ("mark-turn", "Stop", "turn"),
        ("mark-turn", "StopFailure", "failure"),
        ("mark-turn", "PostToolUse", "tool"),
        ("mark-turn", "PreCompact", "turn"),
        ("mark-turn", None, "turn"),
        ("mark-start", ["a", "list"], "start"),
        ("mark-wait", "PreToolUse", "tool"),
    ],
)
def test_the_kind_depends_on_the_command_and_on_the_event(command: str, event: object, kind: str) -> None:
    assert hook_table.kind_of(command, {"hook_event_name": event}) == kind


@pytest.mark.parametrize(
    ("notification", "kind"),
    [
        ({"notification_type": "permission_prompt"}, "wait"),
        ({"notification_type": "elicitation_dialog", "message": "x"}, "wait"),
        ({"notification_type": "elicitation_url_dialog"}, "wait"),
        ({"notification_type": "elicitation_response"}, "tool"),
        ({"notification_type": "idle_prompt", "message": "Claude needs your permission"}, None),
        ({"notification_type": "auth_success"}, None),
        ({"notification_type": "agent_needs_input"}, None),
        ({"notification_type": ["permission_prompt"]}, None),
        ({"message": "Claude needs your permission to use Bash"}, "wait"),
        ({"message": "Claude Code needs your approval for the plan"}, "wait"),
        ({"message": "Claude Code wants to enter plan mode"}, "wait"),
        ({"message": "Claude is waiting for your input"}, None),
        ({"message": "Claude Code login successful"}, None),
        ({}, "wait"),
        ({"message": 7}, "wait"),
    ],
)
def test_a_notification_means_waiting_only_where_it_holds_the_turn(
    notification: dict[str, object], kind: str | None
) -> None:
    data = {"hook_event_name": "Notification", **notification}
    assert (None if hook_table.is_ignored(data) else hook_table.kind_of("mark-wait", data)) == kind
