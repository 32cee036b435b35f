"""The quick reading of a transcript's lines gives what reading every field of every line gives."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_session_status.claude import past_fields
from claude_session_status.claude.jsonl import objects_in
from claude_session_status.claude.past_fields import fields_in
from claude_session_status.claude.past_lines import LineReader

STAMP = "2026-11-24T08:40:00.000Z"
USAGE: dict[str, Any] = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 500,
    "cache_read_input_tokens": 9_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 500},
    "iterations": [{"type": "message", "input_tokens": 4, "cache_read_input_tokens": 9_000}],
    "speed": "fast",
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "model": "claude-opus-5-5",
    "role": "assistant",
    "content": [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": 'the "answer"\n'}],
    "usage": USAGE,
    "diagnostics": {"cache_miss_reason": {"type": "tools_changed"}},
}
RESULT = [{"type": "tool_result", "tool_use_id": "t", "content": 'a "long" text'}]
LINES: list[dict[str, Any]] = [
    {"type": "assistant", "message": MESSAGE, "requestId": "req_1", "requestRef": "r1", "effort": "high"},
    {"type": "assistant", "message": MESSAGE, "requestSessionId": "other", "requestedModel": "opus"},
    {"type": "assistant", "message": {"usage": USAGE}, "promptCacheRequested": "1h"},
    {"type": "assistant", "message": {"id": "msg_2", "model": "<synthetic>"}},
    {"type": "assistant", "message": MESSAGE, "isApiErrorMessage": True},
    {"type": "user", "message": {"content": "do it"}},
    {"type": "user", "message": {"content": RESULT}, "toolUseResult": {"message": MESSAGE, "type": "assistant"}},
    {"type": "user", "message": {"content": [{"type": "text", "text": "[Request interrupted by user]"}]}},
    {"type": "user", "message": {"content": "<command-name>/model</command-name>"}},
    {"type": "user", "message": {"content": "the summary"}, "isCompactSummary": True},
    {"type": "attachment", "attachment": {"type": "x", "content": "text"}},
    {"type": "api-request", "id": "r1", "querySource": "repl_main_thread"},
    {"type": "api-request", "id": "r2", "querySource": "agent:x"},
    {"type": "system", "subtype": "api_error", "retryInMs": 500},
    {"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": "auto"}},
    {"type": "system", "subtype": "informational", "content": "Compacted while idle, as it was long"},
    {"type": "cost-state", "cost": 1},
    {"type": "summary", "summary": "text"},
    {"type": 7},
]
NAMES = sorted({name for line in LINES for name in line} | {"uuid", "timestamp", "isSidechain", "cwd", "unheard_of"})
ODD = st.sampled_from(
    [None, True, 7, 1.5, -1, 10**30, "", " ", "text", "\ud800", "\x00", [], ["text"], [RESULT], {}, {"type": "user"}]
)
MANGLED: dict[str, Callable[[bytes], bytes]] = {
    "whole": lambda raw: raw,
    "with a line feed": lambda raw: raw + b"\n",
    "with a carriage return": lambda raw: raw + b"\r\n",
    "twice in a line": lambda raw: raw + raw,
    "torn": lambda raw: raw[:-9],
    "behind zero bytes": lambda raw: b"\x00" * 9 + raw,
    "with a bad byte in a text": lambda raw: raw.replace(b"text", b"te\xffxt"),
    "with a control character in a text": lambda raw: raw.replace(b"text", b"te\x01xt"),
    "with what JSON has no number for": lambda raw: raw[:-1] + b', "rate": NaN}',
    "with a field stated twice": lambda raw: raw[:-1] + b', "message": {"id": "msg_3"}}',
    "with an escaped name": lambda raw: raw.replace(b'"type"', b'"t\\u0079pe"'),
}


def stated(reader: LineReader, found: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """What each object states. Its line may have the time and the uuid of an earlier one that stated the same."""
    moments = [(reader.read(fields), fields.get("cwd")) for fields in found]
    return [
        (moment and (*moment[:2], moment[2]._replace(line=replace(moment[2].line, at=None, uuid=None))), folder)
        for moment, folder in moments
    ]


@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(LINES),
            st.dictionaries(st.sampled_from(NAMES), ODD, max_size=3),
            st.sampled_from(sorted(MANGLED)),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=300, deadline=None)
def test_fields_that_are_passed_over_change_nothing(lines: list[tuple[dict[str, Any], dict[str, Any], str]]) -> None:
    quick, whole = LineReader(), LineReader()
    for number, (line, odd, how) in enumerate(lines):
        fields = {"timestamp": STAMP, "uuid": f"u{number}", "cwd": "/home/me/web-shop", **line, **odd}
        raw = MANGLED[how](json.dumps(fields).encode())
        assert stated(quick, fields_in(raw)) == stated(whole, objects_in(raw.removesuffix(b"\n")))


def test_a_usual_line_is_read_without_its_texts() -> None:
    line = {"timestamp": STAMP, "uuid": "u", **LINES[6]}
    assert fields_in(json.dumps(line).encode()) == [
        {"timestamp": STAMP, "uuid": "u", "type": "user", "message": {"content": [{}]}}
    ]


def test_a_line_that_states_the_same_is_not_taken_apart_again() -> None:
    reader = LineReader()
    stamps = [STAMP, STAMP.replace(":40:", ":41:"), STAMP.replace(":40:", ":42:")]
    found = [
        reader.read(fields)
        for number, stamp in enumerate(stamps)
        for fields in fields_in(json.dumps({"timestamp": stamp, "uuid": f"u{number}", **LINES[0]}).encode())
    ]
    first, second, third = (moment for moment in found if moment is not None)
    assert first[2] is second[2] is third[2]
    assert (second[0] or 0) - (first[0] or 0) == 60.0
    assert [moment[1] for moment in (first, second, third)] == ["u0", "u1", "u2"]


def test_lines_without_any_id_are_responses_of_their_own() -> None:
    reader = LineReader()
    line = {"type": "assistant", "message": {"usage": USAGE}, "timestamp": STAMP}
    found = [reader.read(fields_in(json.dumps({**line, "uuid": uuid}).encode())[0]) for uuid in ("u1", "u2")]
    assert [moment[2].line.response for moment in found if moment is not None] == ["u1", "u2"]


def test_types_that_state_nothing_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(raw: bytes) -> dict[str, Any]:
        raise AssertionError(raw)

    monkeypatch.setattr(past_fields, "_decode", refuse)
    assert fields_in(b'{"type":"file-history-snapshot","snapshot":{}}\n') == []
