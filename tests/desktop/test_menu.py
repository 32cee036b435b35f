"""The menu's lines as pystray's items."""

from claude_session_status.desktop.menu import MenuPrinter
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.model import Activity
from claude_session_status.view import Command, MenuItem, menu
from desktop.fakes import snapshot, state


def test_each_line_becomes_an_item_and_a_click_brings_back_the_line() -> None:
    lines = menu(snapshot(state("a"), state("b", activity=Activity.WAITING)))
    clicked: list[MenuItem] = []
    items = MenuPrinter(clicked.append).items(lines)
    assert [getattr(item, "key", None) for item in items] == [
        "session:a", "session:b", None, "pause", "show-table", "about", "quit",
    ]  # fmt: skip
    assert items[2] is Menu.SEPARATOR
    list(items[1].submenu)[-1](None)
    Menu(*items)(None)  # the default, as a left click on the icon does it
    assert [line.key for line in clicked] == ["session:b:forget", "show-table"]


def test_mere_text_can_not_be_clicked() -> None:
    clicked: list[MenuItem] = []
    (item,) = MenuPrinter(clicked.append).items([MenuItem("empty", "No running sessions")])
    item(None)
    assert not item.enabled
    assert clicked == []


def test_a_line_with_lines_below_is_a_submenu() -> None:
    below = MenuItem("inner", "Inner", Command.QUIT)
    (item,) = MenuPrinter(print).items([MenuItem("more", "More", children=(below,))])
    assert [inner.key for inner in item.submenu] == ["inner"]
    item(None)  # opens; nothing is performed


def test_check_marks_and_farewells_go_along() -> None:
    plain, mark, choice = MenuPrinter(print).items(
        [
            MenuItem("quit", "Quit", Command.QUIT),
            MenuItem("mute", "Mute", Command.MUTE, checked=False, gone_label="gone"),
            MenuItem("off", "Off", Command.PAUSE_OFF, checked=True, radio=True),
        ]
    )
    assert [(i.checked, i.radio, i.gone_label) for i in (plain, mark, choice)] == [
        (None, False, None),
        (False, False, "gone"),
        (True, True, None),
    ]


def test_only_what_changed_is_made_anew() -> None:
    def lines(countdown: str, model: str) -> list[MenuItem]:
        below = (MenuItem("a:model", model), MenuItem("a:forget", "Forget", Command.FORGET))
        return [MenuItem("a", countdown, children=below), MenuItem("quit", "Quit", Command.QUIT)]

    printer = MenuPrinter(print)
    before = printer.items(lines("9s", "Model: one"))
    ticked = printer.items(lines("8s", "Model: one"))
    assert [item.text for item in ticked] == ["8s", "Quit"]
    assert ticked[0].submenu is before[0].submenu
    assert ticked[1] is before[1]
    switched = printer.items(lines("8s", "Model: two"))
    assert [item.text for item in switched[0].submenu] == ["Model: two", "Forget"]
    assert list(switched[0].submenu)[1] is list(before[0].submenu)[1]
    assert printer.items([]) == ()
