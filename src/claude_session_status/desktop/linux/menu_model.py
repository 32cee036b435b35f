"""The menu as a desktop sees it: ids, labels and rows, and when rows may change. Pure: time is a parameter.

Desktops copy a menu and then send clicks by id, some of them a while after the menu has changed or closed. So that a
click does what the user read:

- An id belongs to an item's key and kind, never to a position. It is not used again, and the item behind it is
  remembered after its row has gone: KDE and LXQt report that a menu closed before they report the click that closed it.
- Labels and other properties change at once. Rows (added, removed, moved) wait while a menu may be open: otherwise LXQt
  closes the menu, GNOME and KDE mix up rows, XFCE, MATE, waybar and Cinnamon shift them under the pointer.
- Whether a menu may be open: LXQt, KDE and GNOME send `opened` and `closed`; the others send only AboutToShow. GNOME
  also sends AboutToShow when nobody opens the menu: as soon as it has read the menu of a new icon.
- GNOME's extension never moves a row, and inserts a new one beside rows that it has yet to remove. So on GNOME the rows
  that would end up in the wrong place get new ids: it then removes and inserts them.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from claude_session_status.menu_items import MenuItem

ROOT = 0
GNOME_READS = ("type", "children-display")
SHOW_HOLD_SECONDS = 30.0  # after AboutToShow, on a desktop that does not report when a menu closes
OPENING_HOLD_SECONDS = 2.0  # after AboutToShow, on a desktop that reports `opened` soon after
CLOSED_HOLD_SECONDS = 1.0  # a click may follow, and the menu fades out
KEPT_ROWS = 5000  # a full menu has some 200
OPEN_HOLD_SECONDS = 300.0  # a desktop that crashed with its menu open never reports that it closed

Property = tuple[str, Any]  # D-Bus signature and value
Properties = Mapping[str, Property]
_Shape = tuple[int, tuple[Any, ...]]  # a row's id, and the shapes of the rows below it


class _Kind(StrEnum):
    """What a row is. A desktop keeps a widget for each id, so an id never changes its kind."""

    ITEM = "item"
    SEPARATOR = "separator"
    SUBMENU = "submenu"


@dataclass(frozen=True, slots=True)
class Changes:
    """What to announce to the desktop."""

    layout: bool = False  # rows were added, removed or moved: the desktop has to read the whole menu again
    updated: tuple[tuple[int, Properties], ...] = ()
    removed: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def __bool__(self) -> bool:
        return self.layout or bool(self.updated) or bool(self.removed)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that desktops know. Most rows stay the same from tick to tick, so what is derived of one is kept."""

    id: int
    kind: _Kind
    item: MenuItem
    children: tuple["_Row", ...]
    properties: Properties
    shape: _Shape


