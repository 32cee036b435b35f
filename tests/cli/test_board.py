"""Keys and what they do to the table, as values."""

import pytest

from claude_session_status.cli import board
from claude_session_status.cli.board import Board, Order, Wish
from claude_session_status.cli.keys import Key, decode
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
        (b"jk", [Key.DOWN, Key.UP], b""),
        (b"\x1b[A\x1b[B", [Key.UP, Key.DOWN], b""),
        (b"\x1bOA\x1bOB", [Key.UP, Key.DOWN], b""),
        (b"\xe0H\xe0P", [Key.UP, Key.DOWN], b""),
        (b"\x1b[5~\x1b[6~\xe0I\xe0Q", [Key.PAGE_UP, Key.PAGE_DOWN] * 2, b""),
        (b"\x1b[H\x1b[F\x1bOH\x1bOF\x1b[1~\x1b[4~\xe0G\xe0O", [Key.FIRST, Key.LAST] * 4, b""),
        (b"xQ7 \r\n", [], b""),
        (b"\x1b", [], b"\x1b"),
        (b"\x1b[", [], b"\x1b["),
        (b"s\x1b[1;5", [Key.SORT], b"\x1b[1;5"),
        (b"\x1b[1;5A", [], b""),  # Ctrl and an arrow: not ours, and neither is its last letter
        (b"\x1b[3~q", [Key.QUIT], b""),
        (b"\x1b[200~mocs\x1b[201~", [Key.MUTE, Key.OPEN, Key.COPY, Key.SORT], b""),
        (b"\x1bq", [], b""),  # Alt and q
        (b"\x1b\x1b[Bq", [Key.DOWN, Key.QUIT], b""),  # Esc, and then an arrow
        (b"\xe0", [], b"\xe0"),
        ("é".encode(), [], b""),
    ],
)
def test_what_is_typed(typed: bytes, keys: list[Key], rest: bytes) -> None:
    assert decode(typed) == (keys, rest)


def test_a_key_that_comes_in_pieces() -> None:
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
def test_orders_and_ended_ones_last(order: Order, expected: list[str]) -> None:
    assert names(board.arrange(Board(order), FOUR)) == expected


def test_s_goes_through_the_orders() -> None:
    state, orders = Board(), []
    for _ in Order:
        state, _wish = board.press(state, Key.SORT, FOUR)
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
def test_arrows_choose(chosen: str | None, key: Key, then: str) -> None:
    assert board.press(Board(chosen=chosen), key, FOUR) == (Board(chosen=then), None)


def test_arrows_follow_the_order_that_is_shown() -> None:
    assert board.press(Board(Order.PROJECT, "apple"), Key.DOWN, FOUR)[0].chosen == "Banana"


def test_the_choice_stays_with_its_session_when_rows_move() -> None:
    """The table is sorted anew each second: what is chosen is a session, not a line."""
    state = Board(chosen="apple")
    later = shot(make("apple", 299), B, C)
    assert names(board.arrange(state, later))[0] == "apple"
    found = board.chosen(state, later)
    assert found is not None
    assert found.session.session_id == "apple"


def test_arrows_in_an_empty_table() -> None:
    assert board.press(Board(), Key.DOWN, shot()) == (Board(), None)


@pytest.mark.parametrize(("key", "wish"), [(Key.MUTE, Wish.MUTE), (Key.OPEN, Wish.OPEN), (Key.COPY, Wish.COPY)])
def test_wishes_are_for_the_chosen_session(key: Key, wish: Wish) -> None:
    assert board.press(Board(chosen="apple"), key, FOUR) == (Board(chosen="apple"), wish)
    for chosen in (None, "no longer there"):
        state, wished = board.press(Board(chosen=chosen), key, FOUR)
        assert (state.message, wished) == (board.NOTHING_CHOSEN, None)


def test_the_foot_tells_the_keys_and_after_a_message_tells_them_again() -> None:
    state = Board(message="Copied")
    assert board.foot(state, 60, fulfils=True) == "Copied"
    state, _ = board.press(state, Key.DOWN, FOUR)
    assert board.foot(state, 100, fulfils=True).startswith("↑↓ choose  m mute  o open folder  c copy resume command")
    assert board.foot(state, 100, fulfils=False) == "↑↓ choose  s sort: expiry  q quit"


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("width", [40, 50, 60, 80, 84, 200])
def test_the_foot_fits_and_tells_how_to_quit(order: Order, width: int) -> None:
    for fulfils in (True, False):
        line = board.foot(Board(order), width, fulfils=fulfils)
        assert len(line) <= width
        assert line.endswith("q quit")


def test_the_head_tells_when_not_all_are_shown() -> None:
    assert board.head("name", FOUR, FOUR) == "name"
    assert board.head("name", FOUR, board.visible(Board(), FOUR, 2)) == "name · 2 of 4 sessions, the arrows show more"


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
def test_the_chosen_one_is_always_on_the_screen(chosen: str | None, rows: int, expected: list[str]) -> None:
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
def test_pages_and_both_ends(keys: list[Key], chosen: str) -> None:
    state, many = Board(), shot(*(make(f"s{n:02}", 200 - n) for n in range(30)))
    for key in keys:
        state, _ = board.press(state, key, many)
    assert state.chosen == chosen
