"""Standard input: read up to the end of one JSON object, however it is cut, and never beyond bounds."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.claude import payload
from claude_session_status.claude.payload import ObjectEnd

COMMAND = [sys.executable, "-m", "claude_session_status"]
texts = st.text(st.sampled_from('{}"\\[]a\u00e9\u2028 \n'))
values = st.recursive(texts | st.integers() | st.none(), lambda v: st.lists(v) | st.dictionaries(texts, v))


@given(st.dictionaries(texts, values), st.booleans(), st.integers(1, 7))
def test_the_end_is_found_at_the_last_byte_however_the_object_is_cut(
    value: dict[str, Any], ascii_only: bool, size: int
) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=1).encode()
    end = ObjectEnd()
    parts = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert [end.is_reached(part) for part in parts] == [False] * (len(parts) - 1) + [True]


@pytest.mark.parametrize(
    ("raw", "is_whole"),
    [
        (b"{}", True),
        (b' {"a": "}"}\n', True),
        (b'\xef\xbb\xbf{"a": {"b": []}}', True),
        (b"", False),
        (b"null", False),
        (b"[1]", False),
        (b'{"a": "}', False),
        (b'{"a": "\\"}', False),
        (b'{"a": "\\\\"}', True),
        (b'{"a": {}', False),
    ],
)
def test_a_whole_object_is_distinguished_from_a_part_of_one(raw: bytes, is_whole: bool) -> None:
    assert ObjectEnd().is_reached(raw) is is_whole


def test_looking_for_the_end_takes_time_in_proportion_to_the_input() -> None:
    def seconds(count: int) -> float:
        end, began = ObjectEnd(), time.process_time()
        assert not end.is_reached(b'{"a": "')
        for _ in range(count):
            assert not end.is_reached(b"}" * 65536)
            assert not end.is_reached(b"\\" * 65536)
        return time.process_time() - began

    seconds(10)
    assert seconds(200) < 60 * max(seconds(20), 0.001)  # 10 times as much; quadratic would be 100 times


@pytest.mark.parametrize("command", ["mark-turn", "statusline"])
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_client_that_keeps_the_pipe_open_waits_no_longer(command: str, size: int, where: Any) -> None:
    os.makedirs(where.folder)
    Path(where.monitor_alive).touch()
    with subprocess.Popen([*COMMAND, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"session_id": "s", "prompt": "}" * size}).encode())
        process.stdin.flush()
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": 1e400}', float("inf")),
        (b'{"a": -Infinity}', float("-inf")),
        (b'{"a": ' + b"9" * 5000 + b"}", float("inf")),
        (b'{"a": ' + b"9" * 4000 + b"}", 10**4000 - 1),
    ],
    ids=["1e400", "infinity", "5000 digits", "4000 digits"],
)
def test_huge_numbers_are_numbers(raw: bytes, value: float) -> None:
    assert payload.parse(raw) == {"a": value}
