"""The edits that put our hooks into the text of Claude Code's settings, repair old ones, and remove them again.

Pure: text in, `Change` out. `settings_file` reads and writes the file.

Our entries are recognised by their commands, wherever the user or Claude Code moved them, so the text itself shows what
an uninstall must undo. One thing it can't show: whether an object or array that holds only our entries was there
before, and empty. That is kept in a file of ours, as `OriginalState`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from claude_session_status.claude.setup import jsonedit, plugin, statusline_setting
from claude_session_status.claude.setup.hook_commands import Launcher, hook_command_of, mentions_us
from claude_session_status.claude.setup.hook_entries import (
    HOOKS,
    Hook,
    KeyPath,
    all_entries,
    first_of_ours,
    group_entries,
    hooks_json,
    invalid_items,
    item_of_ours_alone,
    our_entries,
    remove_entry,
)
from claude_session_status.claude.setup.jsonedit import JsonProblem, Node
from claude_session_status.errors import SettingsError

UNINSTALL_ADVICE = (
    "Nothing was changed. Correct it and run `claude-session-status uninstall-hooks` again, "
    "or remove the hooks whose command runs claude-session-status by hand."
)
"""What to do when the file is refused."""

STATUS_LINE_ADVICE = (
    "Nothing was changed. Run install-hooks without --statusline, or have your own status line command pipe its input "
    "to `claude-session-status statusline`"
)
"""What to do when the status line can't be put in."""

_NEW_FILE = "{}\n"


class StatusLineError(SettingsError):
    """Our status line can't be put in; the hooks could be."""


class Step(StrEnum):
    """What a change does to our hook of one event."""

    KEPT = "kept"
    ADDED = "added"
    REPAIRED = "repaired"  # it was in another form, location or number, or named another program
    REMOVED = "removed"


class ChangeOutcome(StrEnum):
    """What a change does to the file."""

    UNCHANGED = "unchanged"
    CREATED = "created"
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class EventStep:
    """What happens to the hook of one event, or to the status line."""

    event: str
    step: Step


@dataclass(frozen=True, slots=True)
class OriginalState:
    """What was there before the install and can't be read off the text: no file, a blank one, empty containers.

    `empty` maps the keys that lead to an object or array to the whitespace that was in it; `()` is the document.
    `status_line` is the JSON that the user's own status line command was written as.
    """

    absent: bool = False
    blank: str | None = None
    empty: Mapping[KeyPath, str] = field(default_factory=dict)
    status_line: str | None = None

    def __bool__(self) -> bool:
        return self.absent or self.blank is not None or bool(self.empty) or self.status_line is not None


@dataclass(frozen=True, slots=True)
class Change:
    """An edit that is planned but not made. A text of None stands for a file that does not exist."""

    before: str | None
    after: str | None
    events: tuple[EventStep, ...] = ()
    original: OriginalState = field(default_factory=OriginalState)  # to keep until the next change
    hooks_disabled: bool = False  # `disableAllHooks` is set: no hook runs
    foreign_commands: tuple[str, ...] = ()  # other people's commands that run this program, left as they are
    invalid_items: tuple[str, ...] = ()  # other people's hooks for which Claude Code may skip the file
    plugin: str | None = None  # the name under which our plugin is enabled, whose hooks replace the file's

    @property
    def outcome(self) -> ChangeOutcome:
        """What the change does to the file."""
        if self.before == self.after:
            return ChangeOutcome.UNCHANGED
        if self.before is None:
            return ChangeOutcome.CREATED
        return ChangeOutcome.DELETED if self.after is None else ChangeOutcome.EDITED

    def events_with(self, step: Step) -> tuple[str, ...]:
        """The names of the events with this step."""
        return tuple(each.event for each in self.events if each.step is step)


