"""Random transcripts: reading one never raises, and no absurd value comes out.

A quick run tries 20,000 lines. `--fuzz 1000000` tries as many as it says.
"""

import json
import math
import os
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest

from claude_session_status import policy, reducer, report
from claude_session_status.claude import transcript
from claude_session_status.claude.transcript_files import AHEAD_OF_CLOCK
from claude_session_status.model import Session, TranscriptFacts
from fakes import NOW
from safety import odd_transcripts

LINES = 20_000
SLACK = AHEAD_OF_CLOCK
TIMES = [f.name for f in fields(TranscriptFacts) if f.name.endswith("_at")]


@pytest.fixture(scope="module")
def lines_to_try(request: pytest.FixtureRequest) -> int:
    """How many lines to try."""
    return int(request.config.getoption("--fuzz") or LINES)


def test_random_transcripts_give_no_absurd_value(lines_to_try: int, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    tried = seed = responses = 0
    while tried < lines_to_try:
        seed += 1
        lines = odd_transcripts.transcript(Random(seed))
        tried += len(lines)
        path.write_bytes(b"\n".join(lines) + (b"\n" if seed % 3 else b""))
        os.utime(path, (NOW, NOW))
        facts = transcript.read(str(path), NOW)
        assert facts is not None, f"seed {seed}"
        _must_be_plausible(facts, f"seed {seed}")
        _must_be_shown(facts, f"seed {seed}")
        responses += facts.request_at is not None
    assert responses > tried / 100, "most transcripts show a response, or nothing is tested"


def _must_be_plausible(facts: TranscriptFacts, name: str) -> None:
    for field in TIMES:
        at = getattr(facts, field)
        assert at is None or (math.isfinite(at) and 0 <= at <= NOW + SLACK), f"{name}: {field} is {at}"
    assert (facts.turn is None) == (facts.turn_at is None), name
    assert (facts.compaction is None) == (facts.compacted_at is None), name
    if facts.request_at is not None:
        assert facts.response_at is not None, name
        assert facts.request_at <= facts.response_at, name
    assert facts.ttl_seconds in (None, 300, 3600), f"{name}: {facts.ttl_seconds}"
    tokens = facts.context_tokens
    assert tokens is None or (type(tokens) is int and 0 <= tokens <= 10**9), f"{name}: {tokens}"
    for text in (facts.title, facts.model, facts.cache_miss_reason):
        assert text is None or (0 < len(text.encode()) <= 4096), f"{name}: {text!r}"


def _must_be_shown(facts: TranscriptFacts, name: str) -> None:
    session = reducer.apply_transcript(Session("s"), facts, None)
    state = policy.state_of(session, NOW)
    if state.seconds_left is not None:
        assert session.request is not None, name
        assert 0 <= state.seconds_left <= session.request.ttl_seconds, name
    json.dumps(report.as_json(policy.snapshot([session], NOW)), allow_nan=False)


def test_a_line_nested_ten_thousand_deep_costs_only_itself(tmp_path: Path) -> None:
    good = b"\n".join(odd_transcripts.transcript(Random(1)))
    path = tmp_path / "t.jsonl"
    for deep in (b"[" * 10_000, b'{"message":' * 10_000, b'{"type":"user","message":' + b"[" * 10_000 + b"]" * 10_000):
        path.write_bytes(good + b"\n" + deep + b"\n")
        os.utime(path, (NOW, NOW))
        with_it = transcript.read(str(path), NOW)
        path.write_bytes(good + b"\n")
        os.utime(path, (NOW, NOW))
        assert with_it == transcript.read(str(path), NOW)
