"""The menu as a desktop is told of it: ids, labels and rows, and when rows may change. Pure: time is a parameter.

Desktops copy a menu and then click on ids, some of them a while after the menu has changed or closed. So that a click
means what was read:

- An id belongs to an entry's key and kind for ever, never to a position. It is not given away again, and what it does
  is remembered after its row has gone: KDE and LXQt report a menu's closing before the click that closed it.
- Labels and the like go on live. Rows (coming, going, moving) wait while a menu may be open: LXQt closes the menu
  otherwise, GNOME and KDE mix up rows, XFCE, MATE, waybar and Cinnamon shift them under the pointer.
- When a menu may be open: LXQt, KDE and GNOME send `opened` and `closed`; the others send only AboutToShow.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ROOT = 0
SHOW_HOLD_SECONDS = 30.0  # after AboutToShow from a desktop that never tells of a closing
CLOSED_HOLD_SECONDS = 1.0  # a click may follow the closing, and a menu fades out
OPEN_HOLD_SECONDS = 300.0  # a desktop that died with its menu open never tells of the closing

Property = tuple[str, Any]  # D-Bus signature and value
Properties = Mapping[str, Property]
_Shape = tuple[int, tuple[Any, ...]]  # a row's id, and the shapes of the rows below it


class Kind(StrEnum):
    """What a row is. A desktop keeps a row's widget as long as its id lives, so an id never changes its kind."""

    ITEM = "item"
    SEPARATOR = "separator"
    SUBMENU = "submenu"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as it should be now. `key` names what it is about, unique in the whole menu, separators apart."""

    key: str
    kind: Kind = Kind.ITEM
    label: str = ""
    gone_label: str | None = None  # what a held row says after its entry has gone; None: its last label
    enabled: bool = True
    checked: bool | None = None
    radio: bool = False
    action: Callable[[], None] | None = field(default=None, compare=False)
    children: tuple["Entry", ...] = ()
    source: Any = field(default=None, compare=False)  # what it was read from


@dataclass(frozen=True, slots=True)
class Changes:
    """What a desktop has to be told."""

    layout: bool = False  # rows came, went or moved: the whole menu is to be read again
    updated: tuple[tuple[int, Properties], ...] = ()
    removed: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def __bool__(self) -> bool:
        return self.layout or bool(self.updated) or bool(self.removed)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that desktops know. Its properties and its shape are worked out once: most rows stay from tick to tick."""

    id: int
    entry: Entry
    children: tuple["_Row", ...]
    properties: Properties
    shape: _Shape  # its own id, and those below it


