"""What `doctor` sees in a settings file: which program our hooks start, whatever people have written around it."""

import json

import pytest

from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.inspection import inspect
from claude_session_status.claude.setup.plan import Step


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
