"""Ids never change their meaning, labels change at once, and rows wait while a menu may be open."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.desktop.linux.menu_model import (
    CLOSED_HOLD_SECONDS,
    GNOME_READS,
    KEPT_ROWS,
    OPEN_HOLD_SECONDS,
    OPENING_HOLD_SECONDS,
    ROOT,
    SHOW_HOLD_SECONDS,
    MenuModel,
)
from claude_session_status.menu_items import ForgetSession, MenuItem, Quit

QUIT = MenuItem("quit", "Quit", Quit())
LINE = MenuItem("separator", separator=True)


def row(key: str, label: str = "", **more: Any) -> MenuItem:
    return MenuItem(key, label or key, ForgetSession(key), gone_label=f"{key} ended", **more)


def rows(keys: Iterable[str]) -> list[MenuItem]:
    return [row(key) for key in keys]


def submenu(key: str, label: str, *children: MenuItem, gone_label: str | None = None) -> MenuItem:
    return MenuItem(key, label, children=children, gone_label=gone_label)


def labels(model: MenuModel, parent: int = ROOT) -> list[str]:
    children = [child for _, child in model.layout(parent, 1)[2]]
    return [properties["label"][1] for _, properties, _ in children if "label" in properties]


def ids(model: MenuModel, parent: int = ROOT) -> list[int]:
    return [child[0] for _, child in model.layout(parent, 1)[2]]


def walk(node: Any) -> Iterator[Any]:
    yield node
    for _, child in node[2]:
        yield from walk(child)


def closed_model(*items: MenuItem) -> MenuModel:
    """A model with this menu, which nobody has opened."""
    model = MenuModel()
    model.update(items, 0)
    return model


def open_model(*items: MenuItem) -> MenuModel:
    """A model whose menu was opened at 0 by a desktop that reports when it closes."""
    model = closed_model(*items)
    model.opened(ROOT, 0)
    return model


# ---- ids --------------------------------------------------------------------


def test_an_id_stays_with_its_key_when_the_row_moves() -> None:
    model = closed_model(row("a"), row("b"), QUIT)
    a, b, quit_id = ids(model)
    model.update([row("b"), row("c"), row("a"), QUIT], 1)
    assert ids(model)[0] == b
    assert ids(model)[2:] == [a, quit_id]


def test_an_id_is_never_used_for_another_row() -> None:
    model = closed_model(row("a"), QUIT)
    (a, _) = ids(model)
    model.update([QUIT], 1)
    model.update([row("b"), QUIT], 2)
    assert a not in ids(model)
    model.update([row("a"), QUIT], 3)
    assert ids(model)[0] == a


def test_labels_that_change_together_with_rows_are_announced_as_well() -> None:
    """GNOME's extension reads no labels with a layout: "More (3)" stood above 48 sessions."""
    model = closed_model(submenu("more", "More (1)", row("a")), QUIT)
    (more, _) = ids(model)
    changes = model.update([submenu("more", "More (2)", row("a"), row("b")), QUIT], 1)
    assert changes.layout
    assert changes.updated == ((more, {"label": ("s", "More (2)")}),)


def test_a_row_that_becomes_a_submenu_gets_another_id() -> None:
    model = closed_model(row("a"))
    before = ids(model)
    model.update([submenu("a", "a", row("b"))], 1)
    assert ids(model) != before
    model.update([row("a")], 2)
    assert ids(model) == before


def test_a_row_has_one_id_in_the_menu_and_another_in_a_submenu() -> None:
    model = closed_model(row("a"), submenu("more", "More", row("b")))
    first, more = ids(model)
    model.update([row("b"), submenu("more", "More", row("a"))], 1)
    assert ids(model, more) != [first]


# ---- announcements ----------------------------------------------------------


def test_only_differences_are_announced() -> None:
    model = MenuModel()
    assert model.update([row("a", "1m"), QUIT], 0).layout
    assert not model.update([row("a", "1m"), QUIT], 1)
    changes = model.update([row("a", "59s"), QUIT], 2)
    assert not changes.layout
    assert changes.updated == ((ids(model)[0], {"label": ("s", "59s")}),)