class MenuModel:
    """The rows that are shown, those that wait, and the ids of all that ever were."""

    def __init__(self) -> None:
        self.revision = 1
        self._ids: dict[tuple[int, str, Kind], int] = {}  # grows with the sessions seen: some hundred bytes each
        self._actions: dict[int, Callable[[], None]] = {}
        self._wanted: tuple[Entry, ...] = ()
        self._rows: tuple[_Row, ...] = ()
        self._properties: dict[int, Properties] = {ROOT: _ROOT_PROPERTIES}
        self._hold_until = 0.0
        self._rows_wait = False
        self._open = False
        self._open_submenus: set[int] = set()  # XFCE tells of these, though not of the menu around them
        self._tells_closing = False  # whether this desktop sends `opened` and `closed`
        self._announced: dict[int, tuple[Any, ...]] = {}  # submenu -> the shape that was announced by itself

    # ---- what the tray wants ------------------------------------------------

    def update(self, entries: Sequence[Entry], now: float) -> Changes:
        """Take the menu as it should be, and return what to tell. `now` is in seconds of a clock that only grows."""
        self._wanted = tuple(entries)
        return self.settle(now)

    def settle(self, now: float) -> Changes:
        """Bring what is shown as near to what is wanted as the moment allows, and return what to tell."""
        rows = self._build(self._wanted, ROOT, self._rows)
        layout = _shape(rows) != _shape(self._rows)
        self._rows_wait = layout and self.held(now)
        if self._rows_wait:
            rows = self._held_rows(self._rows, {e.key: e for e in _walk_entries(self._wanted)})
            layout = False
        self._rows = rows
        before = self._properties
        self._properties = {ROOT: _ROOT_PROPERTIES} | {row.id: row.properties for row in _walk_rows(rows)}
        if layout:
            self.revision += 1
            return Changes(layout=True)
        return _differences(before, self._properties)

    @property
    def rows_wait(self) -> bool:
        """Whether there are rows to show, hide or move once no menu can be open any more."""
        return self._rows_wait

    def hold_ends_in(self, now: float) -> float:
        """Seconds until no menu can be open any more, as far as is known."""
        return max(0.0, self._hold_until - now)

    def held(self, now: float) -> bool:
        """Whether a menu may be open."""
        return now < self._hold_until

    # ---- what a desktop does ------------------------------------------------

    def about_to_show(self, menu_id: int, now: float) -> Changes:
        """A desktop is about to open a menu: the last moment for waiting rows, when it does not tell of closings."""
        changes = Changes()
        if menu_id == ROOT and not self._open and not self._tells_closing:
            self._hold_until = now
            self._open_submenus.clear()
            changes = self.settle(now)
        self._hold_until = max(self._hold_until, now + SHOW_HOLD_SECONDS)
        return changes

    def opened(self, menu_id: int, now: float) -> None:
        """A desktop has opened a menu, and will tell when it closes."""
        if menu_id == ROOT:
            self._open = self._tells_closing = True
            self._hold_until = now + OPEN_HOLD_SECONDS
        else:
            self._open_submenus.add(menu_id)
            self._hold_until = now + OPEN_HOLD_SECONDS

    def closed(self, menu_id: int, now: float) -> None:
        """A desktop has closed a menu; its click may still be on the way. A closed submenu leaves its parent open."""
        if menu_id == ROOT:
            self._open = False
            self._open_submenus.clear()
            self._tells_closing = True
            self._hold_until = now + CLOSED_HOLD_SECONDS
            return
        self._open_submenus.discard(menu_id)
        if not self._open and not self._open_submenus and not self._tells_closing:
            self._hold_until = now + SHOW_HOLD_SECONDS  # the menu around it may be open still

    def clicked(self, row_id: int, now: float) -> Callable[[], None] | None:
        """Return what a click on the row asks for, also when the row has gone since; None for mere text."""
        # Every desktop closes its menu at a click.
        self._open = False
        self._open_submenus.clear()
        self._hold_until = min(self._hold_until, now + CLOSED_HOLD_SECONDS)
        return self._actions.get(row_id)

    def forget_desktop(self) -> None:
        """The panel has gone, and its open menu with it."""
        self._hold_until = 0.0
        self._open = self._tells_closing = False
        self._announced.clear()
        self._open_submenus.clear()

    # ---- what a desktop reads -----------------------------------------------

    def knows(self, row_id: int) -> bool:
        """Whether the row is shown now."""
        return row_id in self._properties

    def ids(self) -> list[int]:
        """The ids of all rows that are shown, and of the root."""
        return list(self._properties)

    def properties(self, row_id: int, names: Sequence[str] = ()) -> Properties:
        """The row's properties, or those of `names`. Raises LookupError for an unknown row."""
        found = self._properties[row_id]
        return {name: value for name, value in found.items() if name in names} if names else found

    def layout(self, parent: int, depth: int, names: Sequence[str] = ()) -> tuple[int, Properties, list[Any]]:
        """The rows below `parent` down to `depth` (-1: all), in dbusmenu's form. Raises LookupError when unknown."""
        return self._layout(parent, self._children_of(parent), depth, names)

    def unread_submenus(self, parent: int, depth: int) -> list[int]:
        """The submenus whose rows a reader of `layout(parent, depth)` has not seen, each once for each of its shapes.

        KDE reads a submenu only when it is opened, too late: it has no size yet, and at the right edge of the screen,
        where the tray is, it opens beyond the edge. And it does not read it again when only its own rows have changed.
        """
        if depth < 0:
            return []
        edge = self._children_of(parent)
        for _ in range(depth - 1):
            if not edge:  # whatever depth was asked for, it ends with the rows
                break
            edge = tuple(child for row in edge for child in row.children)
        unread = []
        for row in edge if depth else ():
            shape = _shape(row.children)
            if row.children and self._announced.get(row.id) != shape:
                self._announced[row.id] = shape
                unread.append(row.id)
        return unread

    # ---- private ------------------------------------------------------------

    def _layout(
        self, row_id: int, children: tuple[_Row, ...], depth: int, names: Sequence[str]
    ) -> tuple[int, Properties, list[Any]]:
        below = (
            [] if depth == 0 else [("(ia{sv}av)", self._layout(c.id, c.children, depth - 1, names)) for c in children]
        )
        return row_id, self.properties(row_id, names), below

    def _children_of(self, parent: int) -> tuple[_Row, ...]:
        if parent == ROOT:
            return self._rows
        for row in _walk_rows(self._rows):
            if row.id == parent:
                return row.children
        raise LookupError(parent)

    def _build(self, entries: Sequence[Entry], parent: int, before: Sequence[_Row]) -> tuple[_Row, ...]:
        """The rows for the entries; the very same ones for those of `before` whose entry is the same object."""
        known = {row.id: row for row in before}
        rows = []
        for entry in entries:
            # By parent too: desktops drop the old place's widget by id after making the new one.
            key = (parent, entry.key, entry.kind)
            row_id = self._ids.get(key)
            if row_id is None:
                row_id = self._ids[key] = len(self._ids) + 1
            row = known.get(row_id)
            if row is None or row.entry is not entry:
                row = self._row(row_id, entry, self._children(entry, row_id, row))
            rows.append(row)
        return tuple(rows)

    def _children(self, entry: Entry, row_id: int, before: _Row | None) -> tuple[_Row, ...]:
        if before is not None and before.entry.children is entry.children:
            return before.children
        return self._build(entry.children, row_id, before.children if before is not None else ())

    def _row(self, row_id: int, entry: Entry, children: tuple[_Row, ...]) -> _Row:
        if entry.action is not None:
            self._actions[row_id] = entry.action
        return _Row(row_id, entry, children, _properties_of(entry), (row_id, _shape(children)))

    def _held_rows(self, rows: Sequence[_Row], wanted: Mapping[str, Entry]) -> tuple[_Row, ...]:
        held = []
        for row in rows:
            now_wanted = wanted.get(row.entry.key)
            entry = _gone(row.entry) if now_wanted is None else _relabelled(row.entry, now_wanted)
            held.append(self._row(row.id, entry, self._held_rows(row.children, wanted)))
        return tuple(held)


