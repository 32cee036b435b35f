"""The tray on real desktops of seven kinds: what a person sees there, and what their clicks do.

Each desktop is started once, and all that is done there is done with the mouse and read from the screen. Which ones:
the environment variable DESKTOPS, such as `xfce,lxqt`; else all, those skipped that are not installed.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from claude_session_status.desktop.linux.menu_model import CLOSED_HOLD_SECONDS
from claude_session_status.model import Urgency
from desktop.app import FakeApp, session
from desktop.desktops.every import chosen
from desktop.harness import Desktop, Item, why_not
from desktop.person import COLOURS, Person
from desktop.programs import RecordingTerminal
from waiting import wait_for

pytestmark = pytest.mark.desktop

ALPHA = session("alpha", 100)
BRAVO = session("bravo", 200)
HOTEL = session("hotel", 250)
DOUBLE_CLICK_SECONDS = 0.6  # two clicks on the icon within this time are one double click on GNOME
SHIFT = 3  # pixels by which a line may seem to have moved: OCR draws its boxes a bit differently each time


@pytest.fixture(scope="session", params=chosen(os.environ), ids=lambda kind: kind.name)
def seat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desktop]:
    """A desktop with its panel and its notification service, shared by all tests here."""
    kind: type[Desktop] = request.param
    if reason := why_not(kind):
        pytest.skip(reason)
    with kind(tmp_path_factory.mktemp(kind.name)) as desktop:
        desktop.start_panel()
        desktop.start_notifier()
        yield desktop


@pytest.fixture
def person(seat: Desktop) -> Iterator[Person]:
    person = Person(seat)
    yield person
    person.click_elsewhere()  # whatever a failed test has left open


@pytest.fixture
def tray(seat: Desktop) -> Iterator[FakeApp]:
    with FakeApp(seat) as app:
        yield app
    wait_for("no icon", lambda: not [item.name for item in seat.items()])


def wait_labels(item: Item, *parts: str) -> None:
    """Wait until the first lines of the menu that the panel gets contain these patterns."""

    def look() -> bool:
        return all(re.search(part, label) for part, label in zip(parts, item.labels(), strict=False))

    wait_for(f"a menu with {parts}", look)


def test_the_icon_has_the_colour_of_the_soonest(seat: Desktop, person: Person, tray: FakeApp) -> None:
    tray.start(BRAVO, HOTEL)
    person.look_away()
    place = person.see_icon(Urgency.CALM)
    wait_for("CALM alone", lambda: person.colours_at(place) == {Urgency.CALM})
    for sessions, urgency in [([HOTEL, ALPHA], Urgency.SOON), ([session("lima", 29)], Urgency.LAST)]:
        tray.show(*sessions)
        wait_for(f"{urgency.name} alone", lambda: person.colours_at(place) == {urgency})  # noqa: B023  # used before it changes
    tray.show(session("kilo", -5))
    wait_for("a hollow grey ring", lambda: person.colours_at(place) == {Urgency.NONE})
    tray.show(session("kilo", 250, activity="waiting"))
    x, y = place
    white = (255, 255, 255)
    wait_for("the dot", lambda: seat.screen.find_colour(white, (x - 3, y - 3, x + 4, y + 4), tolerance=40, least=4))


def test_the_tooltip_names_the_next(seat: Desktop, person: Person, tray: FakeApp) -> None:
    tray.start(HOTEL, BRAVO)
    place = person.see_icon()
    item = seat.item()
    if not seat.tooltips:
        assert item.get("IconAccessibleDesc").startswith("Claude Code: ")
        return
    for name in ("bravo", "alpha"):
        wait_for("the title", lambda: f"next: {name} at " in item.get("IconAccessibleDesc"))  # noqa: B023  # as above
        tooltip = person.hover(place)
        tooltip.wait_text(rf"warm, next:?.{name} at.\d\d:\d\d:\d\d")
        person.look_away()
        tooltip.wait_gone("Claude")
        tray.show(HOTEL, ALPHA)


def test_an_open_menu_counts_down(seat: Desktop, person: Person, tray: FakeApp) -> None:
    tray.start(ALPHA, BRAVO, HOTEL)
    wait_labels(seat.item(), "alpha", "bravo", "hotel")
    menu = person.open_menu()
    places = menu.places(["alpha", "bravo", "hotel", "Pause", "Settings", "Show", "Check", "About", "Quit"])
    assert sorted(places.values(), key=lambda place: place[1]) == list(places.values())
    before = menu.seconds_left("bravo")
    wait_for("the countdown to go on", lambda: menu.seconds_left("bravo") < before)
    person.click_elsewhere()
    menu.wait_gone("Quit")


def test_the_first_and_the_tenth_opening_show_the_sessions_sorted(seat: Desktop, person: Person, tray: FakeApp) -> None:
    """GNOME's extension once held the first rows, and never moved one."""
    names = ["alpha", "bravo", "hotel"]
    tray.start()
    item = seat.item()
    for turn in range(10):
        names = [*names[1:], names[0]] if turn % 2 else names[::-1]
        tray.show(*(session(name, left) for name, left in zip(names, (59, 150, 240), strict=True)))
        if turn in (0, 9):
            # Its row may wait for the next opening, its label does not.
            wait_for("the countdown", lambda: re.search(f"0:5. ● {names[0]}", " ".join(item.labels())))  # noqa: B023  # used before it changes
            menu = person.open_menu()
            wait_for("them sorted", lambda: _from_top(menu.places([*names, "Pause"])) == [*names, "Pause"])  # noqa: B023  # as above
            person.click_elsewhere()
            menu.wait_gone("Quit")
            time.sleep(1.5 * CLOSED_HOLD_SECONDS)
        else:
            opened = tray.openings()
            seat.click(*person.see_icon(), seat.menu_button)
            wait_for("the menu", lambda: tray.openings() > opened)  # noqa: B023  # as above
            person.click_elsewhere()
            time.sleep(DOUBLE_CLICK_SECONDS)


