"""macOS and Windows: what would be called there, as data."""

import pytest

from claude_session_status.desktop.go import macos, windows
from claude_session_status.desktop.go.outcome import Reached
from claude_session_status.desktop.go.place import Ancestor, Place
from claude_session_status.desktop.go.window import Window

ITERM = "w0t1p0:0B7F3C52-1111-2222-3333-444455556666"
CHAIN = (
    Ancestor(3, "claude.exe"),
    Ancestor(2, "pwsh.exe"),
    Ancestor(1, "WindowsTerminal.exe"),
    Ancestor(9, "explorer.exe"),
)


@pytest.mark.parametrize(
    ("environ", "call"),
    [
        (
            {"TERM_PROGRAM": "iTerm.app", "ITERM_SESSION_ID": ITERM},
            macos.Call(("open", f"iterm2:reveal?sessionid={ITERM}"), Reached.SESSION),
        ),
        ({"TERM_PROGRAM": "iTerm.app", "ITERM_SESSION_ID": "w0t0p0:x&y"}, None),
        (
            {"TERM_PROGRAM": "Apple_Terminal"},
            macos.Call(("osascript", "-e", macos.SELECT_TAB, "/dev/ttys004"), Reached.SESSION),
        ),
        (
            {"__CFBundleIdentifier": "com.mitchellh.ghostty"},
            macos.Call(("open", "-b", "com.mitchellh.ghostty"), Reached.WINDOW),
        ),
        ({"__CFBundleIdentifier": "--args"}, None),
        ({}, None),
    ],
)
def test_a_terminal_on_macos_is_called_by_its_own_name_for_the_tab(
    environ: dict[str, str], call: macos.Call | None
) -> None:
    assert macos.call_for(Place(CHAIN, environ, "/dev/ttys004")) == call


def test_the_device_is_an_argument_of_the_script_and_must_be_one() -> None:
    assert macos.call_for(Place(CHAIN, {"TERM_PROGRAM": "Apple_Terminal"}, '/dev/ttys004" & do')) is None


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([Window("10", 1), Window("11", 9)], "10"),
        ([Window("10", 1), Window("12", 1, is_active=True), Window("13", 1)], "12"),
        ([Window("11", 9)], None),  # the desktop's own
        ([Window("14", 77)], None),
    ],
)
def test_the_window_on_windows_is_the_nearest_ancestors(shown: list[Window], found: str | None) -> None:
    window = windows.window_of(Place(CHAIN), shown)
    assert (window.id if window else None) == found
