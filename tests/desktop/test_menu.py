"""The menu's lines as pystray's items."""

import pytest

from claude_session_status.desktop.menu import gone_text, pystray_items
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.model import Activity
from claude_session_status.view import Command, MenuItem, menu
from desktop.fakes import snapshot, state


def test_each_line_becomes_an_item_and_a_click_brings_back_the_line() -> None:
    lines = menu(snapshot(state("a"), state("b", activity=Activity.WAITING)))
    clicked: list[MenuItem] = []
    items = pystray_items(lines, clicked.append)
    assert [getattr(item, "key", None) for item in items] == ["session:a", "session:b", None, "show-table", "quit"]
    assert items[2] is Menu.SEPARATOR
    items[1](None)
    Menu(*items)(None)  # the default, as a left click on the icon does it
    assert [line.key for line in clicked] == ["session:b", "show-table"]


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


@pytest.mark.parametrize(
    ("title", "expected"),
    [(None, "× a   ended"), ("Fix it", "× a · Fix it   ended"), ("three   spaces", "× a · three   spaces   ended")],
)
def test_what_the_line_of_a_session_says_when_the_session_has_gone(title: str | None, expected: str) -> None:
    line = menu(snapshot(state("a", title=title)))[0]
    assert gone_text(line) == expected


def test_other_lines_have_no_farewell() -> None:
    assert gone_text(MenuItem("quit", "Quit", Command.QUIT)) is None