def plan_install(
    text: str | None,
    launcher: Launcher,
    original: OriginalState | None = None,
    *,
    name: str = "settings.json",
    status_line: bool = False,
    plugin_runs: bool = False,
) -> Change:
    """Plan to have each hook exactly once, in a group of its own, starting `launcher`.

    Where `plugin_runs` (our plugin, if it is enabled, finds the program), an enabled plugin has the hooks: none is put
    in. Hooks of ours that are there already stay and are repaired.

    With `status_line` our status line is put in as well, around the one that is there. Without it, one of ours stays
    and is repaired.

    `text` is None where there is no file; `original` is what the last install kept; `name` is the file's in the error.
    Raises SettingsError when the text can't be edited safely, StatusLineError when only the status line can't be put
    in, ValueError for a launcher that `hook_command_of` would not recognise.
    """
    if hook_command_of(launcher.entry("mark-start")) is None:
        raise ValueError(f"an uninstall would not recognise {launcher}")
    base, _ = _without_ours(text, original or OriginalState(), name, install_advice(launcher))
    original = _original_state_of(base)
    working = _NEW_FILE if text is None or jsonedit.is_blank(text) else text
    _refuse_other_forms(working, launcher, name)
    by_plugin = plugin.enabled_in(working) if plugin_runs and not any(our_entries(working)) else None
    events = []
    for hook in HOOKS if by_plugin is None else ():
        working, step = _install_hook(working, hook, launcher)
        events.append(EventStep(hook.event, step))
    working, strays = _remove_strays(working, original)
    events += [EventStep(event, Step.REMOVED) for event in strays if event not in {hook.event for hook in HOOKS}]
    had_ours = statusline_setting.our_command_in(working) is not None
    if status_line or had_ours:
        has_content = base is not None and not jsonedit.is_blank(base)
        original = replace(
            original, status_line=statusline_setting.command_as_written(base or "") if has_content else None
        )
        working, step = _install_status_line(working, launcher, name, had_ours=had_ours)
        events.append(EventStep(statusline_setting.KEY, step))
    # A plugin that is put in later changes nothing that an uninstall must know.
    return replace(_change(text, working, events, original), plugin=by_plugin)


def plan_uninstall(text: str | None, original: OriginalState | None = None, *, name: str = "settings.json") -> Change:
    """Plan to remove everything of ours and nothing else. Raises SettingsError when the text can't be edited safely."""
    after, events = _without_ours(text, original or OriginalState(), name, UNINSTALL_ADVICE)
    return _change(text, after, [EventStep(event, Step.REMOVED) for event in events], OriginalState())


def _change(before: str | None, after: str | None, events: list[EventStep], original: OriginalState) -> Change:
    disabled = False
    foreign: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    if after is not None and not jsonedit.is_blank(after):
        root = jsonedit.parse(after)
        disabled = isinstance(root.value, dict) and root.value.get("disableAllHooks") is True
        foreign = tuple(
            str(entry["command"]) for entry in all_entries(after) if not hook_command_of(entry) and mentions_us(entry)
        )
        invalid = invalid_items(after)
    return Change(before, after, tuple(events), original, disabled, foreign, invalid)


# Removing


def _without_ours(
    text: str | None, original: OriginalState, name: str, advice: str
) -> tuple[str | None, tuple[str, ...]]:
    """Return the text without anything of ours (None: without the file), and the events that had any."""
    if text is None or jsonedit.is_blank(text):
        return text, ()
    _parse(text, name, advice)
    events: dict[str, None] = {}
    working = text
    while location := next(our_entries(working), None):
        events[location.event] = None
        working = remove_entry(working, location, original.empty)
    without = statusline_setting.remove(working, original.status_line, original.empty.get((), ""))
    if without != working:
        events[statusline_setting.KEY] = None
        working = without
    if events and jsonedit.filling(working, jsonedit.parse(working)) is not None:
        if original.absent:
            return None, tuple(events)
        if original.blank is not None:
            return original.blank, tuple(events)
    return working, tuple(events)


def _original_state_of(base: str | None) -> OriginalState:
    """What an install must remember of a text that has nothing of ours."""
    if base is None:
        return OriginalState(absent=True)
    if jsonedit.is_blank(base):
        return OriginalState(blank=base)
    root = jsonedit.parse(base)
    hooks = jsonedit.member(base, root, "hooks")
    places: dict[KeyPath, Node | None] = {(): root, ("hooks",): hooks}
    for hook in HOOKS:
        places["hooks", hook.event] = jsonedit.member(base, hooks, hook.event) if hooks else None
    fillings = {path: jsonedit.filling(base, node) for path, node in places.items() if node}
    return OriginalState(empty={path: fill for path, fill in fillings.items() if fill is not None})


# Installing


def _install_hook(text: str, hook: Hook, launcher: Launcher) -> tuple[str, Step]:
    """Put the hook into its event, once and in the right form, and remove anything else of ours there."""
    root = jsonedit.parse(text)
    hooks = jsonedit.member(text, root, "hooks")
    if hooks is None:
        return jsonedit.append(text, root, {hook.event: [hook.group(launcher)]}, "hooks"), Step.ADDED
    array = jsonedit.member(text, hooks, hook.event)
    if array is None:
        return jsonedit.append(text, hooks, [hook.group(launcher)], hook.event), Step.ADDED
    had_ours = first_of_ours(text, hook.event) is not None
    working = text
    if item_of_ours_alone(working, hook.event) is None:
        # Before any removal, so that the array is never empty.
        working = jsonedit.append(working, array, hook.group(launcher))
    while own := item_of_ours_alone(working, hook.event):
        stray = first_of_ours(working, hook.event, beside=own[0])
        if stray is None:
            working = _repair(working, own[1], hook, launcher)
            break
        working = remove_entry(working, stray, {})
    if not had_ours:
        return working, Step.ADDED
    return working, Step.KEPT if working == text else Step.REPAIRED


