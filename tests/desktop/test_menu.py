"""The menu's lines as pystray's items."""

from claude_session_status.desktop.menu import pystray_items
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.model import Activity
from claude_session_status.view import Command, MenuItem, menu
from desktop.fakes import snapshot, state


def test_each_line_becomes_an_item_and_a_click_brings_back_the_line() -> None:
    lines = menu(snapshot(state("a"), state("b", activity=Activity.WAITING)))
    clicked: list[MenuItem] = []
    items = pystray_items(lines, clicked.append)
    assert [getattr(item, "key", None) for item in items] == [
        "session:a", "session:b", None, "pause", "show-table", "about", "quit",
    ]  # fmt: skip
    assert items[2] is Menu.SEPARATOR
    list(items[1].submenu)[-1](None)
    Menu(*items)(None)  # the default, as a left click on the icon does it
    assert [line.key for line in clicked] == ["session:b:forget", "show-table"]


def test_mere_text_can_not_be_clicked() -> None:
    clicked: list[MenuItem] = []
    (item,) = pystray_items([MenuItem("empty", "No running sessions")], clicked.append)
    item(None)
    assert not item.enabled
    assert clicked == []


def test_a_line_with_lines_below_is_a_submenu() -> None:
    below = MenuItem("inner", "Inner", Command.QUIT)
    (item,) = pystray_items([MenuItem("more", "More", children=(below,))], print)
    assert [inner.key for inner in item.submenu] == ["inner"]
    item(None)  # opens; nothing is performed


def test_check_marks_and_farewells_go_along() -> None:
    plain, mark, choice = pystray_items(
        [
            MenuItem("quit", "Quit", Command.QUIT),
            MenuItem("mute", "Mute", Command.MUTE, checked=False, gone_label="gone"),
            MenuItem("off", "Off", Command.PAUSE_OFF, checked=True, radio=True),
        ],
        print,
    )
    assert [(i.checked, i.radio, i.gone_label) for i in (plain, mark, choice)] == [
        (None, False, None),
        (False, False, "gone"),
        (True, True, None),
    ]
