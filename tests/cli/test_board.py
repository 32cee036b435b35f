"""Keys, and what they do to the table, as values."""

from dataclasses import replace

import pytest

from claude_session_status import words
from claude_session_status.cli import board, table
from claude_session_status.cli.board import Action, Board, CopyResumeCommand, GoToSession, OpenFolder, Order, SetMuted
from claude_session_status.cli.keys import Key, decode
from claude_session_status.cli.watch import frame
from claude_session_status.menu_items import ShowHistory
from claude_session_status.model import Snapshot
from fakes import NOW
from rows import ENDED, make, shot

A = make("apple", 10, last_turn_at=NOW - 10)
B = make("Banana", 200, last_turn_at=NOW - 20)
C = make("cherry", 900, last_turn_at=NOW - 5)
GONE = make("avocado", 20, last_turn_at=NOW - 1, **ENDED)
FOUR = shot(A, B, C, GONE)


def names(snapshot: Snapshot) -> list[str]:
    return [s.session.session_id for s in snapshot.sessions]


@pytest.mark.parametrize(
    ("typed", "keys", "rest"),
    [
        (b"", [], b""),
        (b"q", [Key.QUIT], b""),
        (b"moscq", [Key.MUTE, Key.OPEN, Key.SORT, Key.COPY, Key.QUIT], b""),
        (b"jk", [Key.KEEP_WARM], b""),
        (b"\x1b[A\x1b[B", [Key.UP, Key.DOWN], b""),
        (b"\x1bOA\x1bOB", [Key.UP, Key.DOWN], b""),
        (b"\xe0H\xe0P", [Key.UP, Key.DOWN], b""),
        (b"\x1b[5~\x1b[6~\xe0I\xe0Q", [Key.PAGE_UP, Key.PAGE_DOWN] * 2, b""),
        (b"\x1b[H\x1b[F\x1bOH\x1bOF\x1b[1~\x1b[4~\xe0G\xe0O", [Key.FIRST, Key.LAST] * 4, b""),
        (b"xQ7 ", [], b""),
        (b"\r\n", [Key.GO, Key.GO], b""),
        (b"\x1b", [], b"\x1b"),
        (b"\x1b[", [], b"\x1b["),
        (b"s\x1b[1;5", [Key.SORT], b"\x1b[1;5"),
        (b"\x1b[1;5A", [], b""),  # Ctrl and an arrow: no key of ours, and neither is its last letter
        (b"\x1b[3~q", [Key.QUIT], b""),
        (b"\x1b[200~mocs\x1b[201~", [Key.MUTE, Key.OPEN, Key.COPY, Key.SORT], b""),
        (b"\x1bq", [], b""),  # Alt and q
        (b"\x1b\x1b[Bq", [Key.DOWN, Key.QUIT], b""),  # Esc, and then an arrow
        (b"\xe0", [], b"\xe0"),
        ("é".encode(), [], b""),
    ],
)
def test_typed_bytes_are_decoded_into_keys(typed: bytes, keys: list[Key], rest: bytes) -> None:
    assert decode(typed) == (keys, rest)


def test_a_key_whose_bytes_arrive_one_by_one_is_decoded() -> None:
    keys, rest = [], b""
    for byte in b"\x1b[A\x1bOBq":
        found, rest = decode(rest + bytes([byte]))
        keys += found
    assert (keys, rest) == ([Key.UP, Key.DOWN, Key.QUIT], b"")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.EXPIRY, ["Banana", "apple", "cherry", "avocado"]),
        (Order.PROJECT, ["apple", "Banana", "cherry", "avocado"]),
        (Order.TURN, ["cherry", "apple", "Banana", "avocado"]),
    ],
)
def test_each_order_puts_ended_sessions_last(order: Order, expected: list[str]) -> None:
    assert names(board.arrange(Board(order), FOUR)) == expected


def test_s_switches_to_the_next_order() -> None:
    state, orders = Board(), []
    for _ in Order:
        state, _ = board.press(state, Key.SORT, FOUR)
        orders.append(state.order)
    assert orders == [Order.PROJECT, Order.TURN, Order.EXPIRY]


@pytest.mark.parametrize(
    ("chosen", "key", "then"),
    [
        (None, Key.DOWN, "Banana"),
        (None, Key.UP, "avocado"),
        ("Banana", Key.DOWN, "apple"),
        ("apple", Key.UP, "Banana"),
        ("Banana", Key.UP, "Banana"),
        ("avocado", Key.DOWN, "avocado"),
        ("no longer there", Key.DOWN, "Banana"),
    ],
)
def test_arrows_choose_a_session(chosen: str | None, key: Key, then: str) -> None:
    assert board.press(Board(chosen=chosen), key, FOUR) == (Board(chosen=then), None)


def test_arrows_follow_the_order_on_the_screen() -> None:
    assert board.press(Board(Order.PROJECT, "apple"), Key.DOWN, FOUR)[0].chosen == "Banana"


def test_the_choice_stays_with_its_session_when_rows_move() -> None:
    """The table is sorted again each second: the choice is a session, not a line."""
    state = Board(chosen="apple")
    later = shot(make("apple", 299), B, C)
    assert names(board.arrange(state, later))[0] == "apple"
    found = board.chosen(state, later)
    assert found is not None
    assert found.session.session_id == "apple"


def test_arrows_do_nothing_in_an_empty_table() -> None:
    assert board.press(Board(), Key.DOWN, shot()) == (Board(), None)