def _from_top(places: Mapping[str, tuple[int, int]]) -> list[str]:
    return sorted(places, key=lambda name: places[name][1])


@pytest.mark.parametrize("action", ["mute", "forget"])
def test_a_click_reaches_the_session_whose_name_was_read(
    seat: Desktop, person: Person, tray: FakeApp, action: str
) -> None:
    tray.start(ALPHA, BRAVO, HOTEL)
    item = seat.item()
    wait_labels(item, "alpha", "bravo", "hotel")
    menu = person.open_menu()
    read = menu.places(["alpha", "bravo", "hotel"])
    # One comes, one goes, one overtakes: the lines say so, and stay where they are.
    tray.show(session("lima", 40), session("hotel", 60), session("alpha", 290))
    wait_labels(item, "alpha", "bravo   ended", "hotel", "Pause")
    menu.wait_line("bravo.ended")
    for name, (_, y) in menu.places(["alpha", "bravo", "hotel"]).items():
        assert abs(y - read[name][1]) <= SHIFT, name
    submenu = person.open_submenu(read["hotel"], "Mute")
    place = submenu.place(action.capitalize())
    # And once more, while the submenu is open: now its own session goes, and its neighbour comes back.
    tray.show(session("lima", 35), session("alpha", 280), session("bravo", 285))
    wait_labels(item, "alpha", "bravo", "hotel   ended", "Pause")
    seat.click(*place)
    tray.wait_clicked(f"session:hotel:{action}")
    if action == "mute":  # the other one comes a minute later
        tray.wait_request("mute hotel")
    assert tray.clicked() == [f"session:hotel:{action}"]
    # The next time it is opened, it is up to date.
    wait_labels(item, "lima", "alpha", "bravo", "Pause")
    places = person.open_menu().places(["lima", "alpha", "bravo"])
    assert places["lima"][1] < places["alpha"][1] < places["bravo"][1]


