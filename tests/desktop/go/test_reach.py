"""How far going to a session gets, and what it says: with a made-up window manager and terminals."""

import pytest

from claude_session_status.desktop.go import gnome_terminal, kitty, linux, urls, vscode
from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.gnome_shell import GnomeShell
from claude_session_status.desktop.go.hyprland import Hyprland
from claude_session_status.desktop.go.niri import Niri
from claude_session_status.desktop.go.outcome import Reached
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.sway import Sway
from claude_session_status.desktop.go.window import Window, WindowManager
from desktop.go.go_fakes import FOREIGN, TERMINAL, FakeEdge, FakeManager, here

OWN = Window("7", TERMINAL)
TMUX = {"TMUX": f"/tmp/s,{TERMINAL},0", "TMUX_PANE": "%3"}
GNOME = {
    "GNOME_TERMINAL_SERVICE": ":1.5",
    "GNOME_TERMINAL_SCREEN": "/org/gnome/Terminal/screen/0b7f3c52_1111_2222_3333_444455556666",
}
KITTY = {"KITTY_PID": str(TERMINAL), "KITTY_WINDOW_ID": "4", "KITTY_LISTEN_ON": "unix:@k"}
OK = b'\x1bP@kitty-cmd{"ok": true}\x1b\\'


def tmux(clients: str = "") -> FakeEdge:
    return FakeEdge(served={"/tmp/s": TERMINAL}, printed={"display-message": "$1", "list-clients": clients})


@pytest.mark.parametrize(
    ("place", "edge", "manager", "reached", "says"),
    [
        (here(), FakeEdge(), FakeManager(OWN), Reached.SESSION, ""),
        (here(), FakeEdge(), FakeManager(OWN, refuses=True), Reached.NOTHING, "fake has refused"),
        (here(), FakeEdge(), FakeManager(Window("1", FOREIGN)), Reached.NOTHING, "No window of the session's"),
        (here(), FakeEdge(), None, Reached.NOTHING, "No graphical display found"),
        (here(TMUX), tmux(), FakeManager(OWN), Reached.DETACHED, "tmux, which no terminal shows"),
        (here(TMUX), tmux(f"$1 5 {TERMINAL} t"), FakeManager(OWN), Reached.SESSION, ""),
        (here(TMUX), tmux(f"$1 5 {TERMINAL} t"), None, Reached.PANE, "No display here shows its window"),
        (here(KITTY), FakeEdge(served={"@k": TERMINAL}, socket_reply=OK), FakeManager(OWN), Reached.SESSION, ""),
        (here(), FakeEdge(), GnomeShell(), Reached.NOTHING, "GNOME on Wayland lets no program raise"),
        (here(GNOME), FakeEdge(names={":1.5": TERMINAL}), GnomeShell(), Reached.NOTHING, gnome_terminal.ADVICE),
    ],
)
def test_what_is_reached_and_said(
    place: Place, edge: FakeEdge, manager: WindowManager | None, reached: Reached, says: str
) -> None:
    outcome = linux.reach(place, edge, manager)
    assert outcome.reached is reached
    assert says in f"{outcome.sentence}. {outcome.next_step}"
    assert (outcome.sentence == "") == (reached is Reached.SESSION)


def test_gnome_terminal_on_wayland_is_raised_with_the_desktops_permission_and_not_without() -> None:
    for token, reached in (("token-1", Reached.SESSION), (None, Reached.PANE)):
        edge = FakeEdge(names={":1.5": TERMINAL}, replies={"ActivateResult": ()})
        assert linux.reach(here(GNOME), edge, GnomeShell(), token).reached is reached
        platform = [body[0] for _, member, body in edge.called if member == "Activate"]
        assert [p["desktop-startup-id"] for p in platform] == ([("s", token)] if token else [])


def test_the_pane_of_tmux_is_selected_and_the_client_that_shows_another_session_is_switched() -> None:
    edge = tmux(f"$2 9 {TERMINAL} /dev/pts/1\n$3 5 {FOREIGN} other")
    linux.reach(here(TMUX), edge, FakeManager(OWN))
    (last,) = [argv for argv in edge.ran if "select-pane" in argv]
    assert last[3:] == (
        *("select-window", "-t", "%3", ";", "select-pane", "-t", "%3", ";"),
        *("switch-client", "-c", "/dev/pts/1", "-t", "%3"),
    )


