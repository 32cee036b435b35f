"""The tray on a real XFCE panel: what a person sees there, and what their clicks do."""

import re
import signal
from pathlib import Path

import pytest

from claude_session_status.desktop.icon import PAINTS
from claude_session_status.model import Urgency
from claude_session_status.words import NO_COUNTDOWN, THIN_SPACE
from desktop.app import FakeApp, session
from desktop.harness import Desktop, Item, Program
from desktop.person import Person
from desktop.programs import RecordingTerminal
from waiting import wait_for

pytestmark = pytest.mark.desktop

CALM = session("calm", 280)
SOON = session("soon", 100)
LAST = session("last", 29)
COMMANDS = ("Pause", "Settings", "Show table in a terminal", "Check set-up", "About", "Quit")
TIME = len(f"{NO_COUNTDOWN} ")
COLOURS = {urgency: paint.left[:3] for urgency, paint in PAINTS.items()}


def open_menu(desktop: Desktop, urgency: Urgency = Urgency.SOON, button: int = 3) -> None:
    x, y = wait_for("the icon's colour on the panel", lambda: desktop.find_colour(COLOURS[urgency]))
    desktop.click(x, y, button)


def wait_labels(item: Item, *beginnings: str) -> None:
    """Wait until the menu's lines begin like this, sessions behind their countdowns."""

    def look() -> bool:
        labels = item.labels()
        return len(labels) == len(beginnings) and all(
            b in (a[: len(b)], a[TIME:][: len(b)]) for a, b in zip(labels, beginnings, strict=True)
        )

    wait_for(f"a menu like {beginnings}", look)


@pytest.mark.parametrize(
    ("shown", "urgency"), [([CALM], Urgency.CALM), ([SOON, CALM], Urgency.SOON), ([CALM, LAST], Urgency.LAST), ([], 0)]
)
def test_the_screen_shows_the_colour_of_the_soonest_expiry(
    desktop: Desktop, panel: Program, app: FakeApp, shown: list[dict[str, object]], urgency: Urgency
) -> None:
    app.start(*shown)
    desktop.item()
    wait_for("the colour", lambda: desktop.find_colour(COLOURS[Urgency(urgency)]))
    assert all(desktop.find_colour(COLOURS[u]) is None for u in COLOURS if u not in (urgency, Urgency.NONE))


