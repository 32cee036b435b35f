"""The macOS icon with a stand-in for AppKit that follows the SDK: its logic runs here. It has not been run on a Mac."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from claude_session_status import glance, menu_items
from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.menu import pystray_menu
from claude_session_status.desktop.pystray_base import Menu, MenuItem
from claude_session_status.model import Urgency
from macos import fake_appkit

SOON = glance.IconSpec(Urgency.SOON, 8)
PATIENCE = 10.0


def line(key: str, label: str, *, children: Sequence[menu_items.MenuItem] = ()) -> menu_items.MenuItem:
    return menu_items.MenuItem(key, label, menu_items.ShowTable(), children=tuple(children))


QUIT = menu_items.MenuItem("quit", "Quit", menu_items.Quit())
SEPARATOR = menu_items.MenuItem("separator", separator=True)


class Shown:
    """An icon in the menu bar, changed from another thread as the tray does it."""

    def __init__(self) -> None:
        from claude_session_status.desktop.macos import MacIcon

        self.items: tuple[menu_items.MenuItem, ...] = (line("a", "● a   9s"), line("b", "● b   8s"), SEPARATOR, QUIT)
        self.clicked: list[str] = []
        menu = pystray_menu(lambda: self.items, lambda item: self.clicked.append(item.key))
        self.terminated = 0
        self.icon: Any = MacIcon("test", IconPainter(), title="a title", menu=menu, on_terminate=self._terminate)
        self.status_item = fake_appkit.the_bar[0]._items[0]
        self._failure: BaseException | None = None

    def run(self, *steps: Callable[[], object]) -> None:
        """Run the icon in this thread; take each step in another and let the main thread catch up with it."""

        def work(icon: Any) -> None:
            try:
                icon.show_spec(glance.IconSpec())
                icon.visible = True
                for step in steps:
                    self.catch_up()
                    step()
                self.catch_up()
            except BaseException as failure:
                self._failure = failure
            finally:
                icon.stop()

        self.icon.run(work)
        if self._failure is not None:
            raise self._failure

    def _terminate(self) -> None:
        self.terminated += 1

    def catch_up(self) -> None:
        done = threading.Event()
        fake_appkit.call_after(done.set)
        assert done.wait(PATIENCE)

    def menu(self) -> fake_appkit.NSMenu:
        menu = self.status_item._menu
        assert menu is not None
        return menu

    def labels(self) -> list[str]:
        return [item._title for item in self.menu()._items]

    def show(self, *items: menu_items.MenuItem) -> None:
        self.items = items
        self.icon.update_menu()
        self.catch_up()

    def click(self, menu: fake_appkit.NSMenu, position: int) -> None:
        """What AppKit does at a click on an item of that menu, also of one that was replaced while it is open."""
        item = menu._items[position]
        fake_appkit.call_after(item._click)
        self.catch_up()


@pytest.fixture
def shown() -> Iterator[Shown]:
    """An icon. Whatever a test does with it, AppKit may be used only in the main thread."""
    with fake_appkit.installed():
        yield Shown()
        assert fake_appkit.violations == []


def test_the_fake_detects_a_call_outside_the_main_thread() -> None:
    """pystray's own icon, changed from another thread as the monitor does, would fail the tests below."""
    with fake_appkit.installed():
        from pystray._darwin import Icon

        icon = Icon("test", IconPainter().image(SOON, 64), "a title", Menu(MenuItem("Quit", None)))
        changing = threading.Thread(target=icon.update_menu, name="monitor")
        changing.start()
        changing.join()
        assert "NSStatusItem.setMenu_ in monitor" in fake_appkit.violations


def test_every_change_from_another_thread_reaches_the_menu_bar(shown: Shown) -> None:
    def change() -> None:
        shown.icon.title = "another"
        shown.icon.show_spec(SOON)
        shown.icon.run_pending_signals()

    def look() -> None:
        button = shown.status_item._button
        assert (button._hidden, button._tip) == (False, "another")
        assert button._image is not None
        assert button._image._pixels.tobytes() == IconPainter().image(SOON, 44).tobytes()
        shown.icon.visible = False

    shown.run(change, look, lambda: None)
    assert shown.status_item._button._hidden


def test_the_image_has_two_pixels_a_point(shown: Shown) -> None:
    shown.run()
    image = shown.status_item._button._image
    assert image is not None
    assert (image._pixels.size, image._size) == ((44, 44), (22, 22))
    assert image._template is False  # macOS would draw a template in one colour


def test_it_has_no_dock_icon_and_leaves_the_menu_bar_at_its_end(shown: Shown) -> None:
    shown.run()
    assert fake_appkit.the_app[0]._policy == 1
    assert fake_appkit.the_bar[0]._items == []
    assert not shown.icon.visible  # or pystray would hide it once more when it is collected


def test_macos_remembers_where_the_user_put_the_icon(shown: Shown) -> None:
    assert shown.status_item._autosave_name == "test"