@pytest.mark.parametrize(
    ("key", "action"),
    [
        (Key.GO, GoToSession(FOUR.sessions[1].session)),
        (Key.MUTE, SetMuted("apple", "apple", muted=True)),
        (Key.OPEN, OpenFolder("apple", None)),
        (Key.COPY, CopyResumeCommand("apple", None)),
    ],
)
def test_a_key_acts_on_the_chosen_session(key: Key, action: Action) -> None:
    assert board.press(Board(chosen="apple"), key, FOUR) == (Board(chosen="apple"), action)
    for chosen in (None, "no longer there"):
        state, none = board.press(Board(chosen=chosen), key, FOUR)
        assert (state.message, none) == (board.NOTHING_CHOSEN, None)


def test_an_action_carries_what_the_session_is_at_that_moment() -> None:
    shown = shot(make("apple", 10, project="my-app", cwd="/x", muted=True))
    actions = [board.press(Board(chosen="apple"), key, shown)[1] for key in (Key.MUTE, Key.OPEN, Key.COPY)]
    assert actions == [
        SetMuted("apple", "my-app", muted=False),
        OpenFolder("my-app", "/x"),
        CopyResumeCommand("apple", "/x"),
    ]


def test_an_action_on_another_machines_session_carries_its_host_and_its_own_id() -> None:
    there = replace(make("build/0b7f", project="my-app", cwd="/x"), host="build")
    actions = [board.press(Board(chosen="build/0b7f"), k, shot(there))[1] for k in (Key.MUTE, Key.OPEN, Key.COPY)]
    assert actions == [
        SetMuted("build/0b7f", "build: my-app", muted=True),
        OpenFolder("build: my-app", "/x", "build"),
        CopyResumeCommand("0b7f", "/x", "build"),
    ]


def test_the_foot_shows_a_message_until_the_next_key_and_then_the_keys() -> None:
    state = Board(message="Copied")
    assert board.foot(state, 60, has_actions=True) == "Copied"
    state, _ = board.press(state, Key.DOWN, FOUR)
    assert board.foot(state, 120, has_actions=True).startswith(
        "↑↓ choose  Enter go to it  m mute  k keep warm  o folder  c copy command"
    )
    assert board.foot(state, 100, has_actions=False) == "↑↓ choose  s sort: expiry  ? help  q quit"


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("width", [40, 50, 60, 80, 84, 200])
def test_the_foot_fits_and_says_how_to_quit(order: Order, width: int) -> None:
    for has_actions in (True, False):
        line = board.foot(Board(order), width, has_actions=has_actions)
        assert len(line) <= width
        assert line.endswith("q quit")


def test_the_head_says_what_matters_and_when_not_all_sessions_are_shown() -> None:
    assert board.head(FOUR, FOUR) == "2 warm, next 1:40 Banana"
    some = board.visible(Board(), FOUR, 2)
    assert board.head(FOUR, some) == "2 warm, next 1:40 Banana · 2 of 4 sessions, the arrows show more"


def test_a_question_mark_shows_the_legend_until_the_next_key() -> None:
    shown, action = board.press(Board(chosen="apple"), Key.HELP, FOUR)
    assert (shown, action) == (Board(chosen="apple", shows_legend=True), None)
    assert board.foot(shown, 60, has_actions=True) == "? back to the table  q quit"
    assert board.press(shown, Key.MUTE, FOUR) == (Board(chosen="apple"), None)


def test_the_history_needs_no_chosen_session() -> None:
    assert board.press(Board(), Key.HISTORY, FOUR) == (Board(), ShowHistory())


def test_the_legend_explains_every_sign_and_every_key_that_is_a_letter() -> None:
    explained = {sign for sign, _ in board.LEGEND}
    states = [make("a"), make("b", 400), make("c", **ENDED)]
    signs = {words.state_sign(state) for state in shot(*states).sessions} | {"▶", "?"}
    letters = {key.value for key in Key if len(key.value) == 1 and key is not Key.HELP}
    assert signs | letters <= explained


def test_the_whole_legend_fits_a_terminal_of_24_lines_and_of_21() -> None:
    for height in (24, 21):
        drawn = [table.plain(line) for line in frame(Board(shows_legend=True), FOUR, 80, height)]
        assert len(drawn) <= height
        assert [line for line in drawn if line.startswith("q ")]


@pytest.mark.parametrize(
    ("chosen", "rows", "expected"),
    [
        (None, 9, ["Banana", "apple", "cherry", "avocado"]),
        (None, 2, ["Banana", "apple"]),
        ("apple", 2, ["Banana", "apple"]),
        ("cherry", 2, ["apple", "cherry"]),
        ("avocado", 2, ["cherry", "avocado"]),
        ("cherry", 1, ["cherry"]),
        ("cherry", 0, ["cherry"]),
        (None, -1, ["Banana"]),
    ],
)
def test_the_chosen_session_is_always_on_the_screen(chosen: str | None, rows: int, expected: list[str]) -> None:
    assert names(board.visible(Board(chosen=chosen), FOUR, rows)) == expected


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ([Key.PAGE_DOWN], "s09"),
        ([Key.FIRST], "s00"),
        ([Key.LAST], "s29"),
        ([Key.PAGE_UP], "s20"),
        ([Key.DOWN, Key.PAGE_DOWN], "s10"),
        ([Key.DOWN, *[Key.PAGE_DOWN] * 5], "s29"),
        ([Key.LAST, Key.PAGE_UP], "s19"),
        ([Key.LAST, Key.FIRST, Key.PAGE_UP], "s00"),
    ],
)
def test_page_keys_move_ten_rows_and_home_and_end_go_to_the_ends(keys: list[Key], chosen: str) -> None:
    state, many = Board(), shot(*(make(f"s{n:02}", 200 - n) for n in range(30)))
    for key in keys:
        state, _ = board.press(state, key, many)
    assert state.chosen == chosen
