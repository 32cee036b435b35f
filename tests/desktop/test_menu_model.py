"""Ids are for ever, labels are live, and rows wait while a menu may be open."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.desktop.linux.menu_model import (
    CLOSED_HOLD_SECONDS,
    OPEN_HOLD_SECONDS,
    ROOT,
    SHOW_HOLD_SECONDS,
    Entry,
    Kind,
    MenuModel,
)

QUIT = Entry("quit", label="Quit")
LINE = Entry("/separator:1", Kind.SEPARATOR)


def row(key: str, label: str = "", **more: Any) -> Entry:
    return Entry(key, label=label or key, gone_label=f"{key} ended", **more)


def labels(model: MenuModel, parent: int = ROOT) -> list[str]:
    children = [child for _, child in model.layout(parent, 1)[2]]
    return [properties["label"][1] for _, properties, _ in children if "label" in properties]


def ids(model: MenuModel, parent: int = ROOT) -> list[int]:
    return [child[0] for _, child in model.layout(parent, 1)[2]]


def walk(node: Any) -> Iterator[Any]:
    yield node
    for _, child in node[2]:
        yield from walk(child)


def open_model(*entries: Entry) -> MenuModel:
    """A model whose menu was opened at 0 by a desktop that tells of closings."""
    model = MenuModel()
    model.update(entries, 0)
    model.opened(ROOT, 0)
    return model


# ---- ids --------------------------------------------------------------------


def test_an_id_follows_its_key_wherever_it_stands() -> None:
    model = MenuModel()
    model.update([row("a"), row("b"), QUIT], 0)
    a, b, quit_id = ids(model)
    model.update([row("b"), row("c"), row("a"), QUIT], 1)
    assert ids(model)[0] == b
    assert ids(model)[2:] == [a, quit_id]


def test_an_id_is_never_given_away() -> None:
    model = MenuModel()
    model.update([row("a"), QUIT], 0)
    (a, _) = ids(model)
    model.update([QUIT], 1)
    model.update([row("b"), QUIT], 2)
    assert a not in ids(model)
    model.update([row("a"), QUIT], 3)
    assert ids(model)[0] == a


def test_a_key_that_changes_its_kind_gets_another_id() -> None:
    model = MenuModel()
    model.update([row("a")], 0)
    before = ids(model)
    model.update([Entry("a", Kind.SUBMENU, "a", children=(row("b"),))], 1)
    assert ids(model) != before
    model.update([row("a")], 2)
    assert ids(model) == before


def test_a_row_has_one_id_in_the_menu_and_another_in_a_submenu() -> None:
    model = MenuModel()
    model.update([row("a"), Entry("more", Kind.SUBMENU, "More", children=(row("b"),))], 0)
    first, more = ids(model)
    model.update([row("b"), Entry("more", Kind.SUBMENU, "More", children=(row("a"),))], 1)
    assert ids(model, more) != [first]


# ---- what is told -----------------------------------------------------------


def test_only_what_differs_is_told() -> None:
    model = MenuModel()
    assert model.update([row("a", "1m"), QUIT], 0).layout
    assert not model.update([row("a", "1m"), QUIT], 1)
    changes = model.update([row("a", "59s"), QUIT], 2)
    assert not changes.layout
    assert changes.updated == ((ids(model)[0], {"label": ("s", "59s")}),)


def test_a_property_that_goes_is_told_too() -> None:
    model = MenuModel()
    model.update([row("a", checked=True)], 0)
    changes = model.update([row("a")], 1)
    assert changes.removed == ((ids(model)[0], ("toggle-type", "toggle-state")),)


def test_only_a_changed_layout_is_a_new_revision() -> None:
    model = MenuModel()
    model.update([row("a")], 0)
    before = model.revision
    model.update([row("a", "other")], 1)
    assert model.revision == before
    model.update([row("b")], 2)
    assert model.revision == before + 1


@pytest.mark.parametrize(
    ("entry", "properties"),
    [
        (Entry("a", label="my_app"), {"label": ("s", "my__app"), "enabled": ("b", True), "visible": ("b", True)}),
        (LINE, {"type": ("s", "separator")}),
        (
            Entry("a", label="On", enabled=False, checked=True, radio=True),
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
def test_the_properties_of_a_row(entry: Entry, properties: dict[str, Any]) -> None:
    model = MenuModel()
    model.update([entry], 0)
    assert model.properties(ids(model)[0]) == properties


def test_a_submenu_says_so_and_can_be_read_by_itself() -> None:
    model = MenuModel()
    model.update([Entry("more", Kind.SUBMENU, "More", children=(row("a"), row("b")))], 0)
    (more,) = ids(model)
    assert model.properties(more, ["children-display"]) == {"children-display": ("s", "submenu")}
    assert labels(model, more) == ["a", "b"]
    assert model.layout(ROOT, 0)[2] == []
    with pytest.raises(LookupError):
        model.layout(99, -1)


# ---- holding ----------------------------------------------------------------


def test_in_an_open_menu_labels_move_and_rows_do_not() -> None:
    model = open_model(row("a", "a 9s"), row("b", "b 8s"), QUIT)
    before = ids(model)
    changes = model.update([row("new"), row("b", "b 7s"), row("a", "a 8s"), QUIT], 1)
    assert not changes.layout
    assert ids(model) == before
    assert labels(model) == ["a 8s", "b 7s", "Quit"]


def test_a_session_that_ends_in_an_open_menu_says_so_in_its_row() -> None:
    model = open_model(row("a", "a 9s"), QUIT)
    model.update([QUIT], 1)
    assert labels(model) == ["a ended", "Quit"]


def test_a_session_that_comes_back_in_an_open_menu_has_its_words_again() -> None:
    entries = (Entry("a", Kind.SUBMENU, "a 9s", "a ended", children=(row("a:forget"),)), QUIT)
    model = open_model(*entries)
    model.update([QUIT], 1)
    model.update(entries, 2)  # the very same objects
    (a, _) = ids(model)
    assert (labels(model), labels(model, a)) == (["a 9s", "Quit"], ["a:forget"])


def test_rows_whose_entries_stay_the_same_objects_are_told_as_others_are() -> None:
    below = (row("a:model"), row("a:forget"))
    same, made_anew = MenuModel(), MenuModel()
    for tick, keys in enumerate(("ab", "ab", "ba", "b", "ba")):
        kept = [Entry(key, Kind.SUBMENU, f"{key} {tick}", children=below) for key in keys]
        fresh = [Entry(key, Kind.SUBMENU, f"{key} {tick}", children=tuple(row(e.key) for e in below)) for key in keys]
        assert same.update(kept, tick) == made_anew.update(fresh, tick)
        assert same.layout(ROOT, -1) == made_anew.layout(ROOT, -1)


def test_a_row_without_a_farewell_keeps_its_label() -> None:
    model = open_model(Entry("problem", label="Disk full"), QUIT)
    model.update([QUIT], 1)
    assert labels(model) == ["Disk full", "Quit"]


def test_a_row_that_moves_into_a_submenu_has_not_ended() -> None:
    model = open_model(row("a", "a 9s"), QUIT)
    model.update([Entry("more", Kind.SUBMENU, "More", children=(row("a", "a 8s"),)), QUIT], 1)
    assert labels(model) == ["a 8s", "Quit"]


def test_waiting_rows_come_a_second_after_the_closing() -> None:
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    model.closed(ROOT, 10)
    assert not model.settle(10 + CLOSED_HOLD_SECONDS / 2).layout
    assert model.hold_ends_in(10) == CLOSED_HOLD_SECONDS
    assert model.settle(10 + CLOSED_HOLD_SECONDS).layout
    assert labels(model) == ["b", "Quit"]
    assert not model.rows_wait


def test_a_desktop_that_dies_with_its_menu_open_does_not_freeze_it_for_ever() -> None:
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    assert not model.settle(OPEN_HOLD_SECONDS - 1).layout
    assert model.settle(OPEN_HOLD_SECONDS).layout


def test_a_panel_that_goes_takes_its_open_menu_along() -> None:
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    model.forget_desktop()
    assert model.settle(2).layout


def test_a_desktop_that_only_announces_is_waited_for() -> None:
    model = MenuModel()
    model.update([row("a"), QUIT], 0)
    model.about_to_show(ROOT, 0)
    assert not model.update([row("b"), QUIT], SHOW_HOLD_SECONDS - 1).layout
    assert model.settle(SHOW_HOLD_SECONDS).layout


def test_a_desktop_that_only_announces_gets_waiting_rows_when_it_opens_the_menu_again() -> None:
    model = MenuModel()
    model.update([row("a"), QUIT], 0)
    model.about_to_show(ROOT, 0)
    model.update([row("b"), QUIT], 5)
    assert model.about_to_show(ROOT, 10).layout
    assert labels(model) == ["b", "Quit"]
    assert not model.update([row("c"), QUIT], 11).layout


def test_a_desktop_that_tells_of_closings_gets_no_rows_at_the_announcement() -> None:
    """GNOME announces after opening."""
    model = open_model(row("a"), QUIT)
    model.update([row("b"), QUIT], 1)
    assert not model.about_to_show(ROOT, 2).layout
    assert labels(model) == ["a ended", "Quit"]


def test_a_submenu_that_opens_or_closes_changes_no_rows() -> None:
    model = MenuModel()
    more = Entry("more", Kind.SUBMENU, "More", children=(row("a"),))
    model.update([more, QUIT], 0)
    submenu = ids(model)[0]
    model.about_to_show(ROOT, 0)
    model.update([QUIT], 1)
    assert not model.about_to_show(submenu, 2).layout
    model.opened(submenu, 2)
    model.closed(submenu, 3)
    assert not model.settle(4).layout


# ---- submenus ---------------------------------------------------------------


def more(*keys: str) -> Entry:
    return Entry("more", Kind.SUBMENU, "More", children=tuple(row(key) for key in keys))


def test_a_submenu_that_was_not_read_with_its_parent_is_announced_once_for_each_shape() -> None:
    model = MenuModel()
    model.update([row("a"), more("b", "c"), more()], 0)
    submenu = ids(model)[1]
    assert model.unread_submenus(ROOT, -1) == []
    assert model.unread_submenus(ROOT, 0) == []
    assert model.unread_submenus(ROOT, 1) == [submenu]
    assert model.unread_submenus(ROOT, 1) == []  # else two would tell each other for ever
    model.update([row("a"), more("c", "b"), more()], 1)
    assert model.unread_submenus(ROOT, 2) == []
    assert model.unread_submenus(submenu, 1) == []
    assert model.unread_submenus(ROOT, 1) == [submenu]
    model.forget_desktop()
    assert model.unread_submenus(ROOT, 1) == [submenu]


# ---- clicks -----------------------------------------------------------------


class Clicks:
    def __init__(self) -> None:
        self.reached: list[str] = []

    def row(self, key: str) -> Entry:
        return row(key, action=lambda: self.reached.append(key))

    def rows(self, keys: Sequence[str]) -> list[Entry]:
        return [self.row(key) for key in keys]


def click(model: MenuModel, row_id: int, now: float) -> None:
    action = model.clicked(row_id, now)
    assert action is not None
    action()


def test_a_click_that_comes_after_the_closing_reaches_its_session() -> None:
    """As KDE and LXQt send them; meanwhile the rows have changed."""
    clicks = Clicks()
    model = open_model(*clicks.rows("abc"))
    _, b, _ = ids(model)
    model.closed(ROOT, 5)
    model.update(clicks.rows("dca"), 5 + 2 * CLOSED_HOLD_SECONDS)
    click(model, b, 8)
    assert clicks.reached == ["b"]


def test_a_click_on_a_held_row_reaches_its_session() -> None:
    clicks = Clicks()
    model = open_model(*clicks.rows("ab"))
    a, _ = ids(model)
    model.update(clicks.rows("b"), 1)
    click(model, a, 2)
    assert clicks.reached == ["a"]


def test_a_click_closes_the_menu() -> None:
    clicks = Clicks()
    model = open_model(*clicks.rows("a"))
    model.update(clicks.rows("b"), 1)
    model.clicked(ids(model)[0], 2)
    assert model.settle(2 + CLOSED_HOLD_SECONDS).layout


def test_a_click_on_text_asks_for_nothing() -> None:
    model = open_model(LINE)
    assert model.clicked(ids(model)[0], 0) is None
    assert model.clicked(12345, 0) is None


KEYS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
HAPPENINGS: st.SearchStrategy[tuple[str, list[str]]] = st.one_of(
    KEYS.map(lambda keys: ("update", keys)),
    st.sampled_from([("opened", []), ("closed", []), ("show", []), ("later", []), ("gone", [])]),
)


@given(st.lists(HAPPENINGS, max_size=30))
def test_whatever_happens_a_click_means_what_was_read(happenings: list[tuple[str, list[str]]]) -> None:
    """A label that was ever read with an id keeps its meaning, and an id its kind."""
    clicks = Clicks()
    model = MenuModel()
    now = 0.0
    read: dict[int, str] = {}
    kinds: dict[int, str] = {}
    for happening, keys in happenings:
        now += 0.5
        match happening:
            case "update":
                below = clicks.rows(keys[4:])
                more = [Entry("more", Kind.SUBMENU, "More", children=tuple(below))] if below else []
                model.update([*clicks.rows(keys[:4]), *more, LINE, clicks.row("quit")], now)
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
        click(model, row_id, now)
        assert clicks.reached[-1] == key
