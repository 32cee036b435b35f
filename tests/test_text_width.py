"""Text is measured as the widest terminal draws it, and cut only between what a person sees as characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from claude_session_status import text_width

THUMB, FAMILY, FLAGS = "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "🇩🇪🇫🇷"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("abc", ["a", "b", "c"]),
        ("e\u0301\u0302x", ["e\u0301\u0302", "x"]),
        (f"a{THUMB}b", ["a", THUMB, "b"]),
        (FAMILY, [FAMILY]),
        (FLAGS, ["🇩🇪", "🇫🇷"]),
        ("🇩🇪🇫", ["🇩🇪", "🇫"]),
        ("❤\ufe0f❤", ["❤\ufe0f", "❤"]),
        ("日本", ["日", "本"]),
        ("각", ["각"]),
        ("\u1112\u1161\u11ab", ["\u1112\u1161\u11ab"]),
        ("\u0301", ["\u0301"]),
        ("क्षि", ["क्", "षि"]),
    ],
)
def test_text_is_split_where_a_person_would(text: str, parts: list[str]) -> None:
    assert list(text_width.clusters(text)) == parts


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("日本", 4),
        (THUMB, 4),
        (FAMILY, 6),
        ("🇩🇪", 2),
        ("🇩", 2),
        ("❤\ufe0f", 2),
        ("e\u0301", 1),
        ("شّ", 1),
        ("☰䷀𝌀", 6),
    ],
)
def test_an_emoji_counts_as_the_widest_terminal_draws_it(text: str, columns: int) -> None:
    assert text_width.columns_of(text) == columns


@given(st.text())
def test_nothing_is_lost_and_no_width_is_below_richs(text: str) -> None:
    assert "".join(text_width.clusters(text)) == text
    printable = "".join(c for c in text if c.isprintable())
    assert text_width.columns_of(printable) >= cell_len(printable) - printable.count("\ufe0f")


@given(st.text(st.sampled_from(f"ab é{THUMB}{FAMILY}{FLAGS}日\u0301")), st.integers(1, 20))
def test_cut_text_fits_and_ends_between_two_characters(text: str, width: int) -> None:
    whole = list(text_width.clusters(text))
    cut = text_width.cut(text, width)
    assert text_width.columns_of(cut) <= width
    assert cut == text or "".join(whole).startswith(cut.removesuffix("…"))
    assert set(text_width.clusters(cut.removesuffix("…"))) <= {*whole}
    short = text_width.shorten(text, width)
    assert text_width.columns_of(short) <= width


@given(st.text(st.sampled_from(f"abc    {THUMB}日")), st.integers(8, 30))
def test_wrapped_text_fits_and_keeps_every_word(text: str, width: int) -> None:
    lines = text_width.wrap(text, width)
    assert all(text_width.columns_of(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
