"""Which claims of an environment are believed: values only."""

import pytest

from claude_session_status.desktop.go.multiplexers import ScreenClaim, TmuxClaim, screen_claim, tmux_claim, tmux_clients
from claude_session_status.desktop.go.place import Ancestor, Place

CLIENT, SHELL, TERMINATOR, OUTER_SHELL, XTERM = 50, 40, 30, 20, 10
CHAIN = tuple(
    Ancestor(pid, name)
    for pid, name in (
        (CLIENT, "claude"),
        (SHELL, "bash"),
        (TERMINATOR, "terminator"),
        (OUTER_SHELL, "bash"),
        (XTERM, "xterm"),
    )
)


def place(**environ: str) -> Place:
    return Place(CHAIN, environ)


@pytest.mark.parametrize(
    ("window_owners", "believed"),
    [
        ({TERMINATOR, XTERM}, {CLIENT, SHELL, TERMINATOR}),  # a terminator that was started from an xterm
        ({XTERM}, {CLIENT, SHELL, TERMINATOR, OUTER_SHELL, XTERM}),
        ({CLIENT}, {CLIENT}),
        ({99}, {CLIENT, SHELL, TERMINATOR, OUTER_SHELL, XTERM}),  # no window here: whatever is in the chain
        (set(), {CLIENT, SHELL, TERMINATOR, OUTER_SHELL, XTERM}),
    ],
)
def test_a_claim_counts_up_to_the_nearest_ancestor_that_owns_a_window(
    window_owners: set[int], believed: set[int]
) -> None:
    assert place().believed(window_owners) == believed


def test_where_windows_are_not_listed_an_ancestor_that_is_named_like_a_terminal_counts_as_an_owner() -> None:
    assert place().named_like_terminals() == {TERMINATOR, XTERM}
    assert place().believed(place().named_like_terminals()) == {CLIENT, SHELL, TERMINATOR}


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("42", 42), ("", None), ("-1", None), ("1 2", None), ("٣", None), ("9999999999", None), ("1\n", None)],
)
def test_a_number_is_nothing_but_digits(value: str, number: int | None) -> None:
    assert place(KITTY_PID=value).number("KITTY_PID") == number


@pytest.mark.parametrize(
    ("socket", "pane", "claim"),
    [
        ("/tmp/tmux-1000/default,123,0", "%5", TmuxClaim("/tmp/tmux-1000/default", 123, "%5")),
        ("/tmp/with space/s,123,0", "%5", TmuxClaim("/tmp/with space/s", 123, "%5")),
        ("relative,123,0", "%5", None),
        ("/tmp/a\nb,123,0", "%5", None),
        ("/tmp/x,123", "%5", None),
        ("/tmp/x,,0", "%5", None),
        ("/tmp/x,123,0", "5", None),
        ("/tmp/x,123,0", "%5;kill-server", None),
        ("/tmp/x,123,0", "-t", None),
        ("/" + "x" * 200 + ",123,0", "%5", None),  # longer than a socket's name can be
    ],
)
def test_what_tmux_sets_is_parsed_strictly(socket: str, pane: str, claim: TmuxClaim | None) -> None:
    assert tmux_claim(place(TMUX=socket, TMUX_PANE=pane)) == claim


@pytest.mark.parametrize(
    ("name", "window", "claim"),
    [
        ("123.pts-0.host", "2", ScreenClaim("123.pts-0.host", 123, "2")),
        ("123", "2", None),
        ("123.a b", "2", None),
        ("123.a", "2 -X quit", None),
        ("-X", "2", None),
        ("123.a\n", "2", None),
    ],
)
def test_what_screen_sets_is_parsed_strictly(name: str, window: str, claim: ScreenClaim | None) -> None:
    assert screen_claim(place(STY=name, WINDOW=window)) == claim


def test_the_clients_of_tmux_are_parsed_and_odd_lines_are_left_out() -> None:
    printed = "$0 1700000000 321 /dev/pts/3\nnonsense\n$1 1700000001 322 client-322\n$x 1 2 3"
    assert [(c.session, c.pid, c.name) for c in tmux_clients(printed)] == [
        ("$0", 321, "/dev/pts/3"),
        ("$1", 322, "client-322"),
    ]
