"""Random transcripts: reading one never raises, and no absurd value comes out."""

import math
import os
from dataclasses import fields
from pathlib import Path
from random import Random

from claude_session_status import client_files
from claude_session_status.claude import transcript
from claude_session_status.claude.transcript_files import AHEAD_OF_CLOCK
from claude_session_status.model import Session, TranscriptFacts
from fakes import NOW
from safety import odd_transcripts
from safety.absurd import must_make_sense
from safety.fuzzing import Fuzz

SMALL, FULL = 10_000, 1_000_000  # lines
SLACK = AHEAD_OF_CLOCK
TIMES = [f.name for f in fields(TranscriptFacts) if f.name.endswith("_at")]


def test_random_transcripts_give_no_absurd_value(fuzz: Fuzz, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    tried = number = responses = 0
    size = fuzz.size(SMALL, FULL)
    while tried < size:
        number += 1
        lines = odd_transcripts.transcript(fuzz.case(number))
        tried += len(lines)
        path.write_bytes(b"\n".join(lines) + (b"\n" if number % 3 else b""))
        os.utime(path, (NOW, NOW))
        with fuzz.naming():
            facts = transcript.read(str(path), NOW)
            assert facts is not None
            _must_be_plausible(facts)
            must_make_sense([client_files.apply_transcript(Session("s"), facts, None)], NOW)
        responses += facts.request_at is not None
    assert responses > tried / 100, "most transcripts show a response, or nothing is tested"
    fuzz.report(f"{tried} transcript lines in {number} transcripts, {responses} of them with a response")


def _must_be_plausible(facts: TranscriptFacts) -> None:
    for field in TIMES:
        at = getattr(facts, field)
        assert at is None or (math.isfinite(at) and 0 <= at <= NOW + SLACK), f"{field} is {at}"
    assert (facts.turn is None) == (facts.turn_at is None)
    assert (facts.compaction is None) == (facts.compacted_at is None)
    if facts.request_at is not None:
        assert facts.response_at is not None
        assert facts.request_at <= facts.response_at
    assert facts.ttl_seconds in (None, 300, 3600), facts.ttl_seconds
    tokens = facts.context_tokens
    assert tokens is None or (type(tokens) is int and 0 <= tokens <= 10**9), tokens
    for text in (facts.title, facts.model, facts.cache_miss_reason):
        assert text is None or (0 < len(text.encode()) <= 4096), repr(text)


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
