"""Forged environments: whatever a session's variables hold, only its own terminal is touched."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_session_status.desktop.go import linux
from claude_session_status.desktop.go.outcome import Reached
from claude_session_status.desktop.go.window import Window
from desktop.go.go_fakes import CLIENT, FOREIGN, TERMINAL, FakeEdge, FakeManager, here

UUID = "0b7f3c52-1111-2222-3333-444455556666"
NASTY = ("", "0", "-1", "%0;kill-server", "$(reboot)", "`id`", "../../x", "--", "-X", "a\nb", "\x1b]2;x\x07", "é" * 300)

pids = st.sampled_from([str(CLIENT), str(TERMINAL), str(FOREIGN), "0", "999999999", "99999999999999"])
numbers = st.integers(0, 99).map(str)
paths = st.sampled_from(["/tmp/forged", "/run/user/0/bus", "/etc/passwd", "@kitty", "/tmp/a b", "/dev/pts/0"])
services = st.sampled_from([":1.1", ":1.99", "org.kde.konsole", "org.kde.konsole-1", "org.freedesktop.DBus"])
forged = st.fixed_dictionaries(
    {},
    optional={
        "TMUX": st.tuples(paths, pids, numbers).map(",".join) | st.sampled_from(NASTY),
        "TMUX_PANE": numbers.map("%{}".format) | st.sampled_from(NASTY),
        "STY": st.tuples(st.just(str(FOREIGN)), st.sampled_from(["pts-0.host", "a b", ""])).map(".".join)
        | st.sampled_from(NASTY),
        "WINDOW": numbers | st.sampled_from(NASTY),
        "ZELLIJ_SESSION_NAME": st.sampled_from(["main", *NASTY]),
        "ZELLIJ_PANE_ID": numbers | st.sampled_from(NASTY),
        "KITTY_WINDOW_ID": numbers | st.sampled_from(NASTY),
        "KITTY_PID": pids | st.sampled_from(NASTY),
        "KITTY_LISTEN_ON": paths.map("unix:{}".format) | st.sampled_from(["tcp:127.0.0.1:1", *NASTY]),
        "KONSOLE_DBUS_SERVICE": services | st.sampled_from(NASTY),
        "KONSOLE_DBUS_SESSION": numbers.map("/Sessions/{}".format) | st.sampled_from(NASTY),
        "KONSOLE_DBUS_WINDOW": numbers.map("/Windows/{}".format) | st.sampled_from(NASTY),
        "GNOME_TERMINAL_SERVICE": services | st.sampled_from(NASTY),
        "GNOME_TERMINAL_SCREEN": st.just("/org/gnome/Terminal/screen/" + UUID.replace("-", "_"))
        | st.sampled_from(NASTY),
        "TILIX_ID": st.just(UUID) | st.sampled_from(NASTY),
        "WEZTERM_PANE": numbers | st.sampled_from(NASTY),
        "WEZTERM_UNIX_SOCKET": paths | st.sampled_from(NASTY),
        "GHOSTTY_SURFACE_ID": st.integers(0, 2**64 - 1).map(hex) | st.sampled_from(NASTY),
        "TERM_PROGRAM": st.sampled_from(["vscode", "iTerm.app", *NASTY]),
        "WINDOWID": numbers | st.sampled_from(NASTY),
    },
)


@settings(max_examples=1000)
@given(environ=forged, window=numbers)
def test_a_thousand_forged_environments_are_ignored(environ: dict[str, str], window: str) -> None:
    """All that they name is served by processes that are no ancestors of the session."""
    edge = FakeEdge(anybody=FOREIGN)
    manager = FakeManager(Window("own", TERMINAL), Window(window, FOREIGN), named=window)
    # KITTY_PID may name an ancestor: without a socket there is nothing to say to it.
    assert linux.reach(here(environ), edge, manager).reached in (Reached.SESSION, Reached.WINDOW)
    assert manager.activated == ["own"]
    assert not edge.acted


GENUINE = {
    "tmux": {"TMUX": f"/tmp/forged,{TERMINAL},0", "TMUX_PANE": "%1"},
    "kitty": {"KITTY_PID": str(TERMINAL), "KITTY_WINDOW_ID": "1", "KITTY_LISTEN_ON": "unix:/tmp/forged"},
    "konsole": {
        "KONSOLE_DBUS_SERVICE": ":1.1",
        "KONSOLE_DBUS_SESSION": "/Sessions/1",
        "KONSOLE_DBUS_WINDOW": "/Windows/1",
    },
    "gnome-terminal": {
        "GNOME_TERMINAL_SERVICE": ":1.1",
        "GNOME_TERMINAL_SCREEN": "/org/gnome/Terminal/screen/" + UUID.replace("-", "_"),
    },
    "tilix": {"TILIX_ID": UUID},
    "wezterm": {"WEZTERM_PANE": "1", "WEZTERM_UNIX_SOCKET": "/tmp/forged"},
    "ghostty": {"GHOSTTY_SURFACE_ID": "0x1f"},
}


@pytest.mark.parametrize("terminal", GENUINE)
def test_the_same_values_are_used_when_the_sessions_own_terminal_is_behind_them(terminal: str) -> None:
    """Otherwise the test above would prove nothing."""
    for behind, is_used in ((TERMINAL, True), (FOREIGN, False)):
        edge = FakeEdge(anybody=behind)
        linux.reach(here(GENUINE[terminal]), edge, FakeManager(Window("own", TERMINAL)))
        assert edge.acted == is_used, (terminal, behind)


def test_a_window_that_claims_our_terminals_id_is_not_enough_to_be_named() -> None:
    """WINDOWID names another program's window: the terminal's own is raised."""
    manager = FakeManager(Window("own", TERMINAL), Window("7", FOREIGN), named="7")
    linux.reach(here({"WINDOWID": "7"}), FakeEdge(), manager)
    assert manager.activated == ["own"]


def test_screen_of_another_parent_is_ignored() -> None:
    edge = FakeEdge()
    linux.reach(here({"STY": f"{FOREIGN}.{uuid.uuid4()}", "WINDOW": "1"}), edge, FakeManager(Window("own", TERMINAL)))
    assert not edge.acted
