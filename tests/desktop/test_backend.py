"""How the icon is shown, from the facts about the desktop."""

import subprocess
from pathlib import Path

import pytest

from claude_session_status.desktop.backend import Choice, DesktopFacts, Route, choose, gather, is_aqua, is_wsl

SNI = Route.STATUS_NOTIFIER


@pytest.mark.parametrize(
    ("facts", "route", "x11_fallback"),
    [
        (DesktopFacts("win32"), Route.WINDOWS, False),
        (DesktopFacts("darwin"), Route.MACOS, False),
        (DesktopFacts("darwin", aqua=False), Route.NONE, False),
        (DesktopFacts("linux", wsl=True, bus=True, x_named=True, x_display=True, wayland=True), Route.NONE, False),
        (DesktopFacts("linux", wsl=True, bus=True, watcher=True, host=True, x_named=True), SNI, True),
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
def test_the_facts_choose_the_route(facts: DesktopFacts, route: Route, x11_fallback: bool) -> None:
    choice = choose(facts)
    assert (choice.route, choice.x11_fallback) == (route, x11_fallback)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (DesktopFacts("linux"), "No graphical display found"),
        (DesktopFacts("linux", x_named=True), "DISPLAY"),
        (DesktopFacts("linux", wayland=True), "D-Bus"),
        (DesktopFacts("darwin", aqua=False), "SSH"),
        (DesktopFacts("linux", wsl=True, wayland=True), "WSL shows no tray icons"),
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


def test_on_windows_nothing_is_gathered() -> None:
    assert gather({"DISPLAY": ":64999"}, "win32") == DesktopFacts("win32")


@pytest.mark.parametrize(
    ("answer", "aqua"),
    [
        ("Aqua\n", True),
        ("Background\n", False),  # over SSH
        ("StandardIO\n", False),
        ("System\n", False),
        ("", True),
        (FileNotFoundError(), True),
        (subprocess.TimeoutExpired("launchctl", 5), True),
    ],
)
def test_on_macos_launchd_says_whether_there_is_a_menu_bar(answer: str | Exception, aqua: bool) -> None:
    def launchctl(argv: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        assert argv == ["launchctl", "managername"]
        if isinstance(answer, Exception):
            raise answer
        return subprocess.CompletedProcess(argv, 0, answer, "")

    assert is_aqua(launchctl) is aqua


@pytest.mark.parametrize(
    ("environ", "release", "wsl"),
    [
        ({"WSL_DISTRO_NAME": "Debian"}, "6.1.0", True),
        ({}, "5.15.167.4-microsoft-standard-WSL2\n", True),
        ({}, "4.4.0-19041-Microsoft\n", True),
        ({}, "6.1.0-25-amd64\n", False),
        ({"WSL_DISTRO_NAME": ""}, None, False),
    ],
)
def test_wsl_is_known_by_its_variable_or_its_kernel(
    environ: dict[str, str], release: str | None, wsl: bool, tmp_path: Path
) -> None:
    path = tmp_path / "osrelease"
    if release is not None:
        path.write_text(release)
    assert is_wsl(environ, str(path)) is wsl
