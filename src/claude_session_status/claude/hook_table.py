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

# What a `notification_type` means for the turn; all others are ignored. Read in Claude Code 2.1.332: an MCP server's
# question is an elicitation dialog, or one with a URL; its response lets the turn go on.
_KIND_OF_NOTIFICATION = {
    "permission_prompt": "wait",
    "elicitation_dialog": "wait",
    "elicitation_url_dialog": "wait",
    "elicitation_response": "tool",
}
# Clients before 2.0.37 send no type. These parts of a message (in lower case) mean that the turn waits for the user.
_WAITING_WORDS = ("needs your", "needs permission", "needs network access", "permission to", "approval", "wants to")
_NOT_WAITING = "waiting for your input"  # the reminder after a minute without a prompt

# Hook command, hook event, matcher (None: the hook fires for every kind of the event), event kind, what happened.
HOOKS: tuple[tuple[str, str, str | None, str, str], ...] = (
    ("mark-start", "SessionStart", None, "start", "a session started"),
    ("mark-prompt", "UserPromptSubmit", None, "prompt", "a prompt was submitted"),
    ("mark-turn", "Stop", None, "turn", "a turn ended"),
    ("mark-turn", "StopFailure", None, "failure", "a turn ended"),
    ("mark-wait", "Notification", "|".join(_KIND_OF_NOTIFICATION), "wait", "a permission prompt or a question opened"),
    ("mark-end", "SessionEnd", None, "end", "a session ended"),
)

# Events that are not installed, but that people have added to their settings by hand, with any of the commands.
_KIND_OF_OTHER_EVENT = {"PreToolUse": "tool", "PostToolUse": "tool"}

COMMANDS = tuple(dict.fromkeys(hook[0] for hook in HOOKS))  # each once, in the table's order


def kind_of(command: str, data: Mapping[str, Any]) -> str:
    """The event kind that a call of `command` with the payload `data` records.

    An event that the command is not installed for is recorded as the command's first event.
    """
    kinds = {name: kind for mine, name, _, kind, _ in HOOKS if mine == command}
    name = str(data.get("hook_event_name"))
    kind = kinds.get(name) or _KIND_OF_OTHER_EVENT.get(name) or next(iter(kinds.values()))
    return _KIND_OF_NOTIFICATION.get(str(data.get("notification_type")), kind) if kind == "wait" else kind


def is_ignored(data: Mapping[str, Any]) -> bool:
    """Whether a hook's payload comes from inside a subagent, or is a notification that does not concern the turn."""
    if data.get("agent_id"):
        return True
    if data.get("notification_type") is not None:
        return str(data["notification_type"]) not in _KIND_OF_NOTIFICATION
    return data.get("hook_event_name") == "Notification" and not _is_waiting_message(data.get("message"))


def _is_waiting_message(message: object) -> bool:
    """Whether a notification without a type means that the turn waits. A call without a message says so itself."""
    if not isinstance(message, str) or not message:
        return True
    text = message.lower()
    return _NOT_WAITING not in text and any(words in text for words in _WAITING_WORDS)


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
