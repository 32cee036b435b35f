"""The facts in a transcript: the start of the last main request, its TTL, the turn, the title."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status.claude import transcript
from claude_session_status.claude.transcript_files import stat_mark
from claude_session_status.model import Compaction, TranscriptFacts, Turn
from fakes import NOW, Transcript


@dataclass(frozen=True)
class Case:
    """A transcript, and the facts that must be read from it."""

    name: str
    write: Callable[[Transcript], Any]
    expected: dict[str, Any]


CASES = [
    Case("nothing but a prompt", lambda t: t.user(NOW), {"request_at": None, "turn": Turn.ASKED}),
    Case(
        "the request starts at the nearest line before the response",
        lambda t: t.user(NOW).attachment(NOW + 1).answer(NOW + 20, wrote_5m=100, read=50),
        {"request_at": NOW + 1, "ttl_seconds": 300, "context_tokens": 153, "turn": Turn.OVER},
    ),
    Case(
        "the request starts when its own line says",
        lambda t: t.user(NOW).request(NOW + 2, "r1").answer(NOW + 20, wrote_1h=9, requestRef="r1"),
        {"request_at": NOW + 2, "ttl_seconds": 3600},
    ),
    Case(
        "a request's own line can come after a quick response",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 2.005, message="m", wrote_5m=9, requestRef="r1")
            .answer(NOW + 2.009, message="m", wrote_5m=9, requestRef="r1")
            .request(NOW + 2, "r1")
        ),
        {"request_at": NOW + 2, "response_at": NOW + 2.005, "pending_at": None, "turn": Turn.OVER},
    ),
    Case(
        "a request's own line comes after a quick response, and the next request is sent already",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 2.005, wrote_5m=9, requestRef="r1")
            .request(NOW + 2, "r1")
            .user(NOW + 9)
            .request(NOW + 9.5, "r2")
        ),
        {"request_at": NOW + 2, "pending_at": NOW + 9.5, "turn": Turn.ASKED},
    ),
    Case(
        "a retry has a request line of its own: the one that got a response counts",
        lambda t: t.user(NOW).request(NOW + 1, "r1").request(NOW + 5, "r2").answer(NOW + 9, read=9, requestRef="r2"),
        {"request_at": NOW + 5},
    ),
    Case(
        "a fork has the response's reference, but no request line",
        lambda t: t.user(NOW).answer(NOW + 9, read=9, requestRef="elsewhere").user(NOW + 30).answer(NOW + 31, read=1),
        {"request_at": NOW + 30},
    ),
    Case(
        "a response of many lines starts before the first of them",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 5, message="m", read=9, stop=None)
            .tool_use(NOW + 6, message="m", read=9)
            .tool_result(NOW + 7)
            .tool_use(NOW + 8, message="m", read=9)
        ),
        {"request_at": NOW, "turn": Turn.TOOL},
    ),
    Case(
        "each round of a tool loop is a request",
        lambda t: t.user(NOW).tool_use(NOW + 5, wrote_5m=1).tool_result(NOW + 60).answer(NOW + 65, read=1),
        {"request_at": NOW + 60, "ttl_seconds": 300, "turn": Turn.OVER},
    ),
    Case(
        "a tool that runs keeps the turn open",
        lambda t: t.user(NOW).tool_use(NOW + 5, wrote_5m=1),
        {"request_at": NOW, "turn": Turn.TOOL, "turn_at": NOW + 5},
    ),
    Case(
        "the TTL asked for holds where nothing was written",
        lambda t: (
            t.user(NOW).answer(NOW + 1, wrote_1h=5).user(NOW + 9).answer(NOW + 10, read=5, promptCacheRequested="5m")
        ),
        {"request_at": NOW + 9, "ttl_seconds": 300},
    ),
    Case(
        "where no TTL is asked for, the last write shows it",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_1h=5).user(NOW + 9).answer(NOW + 10, read=5),
        {"request_at": NOW + 9, "ttl_seconds": 3600},
    ),
    Case(
        "TTL that falls",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_1h=5).user(NOW + 9).answer(NOW + 10, wrote_5m=5),
        {"ttl_seconds": 300},
    ),
    Case(
        "an error and the prompt that led to it do not count",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_5m=5).user(NOW + 50).request(NOW + 50, "r").error(NOW + 60),
        {"request_at": NOW, "turn": Turn.OVER, "turn_at": NOW + 60, "pending_at": None},
    ),
    Case(
        "a request without a response is pending",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_5m=5).user(NOW + 50).request(NOW + 51, "r"),
        {"request_at": NOW, "turn": Turn.ASKED, "pending_at": NOW + 51},
    ),
    Case(
        "a subagent's request is not pending",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_5m=5).request(NOW + 51, "r", source="agent:builtin:x"),
        {"request_at": NOW, "pending_at": None},
    ),
    Case(
        "a subagent's lines are skipped",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_1h=5)
            .user(NOW + 50, isSidechain=True)
            .answer(NOW + 60, wrote_5m=7, isSidechain=True)
        ),
        {"request_at": NOW, "ttl_seconds": 3600, "context_tokens": 8},
    ),
    Case(
        "no cache tokens at all",
        lambda t: t.user(NOW).answer(NOW + 1),
        {"request_at": NOW, "request_cached": False},
    ),
    Case(
        "Esc while streaming",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 5, wrote_5m=5, stop=None, isAbortedMidStream=True)
            .user(NOW + 5, [{"type": "text", "text": "[Request interrupted by user]"}])
        ),
        {"request_at": NOW, "turn": Turn.OVER},
    ),
    Case(
        "Esc in a permission prompt",
        lambda t: (
            t.user(NOW)
            .tool_use(NOW + 5, wrote_5m=5)
            .tool_result(NOW + 30)
            .user(NOW + 30, [{"type": "text", "text": "[Request interrupted by user for tool use]"}])
        ),
        {"request_at": NOW, "turn": Turn.OVER, "turn_at": NOW + 30},
    ),
    Case(
        "a local command is no prompt",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_5m=5)
            .user(NOW + 9, "<local-command-caveat>..", isMeta=True)
            .user(NOW + 9, "<command-name>/model</command-name>")
            .user(NOW + 9, "<local-command-stdout>Set model</local-command-stdout>")
        ),
        {"request_at": NOW, "turn": Turn.OVER, "turn_at": NOW + 1},
    ),
    Case(
        "another model chosen after the response",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_5m=5)
            .user(NOW + 9, "<local-command-stdout>Set model to Sonnet</local-command-stdout>")
        ),
        {"request_at": NOW, "switched_at": NOW + 9},
    ),
    Case(
        "another model chosen before it, or none after all",
        lambda t: (
            t.user(NOW)
            .user(NOW + 9, "<local-command-stdout>Set model to Sonnet</local-command-stdout>")
            .user(NOW + 10)
            .answer(NOW + 11, wrote_5m=5)
            .user(NOW + 20, "<local-command-stdout>Kept model as Sonnet</local-command-stdout>")
        ),
        {"request_at": NOW + 10, "switched_at": None},
    ),
    Case(
        "compaction",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_5m=5)
            .line(type="system", subtype="compact_boundary", timestamp="2026-11-24T08:41:00.000Z")
            .user(NOW + 59.9, "summary", isCompactSummary=True)
        ),
        {"request_at": NOW, "compacted_at": NOW + 60, "turn": Turn.OVER},
    ),
    Case(
        "the same context size chosen again, which the response itself does not state",
        lambda t: (
            t.user(NOW, "<local-command-stdout>Set model to Opus 5.5 (1M context)</local-command-stdout>")
            .user(NOW + 1)
            .answer(NOW + 2, wrote_5m=5)
            .user(NOW + 9, "<local-command-stdout>Set model to Opus 5.5 (1M context)</local-command-stdout>")
        ),
        {"request_at": NOW + 1, "switched_at": None, "switched_back_at": NOW + 9},
    ),
    Case(
        "the usual context size chosen after the long one",
        lambda t: (
            t.user(NOW, "<local-command-stdout>Set model to Opus 5.5 (1M context)</local-command-stdout>")
            .user(NOW + 1)
            .answer(NOW + 2, wrote_5m=5)
            .user(NOW + 9, "<local-command-stdout>Set model to Opus 5.5</local-command-stdout>")
        ),
        {"request_at": NOW + 1, "switched_at": NOW + 9},
    ),
    Case(
        "what led to a compaction",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_1h=5)
            .at(NOW + 60, type="system", subtype="compact_boundary", compactMetadata={"trigger": "auto"})
        ),
        {"compacted_at": NOW + 60, "compaction": Compaction.AUTO, "turn": Turn.OVER, "turn_at": NOW + 1},
    ),
    Case(
        "the client compacted an idle conversation",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_1h=5)
            .at(NOW + 3240, type="system", subtype="compact_boundary", compactMetadata={"trigger": "auto"})
            .user(NOW + 3239.9, "summary", isCompactSummary=True)
            .attachment(NOW + 3240)
            .at(NOW + 3240.1, type="system", subtype="informational", content="Compacted while idle, before the ..")
        ),
        {"compacted_at": NOW + 3240.1, "compaction": Compaction.IDLE, "turn": Turn.OVER, "turn_at": NOW + 1},
    ),
    Case(
        "a compaction before the last response does not count",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_1h=5)
            .at(NOW + 60, type="system", subtype="compact_boundary")
            .user(NOW + 70)
            .answer(NOW + 80, wrote_1h=5)
        ),
        {"compacted_at": None, "compaction": None, "request_at": NOW + 70},
    ),
    Case(
        "why the last request missed the cache",
        lambda t: (
            t.user(NOW)
            .line(
                type="assistant",
                timestamp="2026-11-24T08:40:05Z",
                message={
                    "id": "m",
                    "usage": {"input_tokens": 7},
                    "diagnostics": {"cache_miss_reason": {"type": "tools_changed"}},
                },
            )
            .user(NOW + 9)
        ),
        {"cache_miss_reason": "tools_changed"},
    ),
    Case(
        "a later response without a reason",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_5m=5, diagnostics=None),
        {"cache_miss_reason": None},
    ),
    Case(
        "a content block with a type that is no text",
        lambda t: t.user(NOW).line(
            type="assistant",
            timestamp="2026-11-24T08:40:05Z",
            message={"id": "m", "usage": {"input_tokens": 7}, "content": [{"type": ["x"]}, {"type": {}}, 7]},
        ),
        {"request_at": NOW, "context_tokens": 7},
    ),
    Case(
        "two responses overlap: the start is not taken from the end of one that was still running",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 10, message="a", wrote_5m=5)
            .answer(NOW + 11, message="b", wrote_5m=5)
            .answer(NOW + 12, message="a", wrote_5m=5)
            .answer(NOW + 13, message="b", wrote_5m=5)
        ),
        {"request_at": NOW},
    ),
    Case(
        "a title given beats one made up, and an empty one replaces nothing",
        lambda t: t.title("Mine").title("Made up", "ai").title("").user(NOW),
        {"title": "Mine"},
    ),
    Case("the last title holds", lambda t: t.title("Old", "ai").title("New", "ai").user(NOW), {"title": "New"}),
    Case(
        "half a last line",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_5m=5).raw(b'{"type": "assistant", "mess'),
        {"request_at": NOW},
    ),
    Case(
        "junk between the lines",
        lambda t: (
            t.user(NOW)
            .answer(NOW + 1, wrote_5m=5)
            .raw(b'\n\nnull\n[1, 2]\n"text"\n\xff\xfe\x00\n{"type": 7}\n{"type": "new-kind"}\n[' + b"[" * 5000 + b"\n")
            .line(type="assistant", message="none")
            .line(type="assistant", message={"usage": []})
            .line(type="user", message=None, timestamp=12)
            .line(type="user", message={"content": 3}, timestamp="yesterday")
        ),
        {"request_at": NOW, "ttl_seconds": 300, "turn": Turn.OVER},
    ),
    Case(
        "a line of 400 KB before the end",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_5m=5).line(type="progress", blob="x" * 400_000),
        {"request_at": NOW},
    ),
    Case(
        "an old client that gives no stop reason",
        lambda t: t.user(NOW).answer(NOW + 1, wrote_5m=5, stop=None),
        {"turn": Turn.OVER},
    ),
    Case(
        "usage without the split by TTL",
        lambda t: t.user(NOW).line(
            type="assistant",
            timestamp="2026-11-24T08:40:05Z",
            message={"id": "m", "model": "x", "usage": {"cache_creation_input_tokens": 7}},
        ),
        {"request_at": NOW, "request_cached": True, "ttl_seconds": None, "context_tokens": 7},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_facts_in_a_transcript(case: Case, tmp_path: Path) -> None:
    written = Transcript(tmp_path / "t.jsonl")
    case.write(written)
    facts = transcript.read(str(written.path))
    assert facts is not None
    assert {name: getattr(facts, name) for name in case.expected} == case.expected


def test_a_title_within_the_last_megabyte_is_found_and_one_before_it_is_not(tmp_path: Path) -> None:
    filler = {"type": "progress", "blob": "x" * 9_000}
    near = Transcript(tmp_path / "near.jsonl").title("Near")
    far = Transcript(tmp_path / "far.jsonl").title("Far")
    for written, lines in ((near, 50), (far, 300)):
        for _ in range(lines):
            written.line(**filler)
        written.user(NOW).answer(NOW + 1, wrote_5m=5).user(NOW + 2).answer(NOW + 3, read=5)
    assert _read(near).title == "Near"
    assert _read(far).title is None


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "name with NUL"])
def test_only_a_plain_file_is_read(kind: str, tmp_path: Path) -> None:
    path = str(tmp_path / "t.jsonl")
    if kind == "directory":
        os.mkdir(path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "name with NUL":
        path += "\0"
    assert stat_mark(path) is None
    assert transcript.read(path) is None


@given(st.lists(st.binary(max_size=200) | st.sampled_from([b'{"type":"assistant"}', b'{"type":"user"}', b"[]"])))
def test_any_bytes_are_read_without_an_exception(lines: list[bytes]) -> None:
    assert transcript.facts_of(iter(enumerate(lines))) is not None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ("message", "timestamp", "isSidechain", "requestRef", "subtype", "customTitle", "isMeta", "id", "querySource")


@given(
    st.lists(
        st.builds(
            lambda kind, fields, usage: {"type": kind, **fields, **({"message": {"usage": usage}} if usage else {})},
            st.sampled_from(["assistant", "user", "attachment", "api-request", "system", "custom-title", "ai-title"]),
            st.dictionaries(st.sampled_from(_FIELDS), _JSON),
            st.none() | st.dictionaries(st.sampled_from(["input_tokens", "cache_creation"]), _JSON),
        ),
        max_size=8,
    )
)
def test_fields_of_any_type_are_read_without_an_exception(lines: list[dict[str, Any]]) -> None:
    import json

    raw = [json.dumps(line).encode() for line in lines]
    assert transcript.facts_of(iter(enumerate(raw))) is not None


def test_in_a_huge_transcript_the_request_is_found_quickly(tmp_path: Path) -> None:
    written = Transcript(tmp_path / "t.jsonl").hole(100_000_000)
    for number in range(200):
        at = NOW + number * 20
        written.user(at, "x" * 100_000).answer(at + 5, wrote_1h=5, blob="x" * 100_000)
    began = time.process_time()
    assert _read(written).request_at == NOW + 199 * 20
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize("behind", [0, 3, 40], ids=["next to it", "behind three turns", "behind 400 KB"])
def test_old_lines_behind_the_last_response_do_not_hide_it(behind: int, tmp_path: Path) -> None:
    written = Transcript(tmp_path / "t.jsonl")
    for number in range(behind + 1):
        written.user(NOW + number * 20, "x" * 10_000, uuid=f"u{number}")
        written.answer(NOW + number * 20 + 5, wrote_1h=5, uuid=f"a{number}", message=f"m{number}")
    old = written.path.read_bytes()
    written.user(NOW + 5000).answer(NOW + 5005, read=7).raw(old)
    facts = _read(written)
    assert (facts.request_at, facts.context_tokens, facts.ttl_seconds) == (NOW + 5000, 10, 3600)


def _read(written: Transcript) -> TranscriptFacts:
    facts = transcript.read(str(written.path))
    assert facts is not None
    return facts
