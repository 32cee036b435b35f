"""Reading JSON lines backwards, and the objects in a damaged line."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.claude import jsonl

_PROMPT = b'{"type":"user","timestamp":"2026-11-24T08:38:20.000Z","message":{"content":"do it%s"}}\n'
_RESPONSE = (
    b'{"type":"assistant","timestamp":"2026-11-24T08:38:30.000Z","message":{"id":"last","model":"m","content":[{"type":'
    b'"text","text":"ok"}],"usage":{"input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":9},'
    b'"cache_creation_input_tokens":9}}}'
)
PROMPT, RESPONSE = _PROMPT % b"", _RESPONSE + b"\n"
# (what is wrong, the line of the prompt, the line of the response)
DAMAGED = [
    ("nothing wrong", PROMPT, RESPONSE),
    ("bytes that are no UTF-8", _PROMPT % b"\xff\xfe", RESPONSE.replace(b'ok"', b'\xc3\x28\x80"')),
    (
        "bytes that are no UTF-8 between the fields",
        PROMPT.replace(b'","', b'"\xff,"', 1),
        RESPONSE.replace(b'},"', b'}\xfe,"', 1),
    ),
    ("control characters", _PROMPT % b"\x00\x01\t", RESPONSE.replace(b'ok"', b'\x1b[0m\x07"')),
    ("a lost newline", PROMPT.rstrip(), RESPONSE),
    ("zero bytes instead of a newline", PROMPT.rstrip() + b"\0\0\0", RESPONSE),
    ("a byte order mark", b"\xef\xbb\xbf" + PROMPT, b"\xef\xbb\xbf" + RESPONSE),
    (
        "the start of an object that was never finished",
        b'{"type":"user","message":{"content":"x' + PROMPT,
        b'{"type":"attachment","attachment":{"a":{"b":1},"c' + RESPONSE,
    ),
    ("spaces and carriage returns", b"  " + PROMPT.rstrip() + b" \r\n", b"\t" + RESPONSE.rstrip() + b"\r\n"),
    ("half a surrogate pair", _PROMPT % b"\\ud800", RESPONSE.replace(b'ok"', b'\\udfff"')),
    ("an enormous number", PROMPT.replace(b"{", b'{"n":1e999,', 1), RESPONSE.replace(b"{", b'{"n":-1e999,"o":NaN,', 1)),
]


@pytest.mark.parametrize(("what", "prompt", "response"), DAMAGED, ids=[what for what, *_ in DAMAGED])
def test_damage_costs_only_what_it_is_in(what: str, prompt: bytes, response: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(prompt + response)
    found = [fields for raw in reversed(_lines(path)) for fields in jsonl.objects_in(raw)]
    assert [(fields["type"], fields["timestamp"]) for fields in found] == [
        ("user", "2026-11-24T08:38:20.000Z"),
        ("assistant", "2026-11-24T08:38:30.000Z"),
    ]
    assert found[1]["message"]["usage"]["input_tokens"] == 3


@pytest.mark.parametrize(
    ("raw", "objects"),
    [
        (b'{"a":1}', [{"a": 1}]),
        (b'{"a":1}{"b":2}{"c":3}', [{"a": 1}, {"b": 2}, {"c": 3}]),
        (b'{"a":1}, {"b":2}', [{"a": 1}, {"b": 2}]),
        (b'{"a":{"x":{"y":1},"z{"b":2}{"c":3}', [{"b": 2}, {"c": 3}]),
        (b'{"a":1}{"b":{"x":1},"y', [{"a": 1}]),
        (b'{"a":1}{"b":{"x":1},"y{"c":3}', [{"a": 1}, {"c": 3}]),
        (b'{"progress":{"message":{"type":"user"},"id":', []),
        (b"[1]", []),
        (b'[{"a":1}]', []),
        (b"null", []),
        (b"7 8", []),
        (b'"text"', []),
        (b"", []),
        (b"\0\0\0", []),
        (b"[" * 100_000, []),
        (b'{"a":' * 100_000, []),
        (b'{"a":' + b"9" * 5000 + b"}", []),
    ],
)
def test_the_objects_in_a_line(raw: bytes, objects: list[dict[str, object]]) -> None:
    assert jsonl.objects_in(raw) == objects


def test_behind_the_damage_of_an_unfinished_line_nothing_counts() -> None:
    raw = b'{"a":1}{"progress":{"message":{"type":"user"}'
    assert jsonl.objects_in(raw, is_unfinished=True) == [{"a": 1}]


def test_lines_come_whole_however_the_blocks_fall(tmp_path: Path) -> None:
    path = tmp_path / "t"
    lines = [os.urandom(n).replace(b"\n", b"x") for n in (1, 65_535, 65_536, 65_537, 200_000, 3)]
    for last in (b"", b"\n"):
        path.write_bytes(b"\n".join(lines) + last)
        assert _lines(path) == lines[::-1]


@given(st.binary(max_size=300) | st.text(alphabet='{}[]":,0a\\\n', max_size=300).map(str.encode))
def test_any_bytes_are_read_without_an_exception(raw: bytes) -> None:
    for found in jsonl.objects_in(raw), jsonl.objects_in(raw, is_unfinished=True):
        assert all(isinstance(fields, dict) for fields in found)


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.integers(), max_size=3), max_size=5))
def test_objects_in_one_line_are_all_found(objects: list[dict[str, object]]) -> None:
    assert jsonl.objects_in("".join(map(json.dumps, objects)).encode()) == objects


@pytest.mark.parametrize(
    "content",
    [b"\n" * (20 << 20), b"{}\n" * (7 << 20), b'{"a":"' + b"x" * (17 << 20), b'{"a":{"' * (3 << 20)],
    ids=["newlines", "objects", "one unfinished line", "one damaged line"],
)
def test_a_file_of_any_shape_is_read_in_well_under_a_second(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    began = time.process_time()
    for raw in _lines(path):
        jsonl.objects_in(raw)
    assert time.process_time() - began < 1


def _lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return [line for _, line in jsonl.lines_backwards(file.fileno(), path.stat().st_size)]