def test_app_nap_stays_off_while_it_runs(shown: Shown) -> None:
    activities: list[Any] = []
    shown.run(lambda: activities.extend(fake_appkit.the_process[0]._activities))
    ((options, reason, _),) = activities
    user_initiated, idle_system_sleep_disabled = 0xFF_FFFF, 1 << 20
    assert options == user_initiated & ~idle_system_sleep_disabled  # the Mac itself may sleep
    assert reason
    assert fake_appkit.the_process[0]._activities == []


def test_logout_ends_the_monitor_before_macos_ends_the_process(shown: Shown) -> None:
    with pytest.raises(fake_appkit.ProcessEnded):
        shown.run(lambda: fake_appkit.call_after(fake_appkit.the_app[0].terminate_, None))
    assert shown.terminated == 1


def test_an_error_in_the_main_thread_is_logged_and_ends_nothing(
    shown: Shown, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("no image")

    def change() -> None:
        monkeypatch.setattr(shown.icon, "_assert_image", fail)
        shown.icon.show_spec(SOON)
        shown.catch_up()
        monkeypatch.undo()
        shown.icon.title = "still there"

    shown.run(change)
    assert shown.status_item._button._tip == "still there"
    assert "no image" in caplog.text


def test_a_menu_shows_what_is_checked_grey_and_chosen_by_a_click(shown: Shown) -> None:
    items = (
        menu_items.MenuItem("on", "On", menu_items.ShowTable(), checked=True),
        menu_items.MenuItem("off", "Off", menu_items.ShowTable(), checked=False),
        menu_items.MenuItem("grey", "Grey"),
        menu_items.MenuItem("usual", "Usual", menu_items.ShowTable(), default=True),
    )

    def look() -> None:
        shown.show(*items)
        assert [(item._title, item._state, item._enabled, item._bold) for item in shown.menu()._items] == [
            ("On", 1, True, False), ("Off", 0, True, False), ("Grey", 0, False, False), ("Usual", 0, True, True),
        ]  # fmt: skip

    shown.run(look)


def test_labels_change_in_the_open_menu(shown: Shown) -> None:
    def count_down() -> None:
        before = shown.menu()
        assert shown.labels() == ["● a   9s", "● b   8s", "", "Quit"]
        shown.show(line("a", "● a   7s"), line("b", "● b   6s"), SEPARATOR, QUIT)
        assert shown.menu() is before
        assert shown.labels() == ["● a   7s", "● b   6s", "", "Quit"]

    shown.run(count_down)


def test_labels_change_in_submenus_too(shown: Shown) -> None:
    def count_down() -> None:
        shown.show(line("more", "More", children=[line("c", "● c   5s")]), QUIT)
        before = shown.menu()
        shown.show(line("more", "More (1)", children=[line("c", "● c   4s")]), QUIT)
        assert shown.menu() is before
        below = before._items[0]._submenu
        assert below is not None
        assert (before._items[0]._title, below._items[0]._title) == ("More (1)", "● c   4s")
        shown.click(below, 0)

    shown.run(count_down)
    assert shown.clicked == ["c"]


def test_a_click_in_a_menu_that_was_replaced_while_open_does_what_it_said(shown: Shown) -> None:
    def overtake() -> None:
        opened = shown.menu()
        shown.show(line("new", "● new   1s"), line("b", "● b   7s"), line("a", "● a   8s"), SEPARATOR, QUIT)
        assert shown.menu() is not opened
        shown.show(line("b", "● b   6s"), SEPARATOR, QUIT)
        shown.click(opened, 0)
        shown.click(opened, 1)
        shown.click(opened, 3)
        shown.click(shown.menu(), 0)

    shown.run(overtake)
    assert shown.clicked == ["a", "b", "quit", "b"]


def test_old_menus_are_dropped(shown: Shown) -> None:
    def change_often() -> None:
        opened = shown.menu()
        for number in range(1000):
            shown.show(line(f"s{number}", "●"), SEPARATOR, QUIT)
        shown.click(opened, 0)
        shown.click(shown.menu(), 0)

    shown.run(change_often)
    assert shown.clicked == ["s999"]
    assert len(shown.icon._actions._kept) <= 1000


def test_it_ends_from_any_thread_at_once(shown: Shown) -> None:
    began = threading.Event()
    ending = threading.Thread(target=lambda: began.wait(PATIENCE) and shown.icon.stop(), name="end")
    ending.start()
    shown.icon.run(lambda _icon: began.set())
    ending.join(PATIENCE)
    assert not ending.is_alive()


def test_pending_signals_run_in_the_main_thread(shown: Shown) -> None:
    """Or a SIGTERM would wait for the next click: AppKit's loop runs no Python by itself."""
    before: list[int] = []

    def run_pending() -> None:
        before.append(fake_appkit.the_app[0]._tasks.qsize())
        shown.icon.run_pending_signals()
        deadline = time.monotonic() + PATIENCE
        while fake_appkit.the_app[0]._tasks.qsize() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert fake_appkit.the_app[0]._tasks.qsize() == 0

    shown.run(run_pending)
