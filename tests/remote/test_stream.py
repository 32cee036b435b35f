"""What another machine prints is data within bounds: size, count, types, texts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import report
from claude_session_status.model import Activity, Source
from claude_session_status.remote import stream
from claude_session_status.remote.stream import Lines, Reader, SchemaError, StreamError
from fakes import NOW
from rows import is_harmless_line, make, shot


def line(*sessions: object, **fields: object) -> bytes:
    return json.dumps({"schema": 1, "now": "2026-11-24T08:40:00.000Z", "sessions": sessions} | fields).encode()


def session(**fields: object) -> dict[str, object]:
    return {"session_id": "s", "activity": "idle", "cache": "none"} | fields


def states(*sessions: object, **fields: object) -> dict[str, Any]:
    made = stream.parse(line(*sessions, **fields), "build")
    assert made is not None
    return dict(made.sessions)


def test_what_our_program_prints_is_read() -> None:
    made = json.dumps(report.as_json(shot(make("a", 133.6, title="T", cwd="/srv/a"), make("b", None)))).encode()
    found = stream.parse(made, "build")
    assert found is not None
    assert found.now == NOW
    first, second = (state for _, state in found.sessions)
    assert (first.host, first.title, first.cwd, first.source) == ("build", "T", "/srv/a", Source.TRANSCRIPT)
    assert first.expires_at == pytest.approx(NOW + 166.4)
    assert first.ttl_seconds == 300
    assert (second.expires_at, second.activity) == (None, Activity.IDLE)


@pytest.mark.parametrize(
    "junk", [b"Welcome", b"[]", b"7", b"{}", b'{"schema": 1}', b"[" * 100_000, b"1" * 5000, b"\xff\xfe",
             line(now="soon"), line(now=7), line(sessions={}), b'{"schema": true}'],
)  # fmt: skip
def test_three_lines_that_are_no_such_json_end_the_connection(junk: bytes) -> None:
    reader = Reader("build")
    assert reader.read([junk, junk]) is None
    assert reader.read([line()]) is not None
    with pytest.raises(StreamError):
        reader.read([junk])


def test_empty_lines_are_no_junk() -> None:
    assert Reader("build").read([b"", b" ", b"\r"] * 9) is None


@pytest.mark.parametrize("schema", [0, 2, 99])
def test_another_schema_is_named_and_not_guessed_at(schema: int) -> None:
    with pytest.raises(SchemaError):
        Reader("build").read([line(schema=schema)])


def test_of_several_lines_the_newest_counts() -> None:
    found = Reader("build").read([line(session(title="old")), line(session(title="new"))])
    assert found is not None
    assert found.sessions[0][1].title == "new"


def test_lines_before_a_newer_report_are_not_even_parsed() -> None:
    reader = Reader("build")
    for _ in range(3):
        assert reader.read([b"junk"] * 1000 + [line()]) is not None
    with pytest.raises(StreamError):
        reader.read([line(), *[b"junk"] * 3])


def test_a_line_that_never_ends_costs_no_more_than_the_limit() -> None:
    lines = Lines(longest=100)
    assert lines.feed(b"x" * 100) == []
    with pytest.raises(StreamError, match="longer"):
        lines.feed(b"x")


def test_bytes_that_come_in_pieces_make_whole_lines() -> None:
    lines = Lines()
    assert [lines.feed(piece) for piece in (b"a", b"b\nc", b"d\n\ne", b"\n")] == [[], [b"ab"], [b"cd", b""], [b"e"]]


def test_of_a_hundred_thousand_sessions_a_thousand_are_taken() -> None:
    found = stream.parse(line(*(session(session_id=str(n)) for n in range(100_000))), "build")
    assert found is not None
    assert (len(found.sessions), found.is_cut) == (1000, True)


@pytest.mark.parametrize(
    "odd",
    [
        7,
        session(host="third"),
        session(host=""),
        session(session_id=""),
        session(session_id=7),
        session(session_id="k" * 257),
        session(session_id="a\x1b[2Jb"),
        session(session_id="\ud800"),
        session(activity="dancing"),
        session(activity=["idle"]),
    ],
)
def test_a_session_that_can_not_be_one_or_runs_on_a_third_machine_is_dropped(odd: object) -> None:
    assert list(states(odd, session(session_id="good"))) == ["good"]


def test_an_id_that_comes_twice_counts_once() -> None:
    assert states(session(title="first"), session(title="second"))["s"].title == "first"


@pytest.mark.parametrize(
    ("left", "expires_at", "expected"),
    [
        pytest.param(60, "2026-11-24T09:30:00Z", NOW + 60, id="the seconds left count, whatever the time says"),
        pytest.param(1e9, None, NOW + 300, id="no cache has more than its TTL left"),
        pytest.param(0, "2026-11-24T08:30:00Z", NOW - 600, id="when it expired"),
        pytest.param(0, "2026-11-24T09:30:00Z", NOW, id="an expired one does not expire later"),
        pytest.param(-5, None, NOW, id="less than nothing"),
        pytest.param(None, "2026-11-24T09:30:00Z", None, id="unknown"),
        pytest.param(float("nan"), "2026-11-24T09:30:00Z", None, id="no number"),
        pytest.param(True, "2026-11-24T09:30:00Z", None, id="no number either"),
    ],
)
def test_the_expiry_is_reckoned_from_the_seconds_left(left: object, expires_at: object, expected: float | None) -> None:
    cache = "warm" if left else "expired"
    found = states(session(cache=cache, seconds_left=left, expires_at=expires_at, ttl_seconds=300))
    assert found["s"].expires_at == expected


def test_texts_are_cleaned_and_cut() -> None:
    found = states(session(title="a\x1b]0;owned\x07\nb\u202e", project="p" * 10_000, cwd="\ud800", model=7))["s"]
    assert is_harmless_line(found.title)
    assert (len(found.project), found.cwd, found.model) == (200, None, None)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["session_id", "activity", "cache", "seconds_left", "expires_at", "now", "schema", "sessions"]),
        inner | st.sampled_from(["idle", "warm", "2026-11-24T08:40:00Z", 1]), max_size=6),
    max_leaves=12,
))  # fmt: skip
def test_any_json_is_read_or_refused(found: object) -> None:
    for made in (found, {"schema": 1, "now": "2026-11-24T08:40:00Z", "sessions": [found]}):
        try:
            stream.parse(json.dumps(made).encode(), "build")
        except SchemaError:
            pass