def test_a_submenu_of_a_submenu_acts(seat: Desktop, person: Person, tray: FakeApp) -> None:
    calm = [session(f"calm{letter}", 250 + n) for n, letter in enumerate("abcdefghijkm")]
    tray.start(*calm, session("papa", 290), session("romeo", 295))
    item = seat.item()
    wait_for("the line", lambda: any("More (2)" in label for label in item.labels()))
    more = person.open_submenu(person.open_menu().place("More"), "romeo")
    submenu = person.open_submenu(more.place("romeo"), "Mute")
    tray.show(*calm, session("romeo", 280), session("papa", 299))
    seat.click(*submenu.place("Mute"))
    tray.wait_request("mute romeo")


def test_a_left_click_is_the_default_action_or_opens_the_menu(
    seat: Desktop, person: Person, tray: FakeApp, tmp_path: Path
) -> None:
    terminal = RecordingTerminal(tmp_path)
    tray.start(ALPHA, table=("the", "table"), TERMINAL=str(terminal.program))
    wait_labels(seat.item(), "alpha", "Pause", "Settings", "Show")
    if seat.left_click_acts:
        person.look_away()
        seat.click(*person.see_icon(), 1)
    else:
        seat.click(*person.open_menu(button=1).place("Show"))
    assert wait_for("the terminal", terminal.arguments) == "-e the table\n"


def test_a_notification_comes_once_and_goes(seat: Desktop, person: Person, tray: FakeApp) -> None:
    tray.start(session("alpha", 29, title="New navigation"))
    seat.item()
    person.see_icon(Urgency.LAST)
    person.look_away()
    before = seat.screenshot()
    tray.send(alert="alpha")
    note = person.see_notification(before, "expires")
    note.wait_text(r"expires at \d\d:\d\d:\d\d .*New navigation\. Reply in time")
    tray.show(session("alpha", 29, title="New navigation", tokens=61_000))
    tray.send(alert="alpha")
    note.wait_text("61k tokens")
    assert person.count(before, "expires") == 1  # in the first one's place, not beside it
    tray.show(session("alpha", 300))  # a new turn
    wait_for("none", lambda: person.count(before, "expires") == 0)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Go", "request: go to alpha\n"),
        ("Mute", "request: mute alpha\n"),
    ],
)
def test_a_button_on_a_notification_acts(
    seat: Desktop, person: Person, tray: FakeApp, label: str, expected: str
) -> None:
    tray.start(session("alpha", 29, title="New navigation", tokens=142_000, window=True))
    seat.item()
    person.see_icon(Urgency.LAST)
    person.look_away()
    before = seat.screenshot()
    tray.send(alert="alpha")
    person.press_button(before, label)
    wait_for(expected, lambda: expected in tray.program.text)
    wait_for("none", lambda: person.count(before, "expires") == 0)


def test_a_click_on_a_notification_goes_to_its_session(seat: Desktop, person: Person, tray: FakeApp) -> None:
    tray.start(session("alpha", 200, title="New navigation", activity="waiting", window=True))
    seat.item()
    person.look_away()
    before = seat.screenshot()
    tray.send(wait="alpha")
    seat.click(*person.see_notification(before, "navigation").place("navigation"), 1)
    if seat.notification_click_acts:
        tray.wait_request("go to alpha")
    else:
        tray.show(session("alpha", 200))  # answered
    wait_for("none", lambda: person.count(before, "navigation") == 0)


def test_quit_ends_it(seat: Desktop, person: Person, tray: FakeApp) -> None:
    tray.start(ALPHA)
    wait_labels(seat.item(), "alpha", "Pause", "Settings", "Show", "Check", "About", "Quit")
    seat.click(*person.open_menu().place("Quit"))
    assert tray.ended() == 0


def test_a_panel_that_restarts_gets_the_icon_back(seat: Desktop, person: Person, tray: FakeApp) -> None:
    tray.start(ALPHA)
    person.look_away()
    person.see_icon(Urgency.SOON)
    seat.end_panel()
    wait_for("no colour", lambda: not seat.find_colour(COLOURS[Urgency.SOON]))
    seat.start_panel()
    person.see_icon(Urgency.SOON)
    wait_labels(seat.item(), "alpha", "Pause")
    # A shell that has only just come up lets go of the first menu.
    person.open_submenu(person.open_menu(tries=2).place("alpha"), "Mute")