def test_a_removed_property_is_announced() -> None:
    model = closed_model(row("a", checked=True))
    changes = model.update([row("a")], 1)
    assert changes.removed == ((ids(model)[0], ("toggle-type", "toggle-state")),)


def test_only_a_changed_layout_is_a_new_revision() -> None:
    model = closed_model(row("a"))
    before = model.revision
    model.update([row("a", "other")], 1)
    assert model.revision == before
    model.update([row("b")], 2)
    assert model.revision == before + 1


@pytest.mark.parametrize(
    ("item", "properties"),
    [
        (
            MenuItem("a", "my_app", Quit()),
            {"label": ("s", "my__app"), "enabled": ("b", True), "visible": ("b", True)},
        ),
        (LINE, {"type": ("s", "separator")}),
        (
            MenuItem("a", "On", checked=True, radio=True),
            {
                "label": ("s", "On"),
                "enabled": ("b", False),
                "visible": ("b", True),
                "toggle-type": ("s", "radio"),
                "toggle-state": ("i", 1),
            },
        ),
    ],
)
def test_the_properties_of_a_row(item: MenuItem, properties: dict[str, Any]) -> None:
    model = closed_model(item)
    assert model.properties(ids(model)[0]) == properties


def test_a_submenu_has_its_property_and_can_be_read_alone() -> None:
    model = closed_model(submenu("more", "More", row("a"), row("b")))
    (more,) = ids(model)
    assert model.properties(more, ["children-display"]) == {"children-display": ("s", "submenu")}
    assert labels(model, more) == ["a", "b"]
    assert model.layout(ROOT, 0)[2] == []
    with pytest.raises(LookupError):
        model.layout(99, -1)


# ---- holding ----------------------------------------------------------------


def test_in_an_open_menu_labels_change_and_rows_do_not() -> None:
    model = open_model(row("a", "a 9s"), row("b", "b 8s"), QUIT)
    before = ids(model)
    changes = model.update([row("new"), row("b", "b 7s"), row("a", "a 8s"), QUIT], 1)
    assert not changes.layout
    assert ids(model) == before
    assert labels(model) == ["a 8s", "b 7s", "Quit"]


def test_a_session_that_ends_while_the_menu_is_open_says_so_in_its_row() -> None:
    model = open_model(row("a", "a 9s"), QUIT)
    model.update([QUIT], 1)
    assert labels(model) == ["a ended", "Quit"]


def test_the_submenu_of_an_ended_session_can_still_be_opened_and_clicked() -> None:
    model = open_model(submenu("a", "a 9s", row("a:forget"), gone_label="a ended"), QUIT)
    (a, _) = ids(model)
    for second in (1, 2):
        model.update([QUIT], second)
        assert model.properties(a, ["enabled", "children-display"]) == {
            "enabled": ("b", True),
            "children-display": ("s", "submenu"),
        }
        (forget,) = ids(model, a)
        assert model.properties(forget, ["enabled"]) == {"enabled": ("b", True)}
    assert model.clicked(forget, 3) is not None


def test_a_session_that_comes_back_while_the_menu_is_open_has_its_label_again() -> None:
    items = (submenu("a", "a 9s", row("a:forget"), gone_label="a ended"), QUIT)
    model = open_model(*items)
    model.update([QUIT], 1)
    model.update(items, 2)  # the very same objects
    (a, _) = ids(model)
    assert (labels(model), labels(model, a)) == (["a 9s", "Quit"], ["a:forget"])


def test_items_that_are_the_same_objects_are_handled_as_equal_ones_are() -> None:
    below = (row("a:model"), row("a:forget"))
    same, equal = MenuModel(), MenuModel()
    for tick, keys in enumerate(("ab", "ab", "ba", "b", "ba")):
        kept = [submenu(key, f"{key} {tick}", *below) for key in keys]
        copies = [submenu(key, f"{key} {tick}", *(row(item.key) for item in below)) for key in keys]
        assert same.update(kept, tick) == equal.update(copies, tick)
        assert same.layout(ROOT, -1) == equal.layout(ROOT, -1)