class MenuModel:
    """The rows that are shown, the rows that wait, and the ids of all rows that there ever were."""

    def __init__(self) -> None:
        self.revision = 1
        self._ids: dict[tuple[int, str, _Kind], int] = {}
        self._last_id = ROOT
        self._clickable: dict[int, MenuItem] = {}
        self._wanted: tuple[MenuItem, ...] = ()
        self._settled: tuple[MenuItem, ...] | None = None  # the menu that the rows were last made of
        self._starting = True
        self._rows: tuple[_Row, ...] = ()
        self._properties: dict[int, Properties] = {ROOT: _ROOT_PROPERTIES}
        self._hold_until = 0.0
        self._rows_wait = False
        self._open = False
        self._open_submenus: set[int] = set()  # XFCE reports submenus, though not the menu around them
        self._reports_closing = False  # whether this desktop sends `opened` and `closed`
        self._moves_rows = True  # whether this desktop moves a row that has another place
        self._announced: dict[int, tuple[Any, ...]] = {}  # submenu -> its shape when it was announced separately

    # ---- what the tray shows ------------------------------------------------

    def update(self, items: Sequence[MenuItem], now: float, *, starting: bool = False) -> Changes:
        """Take the new menu, and return what to announce. `now` is in seconds of a monotonic clock.

        `starting`: there is no snapshot yet. The first snapshot's items replace these at once, even in an open menu.
        """
        self._wanted = tuple(items)
        if self._starting:
            self._hold_until = 0.0
        self._starting = starting
        return self.settle(now)

    def want(self, items: Sequence[MenuItem]) -> None:
        """Take the new menu, to be shown with the next change."""
        self._wanted = tuple(items)

    def settle(self, now: float) -> Changes:
        """Show as much of the new menu as can be shown at this moment, and return what to announce."""
        if self._wanted is self._settled and not self._rows_wait:
            return Changes()
        self._settled = self._wanted
        rows = self._build(self._wanted, ROOT, self._rows)
        layout = _shape(rows) != _shape(self._rows)
        self._rows_wait = layout and self.held(now)
        if self._rows_wait:
            rows = self._held_rows(self._rows, {item.key: item for item in _walk(self._wanted)})
            layout = False
        elif layout and not self._moves_rows:
            rows = self._build(self._wanted, ROOT, self._rows, renew=True)
        self._rows = rows
        before = self._properties
        self._properties = {ROOT: _ROOT_PROPERTIES} | {row.id: row.properties for row in _walk(rows)}
        if layout:
            self.revision += 1
            self._drop_old_rows()
            # GNOME's extension reads no labels with a layout, only the labels of rows that are new to it.
            kept = {row_id: properties for row_id, properties in self._properties.items() if row_id in before}
            return dataclasses.replace(_differences(before, kept), layout=True)
        return _differences(before, self._properties)

    @property
    def rows_wait(self) -> bool:
        """Whether rows wait to be added, removed or moved until no menu can be open any more."""
        return self._rows_wait

    def hold_ends_in(self, now: float) -> float:
        """Seconds until no menu can be open any more, as far as is known."""
        return max(0.0, self._hold_until - now)

    def held(self, now: float) -> bool:
        """Whether a menu may be open."""
        return now < self._hold_until

    # ---- what a desktop reports ---------------------------------------------

    def recognise(self, names: Sequence[str]) -> None:
        """Recognise GNOME's extension by the properties that it reads with a layout."""
        if tuple(names) == GNOME_READS:
            self._reports_closing = True
            self._moves_rows = False

    def about_to_show(self, menu_id: int, now: float) -> Changes:
        """A desktop is about to open a menu, or only says so: the last moment for rows that wait."""
        changes = Changes()
        if menu_id == ROOT and not self._open:
            self._hold_until = now
            self._open_submenus.clear()
            changes = self.settle(now)
        seconds = OPENING_HOLD_SECONDS if self._reports_closing else SHOW_HOLD_SECONDS
        self._hold_until = max(self._hold_until, now + seconds)
        return changes

    def opened(self, menu_id: int, now: float) -> None:
        """A desktop has opened a menu, and will report when it closes."""
        if menu_id == ROOT:
            self._open = self._reports_closing = True
        else:
            self._open_submenus.add(menu_id)
        self._hold_until = now + OPEN_HOLD_SECONDS

    def closed(self, menu_id: int, now: float) -> None:
        """A desktop has closed a menu; a click may still follow. A closed submenu leaves its parent open."""
        if menu_id == ROOT:
            self._open = False
            self._open_submenus.clear()
            self._reports_closing = True
            self._hold_until = now + CLOSED_HOLD_SECONDS
            return
        self._open_submenus.discard(menu_id)
        if not self._open and not self._open_submenus and not self._reports_closing:
            self._hold_until = now + SHOW_HOLD_SECONDS  # the menu around it may still be open

    def clicked(self, row_id: int, now: float) -> MenuItem | None:
        """Return the item that was clicked, also when its row has gone since; None for text without an action."""
        # Every desktop closes its menu at a click.
        self._open = False
        self._open_submenus.clear()
        self._hold_until = min(self._hold_until, now + CLOSED_HOLD_SECONDS)
        return self._clickable.get(row_id)

    def forget_desktop(self) -> None:
        """The panel has gone, and its open menu with it."""
        self._hold_until = 0.0
        self._open = self._reports_closing = False
        self._moves_rows = True
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
        """The row's properties, only those in `names` if there are any. Raises LookupError for an unknown row."""
        found = self._properties[row_id]
        return {name: value for name, value in found.items() if name in names} if names else found

    def layout(self, parent: int, depth: int, names: Sequence[str] = ()) -> tuple[int, Properties, list[Any]]:
        """The rows below `parent` down to `depth` (-1: all), in dbusmenu's form. Raises LookupError when unknown."""
        return self._layout(parent, self._children_of(parent), depth, names)

    def unread_submenus(self, parent: int, depth: int) -> list[int]:
        """The submenus whose rows a reader of `layout(parent, depth)` has not seen, each once for each of its shapes.

        KDE reads a submenu only when it opens it, too late: it has no size yet, and at the right edge of the screen,
        where the tray is, it opens beyond the edge. And it does not read it again when only its own rows have changed.
        """
        if depth < 0:
            return []
        edge = self._children_of(parent)
        for _ in range(depth - 1):
            if not edge:  # however large a depth was asked for, it ends with the rows
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
        for row in _walk(self._rows):
            if row.id == parent:
                return row.children
        raise LookupError(parent)

    def _build(
        self, items: Sequence[MenuItem], parent: int, before: Sequence[_Row], *, renew: bool = False
    ) -> tuple[_Row, ...]:
        """The rows for the items. A row of `before` is used again if its item is equal.

        `renew`: with new ids where a desktop that moves no rows would show them in the wrong place.
        """
        known = {row.id: row for row in before}
        # By parent too: desktops remove the old place's widget by id after they made the new one.
        keys = [(parent, item.key, _kind_of(item)) for item in items]
        ids = [self._ids.get(key) or self._new_id(key) for key in keys]
        if renew and not _shown_in_order(list(known), ids):
            same = next((n for n, pair in enumerate(zip(known, ids, strict=False)) if pair[0] != pair[1]), len(known))
            ids[same:] = [self._new_id(key) for key in keys[same:]]
        rows = []
        for item, key, row_id in zip(items, keys, ids, strict=True):
            row = known.get(row_id)
            if row is None or (row.item is not item and row.item != item):
                row = self._row(row_id, key[2], item, self._children(item, row_id, row, renew=renew))
            rows.append(row)
        return tuple(rows)

    def _new_id(self, key: tuple[int, str, _Kind]) -> int:
        self._last_id += 1
        self._ids[key] = self._last_id
        return self._last_id

    def _drop_old_rows(self) -> None:
        """Forget rows that went long ago, so that memory stays bounded. Their ids are not used again."""
        if max(len(self._ids), len(self._clickable)) > KEPT_ROWS:
            self._ids = {key: row_id for key, row_id in self._ids.items() if row_id in self._properties}
            kept = {*self._properties, *range(self._last_id - KEPT_ROWS // 2, self._last_id + 1)}
            self._clickable = {row_id: item for row_id, item in self._clickable.items() if row_id in kept}

    def _children(self, item: MenuItem, row_id: int, before: _Row | None, *, renew: bool) -> tuple[_Row, ...]:
        if before is not None and before.item.children == item.children:
            return before.children
        return self._build(item.children, row_id, before.children if before is not None else (), renew=renew)

    def _row(self, row_id: int, kind: _Kind, item: MenuItem, children: tuple[_Row, ...]) -> _Row:
        if item.action is not None:
            self._clickable[row_id] = item
        return _Row(row_id, kind, item, children, _properties_of(item, kind), (row_id, _shape(children)))

    def _held_rows(self, rows: Sequence[_Row], wanted: Mapping[str, MenuItem]) -> tuple[_Row, ...]:
        """The same rows with the wanted labels. A row whose subject has gone says so, and can still be clicked."""
        held = []
        for row in rows:
            item = wanted.get(row.item.key)
            if item is None:
                gone_label = row.item.gone_label
                item = row.item if gone_label is None else dataclasses.replace(row.item, label=gone_label)
            else:
                item = dataclasses.replace(item, action=item.action or row.item.action)
            # Without the children: these rows need not be the item's, and must be built anew once rows may change.
            item = dataclasses.replace(item, children=())
            held.append(self._row(row.id, row.kind, item, self._held_rows(row.children, wanted)))
        return tuple(held)


_Node = TypeVar("_Node", MenuItem, _Row)
_ROOT_PROPERTIES: Properties = {"children-display": ("s", "submenu")}


def _walk(nodes: Sequence[_Node]) -> Iterator[_Node]:
    for node in nodes:
        yield node
        yield from _walk(node.children)


def _kind_of(item: MenuItem) -> _Kind:
    if item.separator:
        return _Kind.SEPARATOR
    return _Kind.SUBMENU if item.children else _Kind.ITEM


def _shown_in_order(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether GNOME's extension shows these ids in their order: it inserts the new ones, then removes the old ones."""
    shown = list(before)
    for place, row_id in enumerate(after):
        if row_id not in before:
            shown.insert(place, row_id)
    return [row_id for row_id in shown if row_id in after] == list(after)


def _shape(rows: Sequence[_Row]) -> tuple[_Shape, ...]:
    return tuple(row.shape for row in rows)


def _properties_of(item: MenuItem, kind: _Kind) -> Properties:
    if kind is _Kind.SEPARATOR:
        return {"type": ("s", "separator")}
    properties: dict[str, Property] = {
        "label": ("s", item.label.replace("_", "__")),  # a single one marks the letter to press
        "enabled": ("b", item.enabled or kind is _Kind.SUBMENU),
        "visible": ("b", True),
    }
    if item.checked is not None:
        properties["toggle-type"] = ("s", "radio" if item.radio else "checkmark")
        properties["toggle-state"] = ("i", int(item.checked))
    if kind is _Kind.SUBMENU:
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
