"""What is installed in a settings file, for `doctor`: what our hooks start, and what an install would repair."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from claude_session_status.claude.setup import jsonedit, plugin, statusline_setting
from claude_session_status.claude.setup.hook_commands import Launcher, hook_command_of
from claude_session_status.claude.setup.hook_entries import all_entries
from claude_session_status.claude.setup.plan import Step, plan_install
from claude_session_status.errors import SettingsError

_MANAGED = {
    "darwin": ("/Library/Application Support/ClaudeCode",),
    "win32": (r"C:\Program Files\ClaudeCode", r"C:\ProgramData\ClaudeCode"),
}
_FORBIDDING_KEYS = ("disableAllHooks", "allowManagedHooksOnly")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the text of a settings file has of ours."""

    problem: str | None = None  # why it can't be read as settings
    launchers: tuple[Launcher, ...] = ()  # what our entries start, each once
    steps: Mapping[str, Step] = field(default_factory=dict)  # event -> what an install of the same program would do
    disabled: bool = False
    status_line: bool = False
    plugin: str | None = None  # the name under which our plugin is enabled
    invalid_items: tuple[str, ...] = ()  # other people's hooks for which Claude Code may skip the file

    @property
    def programs(self) -> tuple[str, ...]:
        """The command lines that our entries start, without the hook command."""
        return tuple(map(str, self.launchers))


def inspect(text: str | None, own: Launcher) -> Inspection:
    """Inspect a settings file's text (None: no file). Another copy of this program is as good as `own`."""
    if text is None or jsonedit.is_blank(text):
        return Inspection()
    try:
        launchers = _launchers(text)
        change = plan_install(text, launchers[0] if len(launchers) == 1 else own)
        line = statusline_setting.our_command_in(text)
    except (SettingsError, ValueError) as error:
        return Inspection(problem=getattr(error, "title", str(error)))
    return Inspection(
        problem=None,
        launchers=tuple(launchers),
        steps={each.event: each.step for each in change.events},
        disabled=change.hooks_disabled,
        status_line=line is not None,
        plugin=plugin.enabled_in(text),
        invalid_items=change.invalid_items,
    )


def is_complete(found: Inspection) -> bool:
    """Whether an install of the same program would change nothing in the settings."""
    return found.problem is None and bool(found.launchers) and set(found.steps.values()) == {Step.KEPT}


def _launchers(text: str) -> list[Launcher]:
    found: dict[Launcher, None] = {}
    for entry in all_entries(text):
        hook_command = hook_command_of(entry)
        if hook_command is None:
            continue
        command, arguments = str(entry["command"]), entry.get("args")
        if isinstance(arguments, list) and arguments:
            found[Launcher(command, tuple(map(str, arguments[:-1])), direct=True)] = None
        else:
            words = shlex.split(command)
            if words[0] == "&":  # PowerShell's call operator
                del words[0]
            # A redirection may follow the hook command without a space.
            end = next(i for i, word in enumerate(words) if word.startswith(hook_command))
            found[Launcher(words[0], tuple(words[1:end]))] = None
    return list(found)


def managed_folders(platform: str) -> tuple[str, ...]:
    """The folders of an administrator's settings, which override the user's."""
    return _MANAGED.get(platform, ("/etc/claude-code",))


def forbidding_file(texts: Iterable[tuple[str, str]]) -> str | None:
    """Return the managed settings file that keeps users' hooks from running; None where none does.

    `texts` are paths and texts in the order in which Claude Code merges them: `managed-settings.json`, then the
    drop-ins by name. The last file that has a key decides about it. A file that is not JSON counts as empty.
    """
    deciding: dict[str, str | None] = {}
    for path, text in texts:
        try:
            settings = json.loads(text.removeprefix(jsonedit.BYTE_ORDER_MARK))
        except (ValueError, RecursionError):
            continue
        if isinstance(settings, dict):
            deciding |= {key: path if settings[key] is True else None for key in _FORBIDDING_KEYS if key in settings}
    return next((path for path in deciding.values() if path), None)


def is_drop_in(name: str) -> bool:
    """Whether Claude Code reads a file of this name in `managed-settings.d`."""
    return name.endswith(".json") and not name.startswith(".")


def version_in(text: str) -> str | None:
    """The version in what `claude --version` prints."""
    match = re.search(r"\d+\.\d+\.\d+\S*", text)
    return match[0] if match else None