_ROOT_PROPERTIES: Properties = {"children-display": ("s", "submenu")}


def _walk_entries(entries: Sequence[Entry]) -> Iterator[Entry]:
    for entry in entries:
        yield entry
        yield from _walk_entries(entry.children)


def _walk_rows(rows: Sequence[_Row]) -> Iterator[_Row]:
    for row in rows:
        yield row
        yield from _walk_rows(row.children)


def _shape(rows: Sequence[_Row]) -> tuple[_Shape, ...]:
    return tuple(row.shape for row in rows)


def _gone(entry: Entry) -> Entry:
    label = entry.label if entry.gone_label is None else entry.gone_label
    # Stays enabled: greying it now would swallow a click that is on its way.
    return Entry(
        entry.key, entry.kind, label, entry.gone_label, entry.enabled, entry.checked, entry.radio, entry.action
    )


def _relabelled(shown: Entry, wanted: Entry) -> Entry:
    """The shown row with the wanted words. Its kind stays: an id's kind is for ever."""
    return Entry(
        shown.key,
        shown.kind,
        wanted.label,
        wanted.gone_label,
        wanted.enabled,
        wanted.checked,
        wanted.radio,
        wanted.action or shown.action,
    )


def _properties_of(entry: Entry) -> Properties:
    if entry.kind is Kind.SEPARATOR:
        return {"type": ("s", "separator")}
    properties: dict[str, Property] = {
        "label": ("s", entry.label.replace("_", "__")),  # a single one marks the letter to press
        "enabled": ("b", entry.enabled),
        "visible": ("b", True),
    }
    if entry.checked is not None:
        properties["toggle-type"] = ("s", "radio" if entry.radio else "checkmark")
        properties["toggle-state"] = ("i", int(entry.checked))
    if entry.kind is Kind.SUBMENU:
        properties["children-display"] = ("s", "submenu")
    return properties


def _differences(before: Mapping[int, Properties], after: Mapping[int, Properties]) -> Changes:
    updated, removed = [], []
    for row_id, properties in after.items():
        old = before.get(row_id, {})
        if old is properties or old == properties:
            continue
        changed = {name: value for name, value in properties.items() if old.get(name) != value}
        lost = tuple(name for name in old if name not in properties)
        if changed:
            updated.append((row_id, changed))
        if lost:
            removed.append((row_id, lost))
    return Changes(updated=tuple(updated), removed=tuple(removed))
