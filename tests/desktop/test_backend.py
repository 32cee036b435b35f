"""How the icon is shown, from the facts about the desktop."""

import pytest

from claude_session_status.desktop.backend import Choice, DesktopFacts, Route, choose, gather

SNI = Route.STATUS_NOTIFIER


@pytest.mark.parametrize(
    ("facts", "route", "x11_fallback"),
    [
        (DesktopFacts("win32"), Route.WINDOWS, False),
        (DesktopFacts("darwin"), Route.MACOS, False),
        (DesktopFacts("linux", bus=True, watcher=True, host=True, x_named=True), SNI, True),
        (DesktopFacts("linux", bus=True, watcher=True, host=True, wayland=True), SNI, False),
        (DesktopFacts("linux", bus=True, watcher=True, host=True), SNI, False),
        (DesktopFacts("linux", bus=True, watcher=True, x_named=True, x_display=True), SNI, True),
        (DesktopFacts("linux", bus=True, watcher=True, x_named=True), SNI, False),
        (DesktopFacts("linux", bus=True, watcher=True), SNI, False),
        (DesktopFacts("linux", bus=True, x_named=True, x_display=True), SNI, True),
        (DesktopFacts("linux", bus=True, wayland=True), SNI, False),
        (DesktopFacts("linux", x_named=True, x_display=True), Route.X11, False),
        (DesktopFacts("linux", wayland=True), Route.NONE, False),
        (DesktopFacts("linux", bus=True, x_named=True), Route.NONE, False),
        (DesktopFacts("linux", bus=True), Route.NONE, False),
        (DesktopFacts("linux"), Route.NONE, False),
    ],
)
def test_the_choice(facts: DesktopFacts, route: Route, x11_fallback: bool) -> None:
    choice = choose(facts)
    assert (choice.route, choice.x11_fallback) == (route, x11_fallback)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (DesktopFacts("linux"), "no graphical display"),
        (DesktopFacts("linux", x_named=True), "DISPLAY"),
        (DesktopFacts("linux", wayland=True), "D-Bus"),
        (DesktopFacts("linux", bus=True, wayland=True), "No panel"),
        (DesktopFacts("linux", bus=True, watcher=True, wayland=True), "no panel shows them"),
        (DesktopFacts("linux", x_named=True, x_display=True), "no menu"),
    ],
)
def test_a_limit_is_described_in_one_line(facts: DesktopFacts, words: str) -> None:
    reason = choose(facts).reason
    assert words in reason
    assert "\n" not in reason


def test_the_best_route_needs_no_reason() -> None:
    assert choose(DesktopFacts("linux", bus=True, watcher=True, host=True)) == Choice(SNI)


def test_an_empty_environment_offers_nothing() -> None:
    assert gather({}, "linux") == DesktopFacts("linux")


def test_a_display_that_does_not_exist_is_named_but_not_open() -> None:
    environ = {"DISPLAY": ":64999", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
    assert gather(environ, "linux") == DesktopFacts("linux", x_named=True)


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_on_other_platforms_nothing_is_gathered(platform: str) -> None:
    assert gather({"DISPLAY": ":64999"}, platform) == DesktopFacts(platform)