def test_a_row_without_a_label_for_its_end_keeps_its_label() -> None:
    model = open_model(MenuItem("problem", "Disk full"), QUIT)
    model.update([QUIT], 1)
    assert labels(model) == ["Disk full", "Quit"]


def test_a_row_that_moves_into_a_submenu_does_not_count_as_ended() -> None:
    model = open_model(row("a", "a 9s"), QUIT)
    model.update([submenu("more", "More", row("a", "a 8s")), QUIT], 1)
    assert labels(model) == ["a 8s", "Quit"]


def test_waiting_rows_are_shown_a_second_after_the_menu_has_closed() -> None:
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    model.closed(ROOT, 10)
    assert not model.settle(10 + CLOSED_HOLD_SECONDS / 2).layout
    assert model.hold_ends_in(10) == CLOSED_HOLD_SECONDS
    assert model.settle(10 + CLOSED_HOLD_SECONDS).layout
    assert labels(model) == ["b", "Quit"]
    assert not model.rows_wait


def test_a_desktop_that_crashes_with_its_menu_open_holds_rows_for_a_limited_time() -> None:
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    assert not model.settle(OPEN_HOLD_SECONDS - 1).layout
    assert model.settle(OPEN_HOLD_SECONDS).layout


def test_rows_do_not_wait_for_the_menu_of_a_panel_that_has_gone() -> None:
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    model.forget_desktop()
    assert model.settle(2).layout


def test_rows_wait_after_about_to_show() -> None:
    model = closed_model(row("a"), QUIT)
    model.about_to_show(ROOT, 0)
    assert not model.update([row("b"), QUIT], SHOW_HOLD_SECONDS - 1).layout
    assert model.settle(SHOW_HOLD_SECONDS).layout


def test_waiting_rows_are_shown_when_the_menu_is_opened_again() -> None:
    model = closed_model(row("a"), QUIT)
    model.about_to_show(ROOT, 0)
    model.update([row("b"), QUIT], 5)
    assert model.about_to_show(ROOT, 10).layout
    assert labels(model) == ["b", "Quit"]
    assert not model.update([row("c"), QUIT], 11).layout


def test_about_to_show_changes_no_rows_of_a_menu_that_is_reported_as_open() -> None:
    """GNOME sends it after it has opened the menu."""
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    assert not model.about_to_show(ROOT, 2).layout
    assert labels(model) == ["a ended", "Quit"]


def test_opening_or_closing_a_submenu_changes_no_rows() -> None:
    model = closed_model(submenu("more", "More", row("a")), QUIT)
    more = ids(model)[0]
    model.about_to_show(ROOT, 0)
    model.update([QUIT], 1)
    assert not model.about_to_show(more, 2).layout
    model.opened(more, 2)
    model.closed(more, 3)
    assert not model.settle(4).layout


# ---- GNOME, which sends AboutToShow when nobody opens the menu --------------


def test_what_gnome_asks_when_it_has_read_the_menu_holds_rows_only_for_a_moment() -> None:
    model = closed_model(row("a"), QUIT)
    model.recognise(GNOME_READS)
    model.about_to_show(ROOT, 1)
    assert model.update([row("b"), QUIT], 1 + OPENING_HOLD_SECONDS).layout
    assert labels(model) == ["b", "Quit"]


def test_other_desktops_are_not_taken_for_gnome() -> None:
    for names in ([], ["type"], ["label", "enabled", "type"]):
        model = closed_model(row("a"), QUIT)
        model.recognise(names)
        model.about_to_show(ROOT, 1)
        assert not model.update([row("b"), QUIT], 1 + OPENING_HOLD_SECONDS).layout


def test_the_first_snapshot_replaces_the_rows_before_it_whatever_was_asked() -> None:
    model = MenuModel()
    model.update([MenuItem("starting", "Looking for sessions…"), QUIT], 0, starting=True)
    model.about_to_show(ROOT, 1)
    assert model.update([row("a"), QUIT], 2).layout
    assert labels(model) == ["a", "Quit"]