def test_a_detached_tmux_says_how_to_attach() -> None:
    outcome = linux.reach(here(TMUX), tmux(), FakeManager(OWN))
    assert outcome.attach == ("tmux", "-S", "/tmp/s", "attach-session", "-t", "$1")


def test_without_remote_control_kitty_says_what_would_reach_the_tab() -> None:
    two = FakeManager(OWN, Window("8", TERMINAL))
    outcome = linux.reach(here({**KITTY, "KITTY_LISTEN_ON": ""}), FakeEdge(), two)
    assert (outcome.reached, outcome.next_step) == (Reached.WINDOW, kitty.ADVICE)


@pytest.mark.parametrize(
    ("environ", "command", "member"),
    [
        ({"WEZTERM_PANE": "5", "WEZTERM_UNIX_SOCKET": "/tmp/w"}, ("--pane-id", "5"), None),
        ({"GHOSTTY_SURFACE_ID": "0xff"}, None, ("Activate", ("present-surface", [("t", 255)], {}))),
    ],
)
def test_terminals_that_do_not_run_here_are_asked_as_their_sources_say(
    environ: dict[str, str], command: tuple[str, ...] | None, member: tuple[str, object] | None
) -> None:
    edge = FakeEdge(anybody=TERMINAL)
    linux.reach(here(environ), edge, FakeManager(OWN))
    assert [argv[-2:] for argv in edge.ran] == ([command] if command else [])
    assert [call[1:] for call in edge.called] == ([member] if member else [])


# ---- window managers that do not run here -------------------------------------


def test_niri_lists_and_focuses_windows() -> None:
    listed = b'{"Ok":{"Windows":[{"id":3,"pid":42,"title":"x","is_focused":true},{"id":4,"pid":null}]}}\n'
    edge = FakeEdge(anybody=FOREIGN, socket_reply=listed)
    assert Niri(edge, "/s").windows() == (Window("3", 42, "x", is_active=True),)
    edge = FakeEdge(anybody=FOREIGN, socket_reply=b'{"Ok":"Handled"}\n')
    assert Niri(edge, "/s").activate(Window("3", 42))
    assert edge.sent == [b'{"Action": {"FocusWindow": {"id": 3}}}\n']


def test_hyprland_lists_and_focuses_windows_and_takes_nothing_but_an_address() -> None:
    listed = b'[{"address":"0x55d0","pid":42,"title":"x","focusHistoryID":1}]'
    assert Hyprland(FakeEdge(anybody=FOREIGN, socket_reply=listed), "/s").windows() == (Window("0x55d0", 42, "x"),)
    edge = FakeEdge(anybody=FOREIGN, socket_reply=b"ok")
    assert Hyprland(edge, "/s").activate(Window("0x55d0", 42))
    assert not Hyprland(edge, "/s").activate(Window("0x55d0; exec reboot", 42))
    assert edge.sent == [b"dispatch focuswindow address:0x55d0"]


@pytest.mark.parametrize("reply", [b"", b"{}", b"null", b"[1]", b"\xff", b"i3-ipc" + bytes(8), b'{"Ok":[]}'])
@pytest.mark.parametrize("kind", [Niri, Hyprland, Sway])
def test_an_odd_reply_of_a_compositor_lists_no_window(reply: bytes, kind: type[Niri | Hyprland | Sway]) -> None:
    assert not kind(FakeEdge(anybody=FOREIGN, socket_reply=reply), "/s").windows()


def test_an_unanswered_display_leaves_no_window_manager() -> None:
    edge = Edge({})
    for environ in ({}, {"DISPLAY": ":4242"}, {"DISPLAY": "nonsense"}):
        assert linux.window_manager(environ, edge) is None
    edge.close()


# ---- URLs --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        (vscode.session_url("0b7f3c52-1111-2222-3333-444455556666"), True),
        ("iterm2:reveal?sessionid=ABC", True),
        ("file:///etc/passwd", False),
        ("https://example.org", False),
        ("javascript:alert(1)", False),
        ("vscode://x y", False),
        ("vscode://x`id`", False),
        ("VSCODE://x", False),
        ("--help", False),
    ],
)
def test_only_urls_of_known_schemes_are_opened(url: str, is_allowed: bool) -> None:
    assert urls.is_allowed(url) == is_allowed
