"""The one table of hook commands: which hook event of Claude Code calls which command, and what the event means.

The hook itself, the settings that install it, the command line, the demo and the plugin all read this table: a new hook
command is one line here, and the same entry in the plugin's hooks.json, which a test compares with it. A hook imports
this module, so it imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost a hook more than its own work
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The `notification_type`s that mean: the turn waits for the user. All others are ignored.
WAITING_TYPES = ("permission_prompt",)

# Hook command, hook event, matcher (None: the hook fires for every kind of the event), event kind, what happened.
HOOKS: tuple[tuple[str, str, str | None, str, str], ...] = (
    ("mark-start", "SessionStart", None, "start", "a session started"),
    ("mark-prompt", "UserPromptSubmit", None, "prompt", "a prompt was submitted"),
    ("mark-turn", "Stop", None, "turn", "a turn ended"),
    ("mark-turn", "StopFailure", None, "failure", "a turn ended"),
    ("mark-wait", "Notification", "|".join(WAITING_TYPES), "wait", "a permission prompt waits"),
    ("mark-end", "SessionEnd", None, "end", "a session ended"),
)

# Events that are not installed, but that people have added to their settings by hand, with whichever command.
_KIND_OF_OTHER_EVENT = {"PreToolUse": "tool", "PostToolUse": "tool"}

COMMANDS = tuple(dict.fromkeys(hook[0] for hook in HOOKS))  # each once, in the table's order


def kind_of(command: str, event: object) -> str:
    """The event kind that a call of `command` records. `event` is the payload's `hook_event_name`.

    An event that the command is not installed for is recorded as the command's first event.
    """
    kinds = {name: kind for mine, name, _, kind, _ in HOOKS if mine == command}
    name = str(event)
    return kinds.get(name) or _KIND_OF_OTHER_EVENT.get(name) or next(iter(kinds.values()))


def is_ignored(data: Mapping[str, Any]) -> bool:
    """Whether a hook's payload comes from inside a subagent, or is a notification that waits for nobody."""
    return bool(data.get("agent_id")) or data.get("notification_type") not in (None, *WAITING_TYPES)


def command_of(event: str) -> str:
    """The hook command that is installed for a hook event. Raises KeyError for an event that has none."""
    return {name: command for command, name, *_ in HOOKS}[event]


def help_texts() -> dict[str, tuple[str, str]]:
    """By hook command: what happened, and the hook events that call it, as `Stop, StopFailure`."""
    texts: dict[str, tuple[str, str]] = {}
    for command, event, _, _, what in HOOKS:
        events = texts[command][1] + ", " if command in texts else ""
        texts[command] = (what, events + event)
    return texts
