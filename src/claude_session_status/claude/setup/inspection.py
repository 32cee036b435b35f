"""What is installed in a settings file, for `doctor`: which program our hooks start, and what an install would mend."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from claude_session_status.claude.setup import jsonedit, plugin, statusline_setting
from claude_session_status.claude.setup.hook_commands import Launcher, hook_command_of
from claude_session_status.claude.setup.hook_entries import all_entries
from claude_session_status.claude.setup.plan import Step, plan_install
from claude_session_status.errors import SettingsError

_DARWIN = "/Library/Application Support/ClaudeCode/managed-settings.json"
_WINDOWS = (r"C:\Program Files\ClaudeCode\managed-settings.json", r"C:\ProgramData\ClaudeCode\managed-settings.json")
_OTHERS = "/etc/claude-code/managed-settings.json"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the text of a settings file has of ours."""

    problem: str | None = None  # it can't be read as settings
    programs: tuple[str, ...] = ()  # what our entries start, each once
    steps: Mapping[str, Step] = field(default_factory=dict)  # event -> what an install of the same program would do
    disabled: bool = False
    status_line: bool = False
    plugin: str | None = None  # under which name our plugin is enabled


def inspect(text: str | None, own: Launcher) -> Inspection:
    """Look at a settings file's text, None where there is no file. Another copy of ours is as right as `own`."""
    if text is None or jsonedit.is_blank(text):
        return Inspection()
    try:
        launchers = _launchers(text)
        change = plan_install(text, launchers[0] if len(launchers) == 1 else own)
        line = statusline_setting.our_command_in(text)
    except (SettingsError, ValueError) as error:
        return Inspection(problem=getattr(error, "title", str(error)))
    steps = {each.event: each.step for each in change.events}
    programs = dict.fromkeys(launcher.program for launcher in launchers)
    return Inspection(None, tuple(programs), steps, change.hooks_disabled, line is not None, plugin.enabled_in(text))


def is_complete(found: Inspection) -> bool:
    """Whether an install of the same program would change nothing in the settings."""
    return found.problem is None and bool(found.programs) and set(found.steps.values()) == {Step.KEPT}


def _launchers(text: str) -> list[Launcher]:
    found: dict[Launcher, None] = {}
    for entry in all_entries(text):
        mark = hook_command_of(entry)
        if mark is None:
            continue
        command, arguments = str(entry["command"]), entry.get("args")
        if isinstance(arguments, list) and arguments:
            found[Launcher(command, tuple(map(str, arguments[:-1])), direct=True)] = None
        else:
            words = shlex.split(command)
            if words[0] == "&":  # PowerShell's way to run what is quoted
                del words[0]
            end = next(i for i, word in enumerate(words) if word.startswith(mark))  # a redirection may follow at once
            found[Launcher(words[0], tuple(words[1:end]))] = None
    return list(found)


def managed_paths(platform: str) -> tuple[str, ...]:
    """Where an administrator's settings are, which stand above the user's."""
    if platform == "win32":
        return _WINDOWS
    return (_DARWIN,) if platform == "darwin" else (_OTHERS,)


def forbids_hooks(text: str) -> bool:
    """Whether managed settings keep the hooks of users from running."""
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(settings, dict) and any(
        settings.get(key) is True for key in ("disableAllHooks", "allowManagedHooksOnly")
    )


def version_in(text: str) -> str | None:
    """The version in what `claude --version` prints."""
    match = re.search(r"\d+\.\d+\.\d+\S*", text)
    return match[0] if match else None
