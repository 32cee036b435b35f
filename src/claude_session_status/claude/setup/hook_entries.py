"""Our hooks in the text of a settings file: the right form, where any form of them stands, how to take one out.

Each hook gets a group of its own. The package that this one succeeds put its entries flat into the event, where they
never fire, or into other people's groups, where they fire for those groups' matchers only. All of these are found.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from claude_session_status.claude import hook_table
from claude_session_status.claude.setup import jsonedit
from claude_session_status.claude.setup.hook_commands import Launcher, hook_command_of
from claude_session_status.claude.setup.jsonedit import Child, Node

TIMEOUT_SECONDS = 10
"""Far more than a hook of ours takes. SessionEnd needs one: without it all its hooks together get 1.5 s."""

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hook:
    """One event that we listen to, and the command for it. Without a matcher it fires for every kind of the event."""

    event: str
    mark: str
    matcher: str | None = None

    def group(self, launcher: Launcher) -> dict[str, object]:
        """The value that stands in the event's array."""
        entry = {"type": "command", **launcher.entry(self.mark), "timeout": TIMEOUT_SECONDS}
        return {**({} if self.matcher is None else {"matcher": self.matcher}), "hooks": [entry]}


HOOKS = tuple(Hook(event, command, matcher) for command, event, matcher, _, _ in hook_table.HOOKS)


def snippet(launcher: Launcher) -> str:
    """The whole `hooks` key as JSON, to paste into a settings file that has none."""
    hooks = {hook.event: [hook.group(launcher)] for hook in HOOKS}
    return json.dumps({"hooks": hooks}, indent=2, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Level:
    """A step on the way from the document to an entry of ours: the child at `index` of `container`."""

    container: Node
    index: int
    path: KeyPath | None  # of the container; None inside an event's array


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry of ours stands, outermost level first: document, hooks, event's array, and perhaps a group."""

    event: str
    levels: tuple[Level, ...]
    effective: bool  # False: under a key that is given again further down, so no reader sees it

    @property
    def item(self) -> int:
        """Its index, or its group's, in the event's array."""
        return self.levels[2].index


def group_entries(text: str, item: Node) -> tuple[Node, tuple[Child, ...]] | None:
    """The `hooks` array of a group and what it holds; None when the item is not a group."""
    array = jsonedit.member(text, item, "hooks") if isinstance(item.value, dict) else None
    if array is None or not isinstance(array.value, list):
        return None
    return array, jsonedit.children(text, array)


def _every_item(text: str) -> Iterator[tuple[str, tuple[Level, ...], bool, Child]]:
    """Each item of each event's array: event, the levels above it, whether it is effective, and the item."""
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
                levels = (
                    Level(root, i, ()),
                    Level(hooks.node, j, ("hooks",)),
                    Level(event.node, k, ("hooks", event.key)),
                )
                yield event.key, levels, not shadowed, item


def all_entries(text: str) -> Iterator[Mapping[str, object]]:
    """Every hook entry, whosever and in whatever form."""
    for _, _, _, item in _every_item(text):
        group = group_entries(text, item.node)
        for entry in (child.node.value for child in group[1]) if group else (item.node.value,):
            if isinstance(entry, dict):
                yield entry


def ours_in(text: str) -> Iterator[Place]:
    """Every entry of ours: flat, in a group of our own, or in somebody else's."""
    for event, levels, effective, item in _every_item(text):
        group = group_entries(text, item.node)
        if group is None:
            if isinstance(item.node.value, dict) and hook_command_of(item.node.value):
                yield Place(event, levels, effective)
            continue
        for index, entry in enumerate(group[1]):
            if isinstance(entry.node.value, dict) and hook_command_of(entry.node.value):
                yield Place(event, (*levels, Level(group[0], index, None)), effective)


def remove_place(text: str, place: Place, kept: Mapping[KeyPath, str]) -> str:
    """Take out one entry, and around it each container that held nothing else, unless it was there before us.

    `kept` has the keys to the objects and arrays that were, and the whitespace they had inside. The document stays.
    """
    for level in reversed(place.levels):
        held = jsonedit.children(text, level.container)
        if len(held) > 1:
            return jsonedit.remove(text, level.container, level.index)
        if level.path is None:
            continue
        # The record is of what readers see, not of what a key given again hides.
        was_there = level.path == () or (place.effective and level.path in kept)
        if was_there or _given_before(text, place, level.path):
            return jsonedit.remove(text, level.container, level.index, kept.get(level.path, ""))
    raise AssertionError("the document itself is always kept")


def _given_before(text: str, place: Place, path: KeyPath) -> bool:
    """The key at `path` is given twice, which we never do: without this one, readers would see the one above it."""
    parent = place.levels[len(path) - 1]
    return any(child.key == path[-1] for child in jsonedit.children(text, parent.container)[: parent.index])


def first_place(text: str, event: str, *, beside: int | None = None) -> Place | None:
    """The first entry of ours in the event, but for those in the item at index `beside`."""
    return next((p for p in ours_in(text) if p.event == event and p.effective and p.item != beside), None)


def own_item(text: str, event: str) -> tuple[int, Node] | None:
    """The first item of the event's array that holds entries of ours and of nobody else: index and place."""
    for name, levels, effective, item in _every_item(text):
        if name != event or not effective:
            continue
        group = group_entries(text, item.node)
        entries = [child.node.value for child in group[1]] if group else [item.node.value]
        if entries and all(isinstance(entry, dict) and hook_command_of(entry) for entry in entries):
            return levels[2].index, item.node
    return None