def _install_status_line(text: str, launcher: Launcher, name: str, *, had_ours: bool) -> tuple[str, Step]:
    """Put our status line in, around the one that is there."""
    try:
        after = statusline_setting.install(text, launcher)
    except statusline_setting.StatusLineProblem as problem:
        raise StatusLineError(f"{name}: {problem}", STATUS_LINE_ADVICE) from None
    if not had_ours:
        return after, Step.ADDED if after != text else Step.KEPT
    return after, Step.KEPT if after == text else Step.REPAIRED


def _repair(text: str, item: Node, hook: Hook, launcher: Launcher) -> str:
    """Bring an item that is ours alone into the right form, with the smallest edit."""
    wanted = hook.group(launcher)
    group = group_entries(text, item)
    if group is None or len(group[1]) != 1 or not _has_right_matcher(item.value, hook):
        return jsonedit.replace(text, item, wanted)
    entry = group[1][0].node
    right = {"type": "command", **launcher.entry(hook.command)}
    if not _same_but_for_program(entry.value, right):
        return jsonedit.replace(text, item, wanted)
    command = jsonedit.member(text, entry, "command")
    if command is None or command.value == right["command"]:
        return text
    return jsonedit.replace(text, command, right["command"])


def _has_right_matcher(group: object, hook: Hook) -> bool:
    """Whether the group has the hook's matcher and no unknown key."""
    if not isinstance(group, dict) or not set(group) <= {"matcher", "hooks"}:
        return False
    everything = group.get("matcher") in (None, "", "*")
    return everything if hook.matcher is None else group.get("matcher") == hook.matcher


def _same_but_for_program(entry: object, right: dict[str, object]) -> bool:
    """Whether the entry differs from `right` by its command at most. The `timeout` is the user's choice."""
    if not isinstance(entry, dict) or set(entry) != {*right, "timeout"}:
        return False
    timeout = entry["timeout"]
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        return False
    # A command line also holds the hook command, which must be the event's own.
    return all(entry[key] == right[key] for key in right if key != "command") and hook_command_of(
        entry
    ) == hook_command_of(right)


def _remove_strays(text: str, original: OriginalState) -> tuple[str, tuple[str, ...]]:
    """Remove entries of ours from events that have no hook of ours, and under keys that no reader sees."""
    wanted = {hook.event for hook in HOOKS}
    events: dict[str, None] = {}
    while stray := next((p for p in our_entries(text) if p.event not in wanted or not p.effective), None):
        events[stray.event] = None
        text = remove_entry(text, stray, original.empty)
    return text, tuple(events)


# Refusing


def _parse(text: str, name: str, advice: str) -> Node:
    try:
        return jsonedit.parse(text)
    except JsonProblem as problem:
        raise SettingsError(f"{name} is not strict JSON: {problem}", advice) from None


def _refuse_other_forms(text: str, launcher: Launcher, name: str) -> None:
    """Raise SettingsError for a text that can't take our hooks without a change to what is there."""
    root = _parse(text, name, install_advice(launcher))
    if not isinstance(root.value, dict):
        raise SettingsError(f"{name} holds {_kind(root.value)} where an object belongs", install_advice(launcher))
    hooks = jsonedit.member(text, root, "hooks")
    if hooks is None:
        return
    if not isinstance(hooks.value, dict):
        raise SettingsError(
            f'In {name}, "hooks" is {_kind(hooks.value)} where an object belongs', install_advice(launcher)
        )
    for hook in HOOKS:
        event = jsonedit.member(text, hooks, hook.event)
        if event is not None and not isinstance(event.value, list):
            raise SettingsError(
                f'In {name}, "hooks" has {_kind(event.value)} for {hook.event} where an array belongs',
                install_advice(launcher),
            )


def install_advice(launcher: Launcher) -> str:
    """What to do when the file is refused, with the JSON to paste."""
    return (
        "Nothing was changed. Correct it and run `claude-session-status install-hooks` again, "
        f"or put this into it yourself:\n{hooks_json(launcher)}"
    )


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