def test_on_a_desktop_that_reports_openings_about_to_show_holds_rows_only_for_a_moment() -> None:
    model = open_model(row("a"), QUIT)
    model.closed(ROOT, 10)
    model.about_to_show(ROOT, 20)
    assert not model.update([row("b"), QUIT], 20 + OPENING_HOLD_SECONDS / 2).layout
    assert model.settle(20 + OPENING_HOLD_SECONDS).layout


def test_each_opening_shows_the_order_of_that_moment() -> None:
    model = closed_model(*rows("abc"), QUIT)
    for turn, keys in enumerate(("bca", "cab", "abc", "cba")):
        now = 100.0 * (turn + 1)
        model.update([*rows(keys), QUIT], now)
        model.opened(ROOT, now + 1)
        model.about_to_show(ROOT, now + 1)
        assert labels(model) == [*keys, "Quit"]
        model.update([*rows("bac"), QUIT], now + 2)
        assert labels(model) == [*keys, "Quit"]
        model.closed(ROOT, now + 3)


class GnomeMenu:
    """The rows as GNOME's extension shows them: it inserts new rows, then removes old ones, and moves none."""

    def __init__(self, model: MenuModel) -> None:
        self._model = model
        self._shown: dict[int, list[int]] = {ROOT: []}

    def read(self) -> list[str]:
        """Read the layout, and return the labels from top to bottom, each submenu after its own line."""
        self._model.recognise(GNOME_READS)
        before, self._shown = self._shown, {}
        for row_id, _, children in walk(self._model.layout(ROOT, -1, GNOME_READS)):
            new = [child[0] for _, child in children]
            shown = list(before.get(row_id, new))
            for place, child in enumerate(new):
                if child not in shown:
                    shown.insert(place, child)
            self._shown[row_id] = [child for child in shown if child in new]
        return list(self._labels(ROOT))

    def _labels(self, parent: int) -> Iterator[str]:
        for row_id in self._shown[parent]:
            yield str(self._model.properties(row_id).get("label", ("s", "-"))[1])
            yield from self._labels(row_id)


ORDERS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), min_size=1, max_size=8)


@given(ORDERS)
def test_gnome_which_moves_no_rows_shows_every_order(orders: list[list[str]]) -> None:
    model = closed_model()
    gnome = GnomeMenu(model)
    for turn, keys in enumerate(orders):
        below = [submenu(f"{key}:more", f"{key} more", *rows(keys[3:])) for key in keys[3:4]]
        model.update([*rows(keys[:3]), LINE, *below, QUIT], 100.0 * turn)
        expected = [*keys[:3], "-", *(f"{key} more" for key in keys[3:4]), *keys[3:], "Quit"]
        assert gnome.read() == expected


def test_on_gnome_only_rows_that_would_be_misplaced_get_new_ids() -> None:
    model = closed_model(*rows("abc"), QUIT)
    model.recognise(GNOME_READS)
    a, b, c, quit_id = ids(model)
    model.update([*rows("nabc"), QUIT], 1)  # one more
    assert ids(model)[1:] == [a, b, c, quit_id]
    model.update([*rows("abc"), QUIT], 2)  # one less
    assert ids(model) == [a, b, c, quit_id]
    model.update([*rows("acb"), QUIT], 3)  # moved
    assert ids(model)[0] == a
    assert not {b, c, quit_id} & set(ids(model))
    assert clicked_session(model, b, 4) == "b"  # a click that is still on its way


def test_rows_of_long_ago_are_forgotten() -> None:
    model = closed_model()
    model.recognise(GNOME_READS)
    for turn in range(KEPT_ROWS):
        model.update([row("b"), row("a")] if turn % 2 else [row("a"), row("b")], turn)
    assert max(len(model._ids), len(model._clickable)) <= KEPT_ROWS
    assert clicked_session(model, ids(model)[0], KEPT_ROWS) == "b"


