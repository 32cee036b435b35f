"""The menu's items as pystray's items."""

from claude_session_status.desktop.menu import pystray_menu
from claude_session_status.desktop.pystray_base import Menu
from claude_session_status.menu_items import MenuItem, MuteSessions, Quit
from claude_session_status.model import Activity
from claude_session_status.view import menu
from desktop.fakes import snapshot, state

QUIT = MenuItem("quit", "Quit", Quit())


def test_each_item_becomes_a_pystray_item_and_a_click_passes_the_item() -> None:
    items = menu(snapshot(state("a"), state("b", activity=Activity.WAITING)))
    clicked: list[MenuItem] = []
    printed = pystray_menu(lambda: items, clicked.append)
    lines = list(printed)
    assert [getattr(line, "key", None) for line in lines] == [
        "session:a", "session:b", None, "pause", "show-table", "about", "quit",
    ]  # fmt: skip
    assert lines[2] is Menu.SEPARATOR
    list(lines[1].submenu)[-1](None)
    printed(None)  # the default item, as a left click on the icon calls it
    assert [item.key for item in clicked] == ["session:b:forget", "show-table"]


def test_the_menu_is_read_again_each_time_it_is_iterated() -> None:
    items = [QUIT]
    printed = pystray_menu(lambda: items, print)
    assert [line.text for line in printed] == ["Quit"]
    items[0] = MenuItem("quit", "Leave", Quit())
    assert [line.text for line in printed] == ["Leave"]


def test_text_can_not_be_clicked() -> None:
    clicked: list[MenuItem] = []
    (line,) = pystray_menu(lambda: [MenuItem("empty", "No running sessions")], clicked.append)
    line(None)
    assert not line.enabled
    assert clicked == []


def test_an_item_with_children_is_a_submenu() -> None:
    clicked: list[MenuItem] = []
    (line,) = pystray_menu(lambda: [MenuItem("more", "More", children=(QUIT,))], clicked.append)
    assert [inner.key for inner in line.submenu] == ["quit"]
    line(None)  # opens it
    assert clicked == []


def test_check_marks_and_radio_buttons_are_kept() -> None:
    mute = MenuItem("mute", "Mute", MuteSessions(("a",)), checked=False)
    off = MenuItem("off", "Off", Quit(), checked=True, radio=True)
    lines = list(pystray_menu(lambda: [QUIT, mute, off], print))
    assert [(line.checked, line.radio) for line in lines] == [(None, False), (False, False), (True, True)]
