"""Finds hook entries in the text of a settings file: ours in any form, and other people's.

Each of our hooks gets a group of its own. The package that this one succeeds put its entries flat into the event, where
they never fire, or into other people's groups, where they fire for those groups' matchers only. All of these are found.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from claude_session_status.claude import hook_table
from claude_session_status.claude.setup import jsonedit
from claude_session_status.claude.setup.hook_commands import Launcher, hook_command_of
from claude_session_status.claude.setup.jsonedit import Child, Node

TIMEOUT_SECONDS = 10
"""Far more than our hook takes. Without a timeout all hooks of SessionEnd together get 1.5 s."""

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook event and the command that is installed for it. Without a matcher it fires for every kind of the event."""

    event: str
    command: str
    matcher: str | None = None

    def group(self, launcher: Launcher) -> dict[str, object]:
        """The value that is added to the event's array."""
        entry = {"type": "command", **launcher.entry(self.command), "timeout": TIMEOUT_SECONDS}
        return {**({} if self.matcher is None else {"matcher": self.matcher}), "hooks": [entry]}


HOOKS = tuple(Hook(event, command, matcher) for command, event, matcher, _, _ in hook_table.HOOKS)


def hooks_json(launcher: Launcher) -> str:
    """The whole `hooks` key as JSON, to paste into a settings file that has none."""
    hooks = {hook.event: [hook.group(launcher)] for hook in HOOKS}
    return json.dumps({"hooks": hooks}, indent=2, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step on the path from the document to an entry: the child at `index` of `container`."""

    container: Node
    index: int
    keys: KeyPath | None  # the keys that lead to the container; None inside an event's array


@dataclass(frozen=True, slots=True)
class EntryLocation:
    """Where an entry of ours is. `steps` go through the document, `hooks`, the event's array, and perhaps a group."""

    event: str
    steps: tuple[PathStep, ...]
    effective: bool  # False: its key is given again further down, so no reader sees it

    @property
    def item_index(self) -> int:
        """The index, in the event's array, of the entry or of its group."""
        return self.steps[2].index


def group_entries(text: str, item: Node) -> tuple[Node, tuple[Child, ...]] | None:
    """Return the `hooks` array of a group and its children; None when the item is not a group."""
    array = jsonedit.member(text, item, "hooks") if isinstance(item.value, dict) else None
    if array is None or not isinstance(array.value, list):
        return None
    return array, jsonedit.children(text, array)


def _items_of_events(text: str) -> Iterator[tuple[str, tuple[PathStep, ...], bool, Child]]:
    """Yield each item of each event's array: event, path to the item, whether it is effective, the item."""
    root = jsonedit.parse(text)
    top = jsonedit.children(text, root)
    for i, hooks in enumerate(top):
        if hooks.key != "hooks" or not isinstance(hooks.node.value, dict):
            continue
        events = jsonedit.children(text, hooks.node)
        for j, event in enumerate(events):
            if event.key is None or not isinstance(event.node.value, list):
                continue
            shadowed = any(later.key == "hooks" for later in top[i + 1 :]) or any(
                later.key == event.key for later in events[j + 1 :]
            )
            for k, item in enumerate(jsonedit.children(text, event.node)):
                steps = (
                    PathStep(root, i, ()),
                    PathStep(hooks.node, j, ("hooks",)),
                    PathStep(event.node, k, ("hooks", event.key)),
                )
                yield event.key, steps, not shadowed, item


def all_entries(text: str) -> Iterator[Mapping[str, object]]:
    """Yield every hook entry, ours and other people's, in whatever form."""
    for _, _, _, item in _items_of_events(text):
        group = group_entries(text, item.node)
        for entry in (child.node.value for child in group[1]) if group else (item.node.value,):
            if isinstance(entry, dict):
                yield entry


def our_entries(text: str) -> Iterator[EntryLocation]:
    """Yield the location of every entry of ours: flat, in a group of our own, or in another group."""
    for event, steps, effective, item in _items_of_events(text):
        group = group_entries(text, item.node)
        if group is None:
            if isinstance(item.node.value, dict) and hook_command_of(item.node.value):
                yield EntryLocation(event, steps, effective)
            continue
        for index, entry in enumerate(group[1]):
            if isinstance(entry.node.value, dict) and hook_command_of(entry.node.value):
                yield EntryLocation(event, (*steps, PathStep(group[0], index, None)), effective)


def remove_entry(text: str, location: EntryLocation, empty_before: Mapping[KeyPath, str]) -> str:
    """Remove one entry, and each container around it that holds nothing else. The document stays.

    A container in `empty_before` also stays: it was there, and empty, before our entries. The mapping leads from its
    keys to the whitespace inside it.
    """
    for step in reversed(location.steps):
        held = jsonedit.children(text, step.container)
        if len(held) > 1:
            return jsonedit.remove(text, step.container, step.index)
        if step.keys is None:
            continue
        # `empty_before` describes what readers see, not a key that a later one shadows.
        was_there = step.keys == () or (location.effective and step.keys in empty_before)
        if was_there or _key_stands_twice(text, location, step.keys):
            return jsonedit.remove(text, step.container, step.index, empty_before.get(step.keys, ""))
    raise AssertionError("the document itself always stays")


def _key_stands_twice(text: str, location: EntryLocation, keys: KeyPath) -> bool:
    """Whether the key is also given further up, so that removing this one would uncover that one."""
    parent = location.steps[len(keys) - 1]
    return any(child.key == keys[-1] for child in jsonedit.children(text, parent.container)[: parent.index])


def first_of_ours(text: str, event: str, *, beside: int | None = None) -> EntryLocation | None:
    """Return the first entry of ours in the event, not counting those in the item at index `beside`."""
    found = (each for each in our_entries(text) if each.event == event and each.effective)
    return next((each for each in found if each.item_index != beside), None)


def item_of_ours_alone(text: str, event: str) -> tuple[int, Node] | None:
    """Return the first item of the event's array that holds entries of ours and no others: its index and node."""
    for name, steps, effective, item in _items_of_events(text):
        if name != event or not effective:
            continue
        group = group_entries(text, item.node)
        entries = [child.node.value for child in group[1]] if group else [item.node.value]
        if entries and all(isinstance(entry, dict) and hook_command_of(entry) for entry in entries):
            return steps[2].index, item.node
    return None


def invalid_items(text: str) -> tuple[str, ...]:
    """Name each hook of a form that Claude Code refuses, as `PreToolUse[0] has no "hooks" array`.

    Some versions skip the whole settings file for one of these, and then no hook in it runs.
    """
    hooks = jsonedit.member(text, jsonedit.parse(text), "hooks")
    events = jsonedit.children(text, hooks) if hooks is not None else ()
    last = {event.key: event.node.value for event in events if event.key is not None}
    found = []
    for event, groups in last.items():
        if not isinstance(groups, list):
            found.append(f"{event} is no array")
            continue
        problems = ((index, _problem_of_group(group)) for index, group in enumerate(groups))
        found += [f"{event}[{index}] {problem}" for index, problem in problems if problem]
    return tuple(found)


def _problem_of_group(group: object) -> str | None:
    if not isinstance(group, dict):
        return "is no object"
    if not isinstance(group.get("matcher", ""), str):
        return 'has a "matcher" that is no text'
    entries = group.get("hooks")
    if not isinstance(entries, list):
        return 'has no "hooks" array'
    return next((problem for entry in entries if (problem := _problem_of_entry(entry))), None)


def _problem_of_entry(entry: object) -> str | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        return 'holds a hook without a "type"'
    if entry["type"] == "command" and not isinstance(entry.get("command"), str):
        return 'holds a hook without a "command"'
    timeout = entry.get("timeout", 1)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
        return 'holds a hook whose "timeout" is no positive number'
    return None