# ---- submenus ---------------------------------------------------------------


def test_a_submenu_that_was_not_read_with_its_parent_is_announced_once_for_each_shape() -> None:
    model = closed_model(row("a"), submenu("more", "More", *rows("bc")), submenu("empty", "More"))
    more = ids(model)[1]
    assert model.unread_submenus(ROOT, -1) == []
    assert model.unread_submenus(ROOT, 0) == []
    assert model.unread_submenus(ROOT, 1) == [more]
    assert model.unread_submenus(ROOT, 1) == []  # or the two programs would notify each other without end
    model.update([row("a"), submenu("more", "More", *rows("cb")), submenu("empty", "More")], 1)
    assert model.unread_submenus(ROOT, 2) == []
    assert model.unread_submenus(more, 1) == []
    assert model.unread_submenus(ROOT, 1) == [more]
    model.forget_desktop()
    assert model.unread_submenus(ROOT, 1) == [more]


# ---- clicks -----------------------------------------------------------------


def clicked_session(model: MenuModel, row_id: int, now: float) -> str:
    item = model.clicked(row_id, now)
    assert item is not None
    assert isinstance(item.action, ForgetSession)
    return item.action.session_id


def test_a_click_that_comes_after_the_closing_reaches_its_session() -> None:
    """As KDE and LXQt send it; meanwhile the rows have changed."""
    model = open_model(*rows("abc"))
    _, b, _ = ids(model)
    model.closed(ROOT, 5)
    model.update(rows("dca"), 5 + 2 * CLOSED_HOLD_SECONDS)
    assert clicked_session(model, b, 8) == "b"


def test_a_click_on_the_row_of_an_ended_session_reaches_its_session() -> None:
    model = open_model(*rows("ab"))
    a, _ = ids(model)
    model.update(rows("b"), 1)
    assert clicked_session(model, a, 2) == "a"


def test_a_click_closes_the_menu() -> None:
    model = open_model(row("a"))
    model.update([row("b")], 1)
    model.clicked(ids(model)[0], 2)
    assert model.settle(2 + CLOSED_HOLD_SECONDS).layout


def test_a_click_on_text_does_nothing() -> None:
    model = open_model(LINE)
    assert model.clicked(ids(model)[0], 0) is None
    assert model.clicked(12345, 0) is None


KEYS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
EVENTS: st.SearchStrategy[tuple[str, list[str]]] = st.one_of(
    KEYS.map(lambda keys: ("update", keys)),
    st.sampled_from([("opened", []), ("closed", []), ("show", []), ("later", []), ("gone", [])]),
)


@given(st.lists(EVENTS, max_size=30))
def test_whatever_happens_a_click_does_what_the_user_has_read(events: list[tuple[str, list[str]]]) -> None:
    """A label that was ever read with an id keeps its meaning, and an id its kind."""
    model = MenuModel()
    now = 0.0
    read: dict[int, str] = {}
    kinds: dict[int, str] = {}
    for event, keys in events:
        now += 0.5
        match event:
            case "update":
                below = rows(keys[4:])
                more = [submenu("more", "More", *below)] if below else []
                model.update([*rows(keys[:4]), *more, LINE, row("quit")], now)
            case "opened":
                model.opened(ROOT, now)
            case "closed":
                model.closed(ROOT, now)
            case "show":
                model.about_to_show(ROOT, now)
            case "later":
                now += SHOW_HOLD_SECONDS
                model.settle(now)
            case "gone":
                model.forget_desktop()
        for row_id, properties, children in walk(model.layout(ROOT, -1)):
            kind = "submenu" if children else str(properties.get("type", ("s", "item"))[1])
            if row_id != ROOT:
                assert kinds.setdefault(row_id, kind) == kind
            if kind == "item" and row_id != ROOT:
                key = properties["label"][1].removesuffix(" ended")
                assert read.setdefault(row_id, key) == key
    for row_id, key in read.items():
        assert clicked_session(model, row_id, now) == key
