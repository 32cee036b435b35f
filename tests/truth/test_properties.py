"""Properties that hold for all inputs, not only for the ones in the table."""

import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_session_status import alerting, future_times, glance, notes, notification, policy, report, view
from claude_session_status.claude import transcript
from claude_session_status.claude.ingest import Ingester
from claude_session_status.model import (
    Activity,
    Cache,
    ClientStatus,
    Event,
    EventKind,
    Process,
    Request,
    Session,
    Snapshot,
    Source,
    Turn,
    Urgency,
)
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, Transcript
from safety import odd_transcripts
from truth.story import Stage, hook

REAL_FILES = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])

# ---- any order, any repetition ----------------------------------------------

HOOKS = [k for k in EventKind if k not in (EventKind.ALERTED, EventKind.GONE)]
MOMENTS = st.sampled_from([*(NOW - n for n in (400, 90, 60.5, 60, 30, 1, 0)), NOW + 3, NOW + 5000])


def transcripts(folder: Path) -> dict[str, Path]:
    """Three transcripts: an answered turn, an open one, none."""
    answered = Transcript(folder / "answered.jsonl").user(NOW - 100).answer(NOW - 90, wrote_1h=9)
    is_open = Transcript(folder / "open.jsonl").user(NOW - 200).answer(NOW - 190, wrote_5m=9).user(NOW - 61)
    for written in (answered, is_open):
        written.written_at(NOW - 50)
    return {"answered": answered.path, "open": is_open.path, "none": folder / "none.jsonl"}


events: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        kind=st.sampled_from([k.value for k in HOOKS]),
        session_id=st.sampled_from(["answered", "open", "none"]),
        at=MOMENTS,
        cwd=st.none() | st.sampled_from(["/a", "/b"]),
        title=st.none() | st.sampled_from(["A", "B"]),
        source=st.none() | st.sampled_from(["compact", "resume", "startup"]),
    )
    | st.builds(
        dict,
        kind=st.just("alerted"),
        session_id=st.sampled_from(["answered", "none"]),
        at=st.just(NOW),
        expires_at=MOMENTS,
        lead_seconds=st.sampled_from([30.0, 60.0]),
    ),
    min_size=1,
    max_size=6,
)


@REAL_FILES
@given(events, st.data())
def test_the_same_events_in_any_order_and_repeated_give_the_same_rows(
    events_made: list[dict[str, Any]], data: Any
) -> None:
    def rows(batches: list[list[dict[str, Any]]]) -> dict[str, Session]:
        with tempfile.TemporaryDirectory() as folder:
            where = Paths(folder)
            files = transcripts(Path(folder))
            store = Store(where.database)
            for batch in batches:
                for event in batch:
                    path = str(files[event["session_id"]])
                    values = {**event, "kind": EventKind(event["kind"]), "transcript_path": path}
                    Spool(where.spool).write(notes.encode(Event(**values)), event["at"])
                Ingester(where, store, clock=lambda: NOW).drain()
            Ingester(where, store, clock=lambda: NOW).write_refreshed([e["session_id"] for e in events_made])
            paths = {s.session_id: s for s in store.load()}
            return {name: _without_place(session) for name, session in paths.items()}

    shuffled = data.draw(st.permutations(events_made))
    repeated = shuffled + data.draw(st.lists(st.sampled_from(events_made), max_size=3))
    cut = data.draw(st.integers(0, len(repeated)))
    assert rows([repeated[:cut], repeated[cut:]]) == rows([events_made])


def _without_place(session: Session) -> Session:
    """The row without the fields that depend on the test's folder."""
    return replace(session, transcript_path=None, transcript_mark=None)