def test_the_menu_lists_sessions_soonest_first(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(session("web_app", 250, title="New navigation"), session("api", 100, activity="waiting"))
    item = desktop.item()
    wait_labels(item, f"{THIN_SPACE}?{THIN_SPACE} api   waits for you", "● web_app · New navigation", *COMMANDS)
    assert item.get("Title") == "claude-session-status"
    assert item.get("IconAccessibleDesc") == item.get("ToolTip")[2]
    assert re.fullmatch(
        r"Claude Code: 1 waits for you, 2 warm, next: api at \d\d:\d\d:\d\d", item.get("IconAccessibleDesc")
    )


def test_an_open_menu_counts_down_and_keeps_its_rows(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(SOON, CALM)
    item = desktop.item()
    wait_labels(item, "● soon", "● calm", *COMMANDS)
    before = item.menu()
    open_menu(desktop)
    wait_for("a moved countdown", lambda: item.menu()[0].label != before[0].label)
    app.show(session("new", 20), CALM)
    wait_labels(item, "× soon   ended", "● calm", *COMMANDS)
    assert [line.id for line in item.menu()] == [line.id for line in before]
    # The pixels: the row's place on the open menu still is `calm`'s.
    desktop.run("xdotool", "key", "Down", "Down", "Right")
    wait_for("the submenu", lambda: f"opened {before[1].id}" in app.program.text)
    desktop.run("xdotool", "key", "Down", "Return")  # below what can be copied
    app.wait_clicked("session:calm:mute")
    wait_labels(item, "● new", "● calm", *COMMANDS)
    assert item.line("calm").id == before[1].id
    assert item.line("calm").label.endswith("   muted")


@pytest.mark.parametrize("line", ["Mute this session", "Forget this session"])
def test_a_click_reaches_the_session_whose_name_stood_on_the_line(
    line: str, desktop: Desktop, panel: Program, app: FakeApp
) -> None:
    """Sessions overtake each other, end and appear while the menu, and then its submenu, is open."""
    app.start(session("a", 100), session("b", 200), session("c", 250))
    item = desktop.item()
    wait_labels(item, "● a", "● b", "● c", *COMMANDS)
    row = item.menu()[1]
    open_menu(desktop)
    wait_for("the announcement", lambda: "about to show 0" in app.program.text)
    place = wait_for("the second line on the screen", lambda: menu_line_place(desktop, 1))
    app.show(session("new", 20), session("c", 90), session("b", 110), session("a", 290))
    wait_labels(item, "● a", "● b", "● c", *COMMANDS)
    desktop.click(*place)
    wait_for("the submenu", lambda: f"opened {row.id}" in app.program.text)
    lines = [below.label for below in row.children if below.kind != "separator"]
    at = wait_for(
        "it on the screen",
        lambda: menu_line_place(desktop, lines.index(line), separators=2 * line.startswith("Forget"), submenu=True),
    )
    app.show(session("newer", 10), session("new", 15), session("c", 60), session("a", 290))
    wait_labels(item, "● a", "× b   ended", "● c", *COMMANDS)
    desktop.click(*at)
    action = "mute" if line.startswith("Mute") else "forget"
    app.wait_clicked(f"session:b:{action}")
    if action == "mute":  # the other one comes a minute later
        wait_for("the request", lambda: f"request: {action} b" in app.program.text)
    assert app.clicked() == [f"session:b:{action}"]
    wait_labels(item, "● newer", "● new", "● c", "● a", *COMMANDS)


def test_an_open_submenu_counts_down(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(session("a", 100, tokens=1000), CALM)
    item = desktop.item()
    wait_labels(item, "● a", "● calm", *COMMANDS)
    row = item.menu()[0]
    open_menu(desktop)
    desktop.click(*wait_for("the first line on the screen", lambda: menu_line_place(desktop, 0)))
    wait_for("the submenu", lambda: f"opened {row.id}" in app.program.text)
    app.show(session("a", 300, tokens=142_000, cost=0.68), CALM)
    wait_for("new facts", lambda: item.menu()[0].children[9].label == "Context: 142k tokens")
    facts = item.menu()[0].children
    assert [below.id for below in facts] == [below.id for below in row.children]
    assert facts[10].label == "If it expires: about $0.68 to rebuild"


def test_a_left_click_shows_the_table_in_a_terminal(
    desktop: Desktop, panel: Program, app: FakeApp, tmp_path: Path
) -> None:
    terminal = RecordingTerminal(tmp_path)
    app.start(SOON, table=("the", "table"), TERMINAL=str(terminal.program))
    desktop.item()
    open_menu(desktop, button=1)
    assert wait_for("the terminal", terminal.arguments) == "-e the table\n"


def test_quit_ends_it(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(SOON)
    item = desktop.item()
    item.click("Quit")
    assert app.ended() == 0
    wait_for("no icon", lambda: not desktop.items())


def test_quit_by_the_mouse_ends_it(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(SOON)
    wait_labels(desktop.item(), "● soon", *COMMANDS)
    open_menu(desktop)
    place = wait_for("the last line on the screen", lambda: menu_line_place(desktop, len(COMMANDS), separators=1))
    desktop.click(*place)
    assert app.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(desktop: Desktop, panel: Program, app: FakeApp, number: signal.Signals) -> None:
    app.start(SOON)
    desktop.item()
    assert app.signal(number) == 0


def test_a_five_minute_cache_is_kept_warm_after_a_second_confirmation(
    desktop: Desktop, panel: Program, app: FakeApp
) -> None:
    app.start(session("alpha", 250, cost=0.68, keep=True))
    desktop.item()
    person = Person(desktop)
    submenu = person.open_submenu(person.open_menu().place("alpha"), "Mute")
    choices = person.open_submenu(submenu.place("Keep"), "hours")
    asked = person.open_submenu(choices.place("hours"), "pings")
    asked.wait_line(r"15 pings an hour, about \$0\.43 an hour in place of \$0\.68: keep it warm")
    desktop.click(*asked.place("pings"))
    wait_for("the request", lambda: "request: keep warm three hours alpha True" in app.program.text)


def test_a_notification_comes_and_goes(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    desktop.start_dunst()
    app.start(session("web", 29, title="New <b>navigation</b>"))
    desktop.item()
    app.send(alert="web")
    wait_for("the notification", lambda: "1" in desktop.run("dunstctl", "count", "displayed"))
    app.send(alert="web")  # again: replaced, not stacked
    app.show(session("web", 300))  # a new turn
    wait_for("no notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "0")
    history = desktop.run("dunstctl", "history")
    assert re.search(r"web: cache expires at \d\d:\d\d:\d\d", history)
    assert "New &lt;b&gt;navigation&lt;/b&gt;" in history


@pytest.mark.parametrize(
    ("label", "requests"),
    [("Mute", ["request: mute web", "request: mute api"]), ("Pause 1 h", ["request: pause hour"])],
)
def test_a_button_on_a_notification_reaches_the_tray(
    label: str, requests: list[str], desktop: Desktop, panel: Program, app: FakeApp
) -> None:
    menu = desktop.root / "menu"  # dunst asks a program of the person's choice which action is meant
    menu.write_text(f'#!/bin/sh\ngrep -F "{label}"\n')
    menu.chmod(0o755)
    (desktop.config / "dunst/dunstrc").write_text(f"[global]\n dmenu = {menu}\n")
    desktop.start_dunst()
    app.start(session("web", 29, tokens=142_000), session("api", 31))
    item = desktop.item()
    app.send(alert="web api")
    wait_for("the notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "1")
    desktop.run("dunstctl", "context")
    for request in requests:
        wait_for(request, lambda: request in app.program.text)  # noqa: B023 - called within the loop
    wait_for("no notification", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "0")
    if label == "Mute":
        wait_for("two muted lines", lambda: sum(text.endswith("   muted") for text in item.labels()) == 2)
    else:
        wait_for("the pause in the menu", lambda: any("Notifications paused until" in t for t in item.labels()))


def test_without_a_notification_service_the_tray_goes_on(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(LAST)
    item = desktop.item()
    app.send(alert="last")
    wait_for("a log line", lambda: "unavailable" in app.program.text)
    wait_labels(item, "● last", *COMMANDS)


def test_a_failed_click_is_reported_on_two_lines(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(SOON, PATH=str(desktop.root))  # no terminal there
    item = desktop.item()
    wait_labels(item, "● soon", *COMMANDS)
    item.click("Show table")
    wait_labels(item, "No terminal program was found", "Set TERMINAL to your terminal program", "● soon", *COMMANDS)


def test_a_panel_that_restarts_gets_the_icon_back(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(SOON)
    desktop.item()
    wait_for("the colour", lambda: desktop.find_colour(COLOURS[Urgency.SOON]))
    panel.end(signal.SIGKILL)
    wait_for("no colour", lambda: not desktop.find_colour(COLOURS[Urgency.SOON]))
    desktop.start_panel()
    wait_labels(desktop.item(), "● soon", *COMMANDS)
    wait_for("the colour", lambda: desktop.find_colour(COLOURS[Urgency.SOON]))


def test_a_panel_that_starts_late_gets_the_icon(desktop: Desktop, app: FakeApp) -> None:
    app.start(SOON)
    wait_for("a word on the missing panel", lambda: "No panel takes tray icons yet" in app.program.text)
    desktop.start_panel()
    wait_labels(desktop.item(), "● soon", *COMMANDS)
    wait_for("the colour", lambda: desktop.find_colour(COLOURS[Urgency.SOON]))


def test_a_broken_monitor_is_reported_in_the_menu(desktop: Desktop, panel: Program, app: FakeApp) -> None:
    app.start(SOON)
    item = desktop.item()
    wait_labels(item, "● soon", *COMMANDS)
    app.may_stumble = True
    app.send(**{"break": "disk full"})
    wait_labels(item, "Not watching at the moment: OSError: disk full", "● soon", *COMMANDS)


def menu_line_place(
    desktop: Desktop, line: int, separators: int = 0, *, submenu: bool = False
) -> tuple[int, int] | None:
    """The place of a line of the open menu: the large window right below the panel; a submenu is left of it."""
    menus = []
    for window in desktop.run("xdotool", "search", "--onlyvisible", "--name", ".*").split():
        text = desktop.run("xdotool", "getwindowgeometry", "--shell", window)
        place = {key: int(value) for key, _, value in (row.partition("=") for row in text.split()) if value.isdigit()}
        if 20 <= place.get("Y", 0) <= 90 and 60 < place["HEIGHT"] < 400:
            menus.append((place["X"], place["Y"]))
    if len(menus) < 1 + submenu:
        return None
    x, y = sorted(menus)[0 if submenu else -1]
    return x + 60, y + 16 + 25 * line + 2 * separators
