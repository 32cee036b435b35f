"""All requests of a transcript: each once, in order, however the file grew and whatever is in it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_session_status.claude import transcript
from claude_session_status.claude.past_requests import Position, scan
from claude_session_status.costs.request import Kind, PastRequest
from costs.conversations import Ask, write
from fakes import NOW, Transcript

STEP = {"type": "message", "output_tokens": 50}


def requests_of(path: Path, kind: Kind = Kind.MAIN) -> tuple[PastRequest, ...]:
    return scan(str(path), "s", kind).requests


def test_a_response_of_several_lines_is_one_request_with_its_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    lines = Transcript(path).user(NOW)
    lines.answer(NOW + 1, message="m", wrote_5m=10, usage={"input_tokens": 1, "cache_creation_input_tokens": 10})
    lines.answer(NOW + 2, message="m", wrote_5m=500, read=7)

    [request] = requests_of(path)

    assert (request.started_at, request.tokens.written_5m, request.tokens.read) == (NOW, 500, 7)


def test_a_server_side_loop_is_billed_whole_and_compared_by_its_ends(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    usage = {
        "input_tokens": 4,
        "output_tokens": 99,
        "cache_read_input_tokens": 401_000,
        "cache_creation_input_tokens": 3_700,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 3_700},
        "iterations": [
            {**STEP, "input_tokens": 2, "cache_read_input_tokens": 199_000, "cache_creation_input_tokens": 2_500},
            {"type": "advisor_message", "input_tokens": 203_000, "output_tokens": 1},
            {**STEP, "input_tokens": 2, "cache_read_input_tokens": 202_000, "cache_creation_input_tokens": 1_200},
        ],
    }
    Transcript(path).user(NOW).answer(NOW + 9, usage=usage)

    tokens = requests_of(path)[0].tokens

    assert (tokens.read, tokens.written_5m, tokens.written_1h, tokens.output) == (401_000, 0, 3_700, 99)
    assert (tokens.context, tokens.first_read, tokens.first_written) == (203_202, 199_000, 2_500)


def test_a_retried_request_began_with_the_try_that_succeeded(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    Transcript(path).user(NOW).retry(NOW + 1, 4_000).answer(NOW + 9, wrote_5m=9)

    assert requests_of(path)[0].started_at == NOW + 5


def test_a_failed_request_is_none(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    Transcript(path).user(NOW).error(NOW + 2)

    assert requests_of(path) == ()


def test_sidechain_lines_in_a_main_file_are_a_subagents_requests(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    lines = Transcript(path).user(NOW).tool_use(NOW + 1, wrote_5m=50_000)
    lines.user(NOW + 2, isSidechain=True).answer(NOW + 3, wrote_5m=9_000, isSidechain=True)
    lines.tool_result(NOW + 9).answer(NOW + 10, read=50_000, wrote_5m=300)

    found = requests_of(path)

    assert [(r.kind, r.tokens.written_5m, r.gap_seconds) for r in found] == [
        (Kind.MAIN, 50_000, None),
        (Kind.MAIN, 300, 9.0),
        (Kind.SUBAGENT, 9_000, None),
    ]


def test_a_subagents_own_file_is_a_subagents_requests(tmp_path: Path) -> None:
    path = tmp_path / "agent-1.jsonl"
    lines = Transcript(path).user(NOW, isSidechain=True)
    lines.answer(NOW + 3, wrote_5m=9_000, isSidechain=True).answer(NOW + 900, wrote_5m=9_500, isSidechain=True)

    found = requests_of(path, Kind.SUBAGENT)

    assert [(r.kind, r.cause) for r in found] == [(Kind.SUBAGENT, None)] * 2


def test_a_fork_names_the_session_that_made_a_copied_request(tmp_path: Path) -> None:
    path = tmp_path / "fork.jsonl"
    copied = Ask(0, wrote_5m=50_000, message="m0", extra={"requestSessionId": "original"})
    write(path, [copied, Ask(60, wrote_5m=50_100, message="m1")])

    found = scan(str(path), "fork", Kind.MAIN).requests

    assert [(r.session_id, r.cause) for r in found] == [("original", None), ("fork", "started")]


@pytest.mark.parametrize(
    "damage",
    [
        b"{}\n",
        b"\x00\x00\x00\n",
        b'{"type": "assistant", "message": \n',
        b"[1, 2]\n",
        b'{"type":"assistant","message":{"usage":7}}\n',
    ],
    ids=["empty object", "zero bytes", "torn", "list", "odd usage"],
)
def test_a_broken_line_costs_only_itself(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    Transcript(path).user(NOW).answer(NOW + 1, wrote_5m=9).raw(damage).user(NOW + 5).answer(NOW + 6, read=12)

    assert len(requests_of(path)) == 2


def test_a_half_written_last_line_is_read_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    write(path, [Ask(0, wrote_5m=50_000), Ask(60, read=50_000, wrote_5m=100)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    first = scan(str(path), "s", Kind.MAIN)
    assert len(first.requests) == 1

    path.write_bytes(whole)
    second = scan(str(path), "s", Kind.MAIN, first.position)

    assert [r.key for r in second.requests][-1] == "msg_s_1_60:req_msg_s_1_60"


@given(cut=st.integers(0, 60), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_read_in_parts_gives_what_it_gives_at_once(
    cut: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("parts") / "s.jsonl"
    gaps = data.draw(st.lists(st.sampled_from([5, 90, 400, 4_000]), min_size=1, max_size=8))
    at, asks = 0.0, []
    for gap in gaps:
        at += gap
        read = data.draw(st.sampled_from([0, 20_000, 50_000]))
        asks.append(Ask(at, read=read, wrote_5m=data.draw(st.sampled_from([0, 900, 60_000]))))
    write(path, asks)
    lines = path.read_bytes().splitlines(keepends=True)
    whole = scan(str(path), "s", Kind.MAIN).requests

    path.write_bytes(b"".join(lines[: cut % (len(lines) + 1)]))
    first = scan(str(path), "s", Kind.MAIN)
    path.write_bytes(b"".join(lines))
    position = Position.decoded(first.position.encoded())
    second = scan(str(path), "s", Kind.MAIN, position)

    found = {request.key: request for request in (*first.requests, *second.requests)}
    assert sorted(found.values(), key=lambda r: r.started_at) == list(whole)


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("user", {}),
    ("attachment", {}),
    ("tool_result", {}),
    ("answer", {"wrote_5m": 700}),
    ("tool_use", {"read": 900}),
    ("retry", {"wait_ms": 500}),
    ("request", {"ref": "r1"}),
]


@given(story=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(1, 4)), min_size=1, max_size=14))
@settings(max_examples=150, deadline=None)
def test_the_last_request_begins_when_the_countdown_says(
    story: list[tuple[tuple[str, dict[str, Any]], int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("story") / "s.jsonl"
    lines, at = Transcript(path), NOW
    for (name, fields), gap, message in story:
        at += gap
        extra = {"message": f"m{message}"} if name in ("answer", "tool_use") else {}
        getattr(lines, name)(at, **fields, **extra)
    facts = transcript.read(str(path))
    found = requests_of(path)

    assert facts is not None
    if facts.request_at is None:
        assert found == ()
    else:
        assert facts.request_at in [request.started_at for request in found]


def test_a_position_that_makes_no_sense_is_the_start_of_the_file() -> None:
    for text in ("", "null", "{}", '{"offset": 5, "previous": 3}'):
        assert Position.decoded(text) == Position()