# ---- any content of a transcript ----------------------------------------------

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
usage = st.dictionaries(
    st.sampled_from(["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation"]),
    junk | st.dictionaries(st.sampled_from(["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]), junk),
)
dates = st.sampled_from(
    [
        *(
            None,
            7,
            "",
            "soon",
            "2026-W48",
            "2026-11-24T08:39:00Z",
            "2026-11-24T08:39:00",
            "2026-11-24T08:39:01.5+14:00",
        ),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-01-01T00:00:00Z"),
    ]
)
kinds = st.sampled_from(["user", "assistant", "attachment", "system", "api-request", "custom-title", "ai-title", 3])
fields = ("content", "customTitle", "aiTitle", "isSidechain", "isMeta", "requestRef", "id", "subtype", "querySource")
details = (
    "compactMetadata",
    "promptCacheRequested",
    "requestedModel",
    "effort",
    "isApiErrorMessage",
    "isCompactSummary",
)
lines = st.lists(
    st.binary(max_size=80)
    | st.builds(
        lambda kind, at, message, more: json.dumps(
            {"type": kind, "timestamp": at, "message": message, **more}
        ).encode(),
        kinds,
        dates,
        junk | st.fixed_dictionaries({}, optional={"id": junk, "model": junk, "usage": usage, "content": junk}),
        st.dictionaries(st.sampled_from(fields + details), junk | st.just("compact_boundary")),
    ),
    max_size=8,
)


@REAL_FILES
@given(lines)
def test_status_shows_a_session_whatever_its_transcript_holds(held: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = os.environ["CLAUDE_CONFIG_DIR"]
        os.environ["CLAUDE_CONFIG_DIR"] = folder
        try:
            stage = Stage(Path(folder), Paths(folder))
            stage.transcript("the-session").raw(b"\n".join(held)).written_at(NOW)
            stage.live([hook.prompt(20), hook.stop(10)])
            (shown,) = stage.status().values()
        finally:
            os.environ["CLAUDE_CONFIG_DIR"] = kept
    assert (shown["seconds_left"] is None) == (shown["cache"] == "none")
    assert 0 <= (shown["seconds_left"] or 0) <= (shown["ttl_seconds"] or 0) or shown["cache"] == "none"


# ---- the start of a request -------------------------------------------------


@dataclass(frozen=True)
class Exchange:
    """One request as the client makes it, and the lines that it leaves."""

    begins_with: str  # the line before it: prompt, tool result, attachment, or nothing
    lag: float  # seconds from that line to the request
    waits: tuple[float, ...]  # seconds after each try that failed
    latency: float  # seconds until the first line of the response
    lines: int  # of the response
    has_own_line: bool  # the client writes a line when it sends the request
    command: bool  # a local command runs while the response is awaited
    subagent: bool  # a subagent writes into the same file meanwhile
    pause: float  # seconds from the response before to the line before the request


exchanges = st.lists(
    st.builds(
        Exchange,
        st.sampled_from(["prompt", "tool result", "attachment", "nothing"]),
        st.floats(0, 0.9),
        st.lists(st.floats(0.1, 40), max_size=3).map(tuple),
        st.floats(0.1, 60),
        st.integers(1, 4),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.floats(0.01, 500),
    ),
    min_size=1,
    max_size=5,
)


def written(file: Transcript, made: list[Exchange]) -> tuple[float, float]:
    """Write the lines of the exchanges; when the last request began, and when the first line of its response came."""
    at, started, first_at = NOW - 5000, 0.0, 0.0
    start_line = {"prompt": file.user, "tool result": file.tool_result, "attachment": file.attachment}
    for number, exchange in enumerate(made):
        if number == 0 or exchange.begins_with != "nothing":
            at += exchange.pause
            start_line.get(exchange.begins_with, file.user)(at)
        started = at + exchange.lag
        for attempt, wait in enumerate(exchange.waits):
            file.retry(started + 1, wait * 1000, attempt + 1)
            started += 1 + wait
        if exchange.has_own_line:
            file.request(started, f"r{number}")
        first_at = started + exchange.latency
        if exchange.command:
            file.user(started + exchange.latency / 2, "<command-name>/cost</command-name>")
        if exchange.subagent:
            file.user(started + exchange.latency / 2, isSidechain=True)
            file.answer(first_at + 30, wrote_5m=9, isSidechain=True)
        for part in range(exchange.lines):
            at = first_at + part * 0.5
            file.answer(at, message=f"m{number}", wrote_5m=9, requestRef=f"r{number}", uuid=f"u{number}-{part}")
    return started, first_at


@REAL_FILES
@given(exchanges, st.data())
def test_a_request_is_never_dated_later_than_it_was_sent_whatever_the_order_of_the_lines(
    made: list[Exchange], data: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Transcript(Path(folder) / "t.jsonl")
        started, first_at = written(file, made)
        lines = file.path.read_bytes().splitlines()
        shuffled = data.draw(st.permutations(lines))
        file.path.write_bytes(b"\n".join(shuffled + data.draw(st.lists(st.sampled_from(lines), max_size=3))) + b"\n")
        facts = transcript.read(str(file.path))
    assert facts is not None
    assert facts.response_at is not None
    assert facts.request_at is not None
    assert abs(facts.response_at - first_at) < 0.01
    assert started - 1 < facts.request_at < started + 0.01


def test_a_request_never_starts_after_the_first_line_of_its_response() -> None:
    for seed in range(1000):  # about one in a hundred shows a wait after a failed try that is not cut short
        held = odd_transcripts.transcript(Random(seed))
        facts = transcript.facts_of([(len(line) + 1, line) for line in reversed(held)])
        if facts.request_at is not None:
            assert facts.response_at is not None
            assert facts.request_at <= facts.response_at, f"seed {seed}"


# ---- policy is total --------------------------------------------------------

moments = st.none() | st.floats(0, 2e9) | st.floats(0, 4e9) | st.sampled_from([NOW - 100, NOW, NOW + 100, NOW + 1e5])
requests = st.none() | st.builds(
    Request, st.floats(0, 4e9) | st.floats(NOW - 4000, NOW), st.sampled_from([300, 3600, 1]), st.sampled_from(Source)
)
names = st.none() | st.text(max_size=9)
sessions = st.builds(
    Session,
    session_id=st.text(min_size=1, max_size=9),
    project=names,
    cwd=names,
    title=names,
    context_tokens=st.none() | st.integers(0, 1 << 55),
    request=requests,
    transcript_turn=st.none() | st.sampled_from(Turn),
    client_status=st.none() | st.sampled_from(ClientStatus),
    process=st.none() | st.just(Process(1)),
    muted=st.booleans(),
    alerts=st.lists(st.tuples(st.sampled_from([30.0, 300.0]), st.floats(0, 4e9)), max_size=2).map(tuple),
    **dict.fromkeys(
        [*future_times.OWN_TIMES, "ended_at", "last_event_at", "transcript_at", "client_status_at"], moments
    ),
)
nows = st.floats(NOW - 1e5, NOW + 1e5) | st.floats(0, 4e9)
LEADS = (300.0, 30.0)


@given(st.lists(sessions, max_size=3), nows)
def test_policy_and_texts_handle_every_row_at_every_time(rows: list[Session], now: float) -> None:
    shot = policy.snapshot(rows, now)
    assert sorted(s.session.session_id for s in shot.sessions) == sorted(s.session_id for s in rows)
    for state in shot.sessions:
        assert isinstance(state.activity, Activity)
        assert (state.expires_at is None) == (state.seconds_left is None) == (state.cache is Cache.NONE)
        if state.seconds_left is not None and state.session.request is not None:
            assert 0 <= state.seconds_left <= state.session.request.ttl_seconds + 1e-3
            assert (state.seconds_left > 0) == (state.cache is Cache.WARM)
    due = alerting.due_alerts(shot.sessions, LEADS, now)
    assert all(e.expires_at is not None for alert in due for e in alerting.alerted_events(alert, LEADS, now))
    next_at = alerting.next_alert_time(shot.sessions, LEADS, now)
    assert next_at is None or next_at > now
    assert len(policy.current(shot).sessions) <= len(rows)
    json.dumps(report.as_json(shot), allow_nan=False)
    assert len(report.rows(shot, report.columns(120))) == len(rows)
    assert view.menu(shot)
    assert len(glance.tooltip(shot)) <= 128
    assert all(len(notification.of_alerts(alert).title) <= 64 for alert in due)


@given(st.lists(sessions, max_size=3), nows, st.floats(0, 0.999))
def test_no_cache_and_no_icon_changes_by_the_clock_before_the_moment_that_is_named(
    rows: list[Session], now: float, share: float
) -> None:
    """Once the clock has reached every time in the rows. What a session does may change: each poll looks at that."""
    names = [*future_times.OWN_TIMES, "ended_at", "last_event_at", "transcript_at", "client_status_at"]
    times = [getattr(row, name) for row in rows for name in names]
    now = max([now, *(at for at in times if at is not None), *(r.request.started_at for r in rows if r.request)])
    first = policy.snapshot(rows, now)
    until = min(policy.next_change(first), glance.next_change(first), now + 60)
    assert until >= now
    later = policy.snapshot(rows, now + share * (until - now))

    def caches(shot: Snapshot) -> list[tuple[str, Cache, Urgency]]:
        return sorted((s.session.session_id, s.cache, s.urgency) for s in shot.sessions)

    assert caches(later) == caches(first)
    if sorted(s.activity for s in first.sessions) == sorted(s.activity for s in later.sessions):
        assert glance.icon(later) == glance.icon(first)


@given(sessions, nows, st.lists(st.floats(0, 5000) | st.sampled_from([1.0, 60.0, 299.0, 3600.0])))
def test_a_countdown_never_grows_without_a_newer_request(session: Session, now: float, steps: list[float]) -> None:
    """Once the clock has reached every time in the row."""
    remembered = [getattr(session, name) for name in [*future_times.OWN_TIMES, "transcript_at", "client_status_at"]]
    started = session.request.started_at if session.request else None
    now = max(now, *(m for m in (*remembered, started) if m is not None), 0)
    before = policy.state_of(session, now)
    for step in steps:
        now += step
        after = policy.state_of(session, now)
        assert (after.seconds_left or 0) <= (before.seconds_left or 0)
        assert after.cache is before.cache or after.cache is Cache.EXPIRED
        before = after
