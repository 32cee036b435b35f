"""What must hold for everything that can happen, not only for what somebody thought of."""

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_session_status import alerting, notes, notification, policy, reducer, report, view
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
    Source,
    Turn,
)
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW, Transcript
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
def test_the_same_events_in_any_order_and_repeated_give_the_same_rows(told: list[dict[str, Any]], data: Any) -> None:
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
            Ingester(where, store, clock=lambda: NOW).write_refreshed([e["session_id"] for e in told])
            paths = {s.session_id: s for s in store.load()}
            return {name: _without_place(session) for name, session in paths.items()}

    shuffled = data.draw(st.permutations(told))
    repeated = shuffled + data.draw(st.lists(st.sampled_from(told), max_size=3))
    cut = data.draw(st.integers(0, len(repeated)))
    assert rows([repeated[:cut], repeated[cut:]]) == rows([told])


def _without_place(session: Session) -> Session:
    """The row without what names the folder that it was made in."""
    return replace(session, transcript_path=None, transcript_mark=None)


# ---- whatever a transcript holds --------------------------------------------

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
def test_whatever_a_transcript_holds_status_tells_something(held: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = os.environ["CLAUDE_CONFIG_DIR"]
        os.environ["CLAUDE_CONFIG_DIR"] = folder
        try:
            stage = Stage(Path(folder), Paths(folder))
            stage.transcript("the-session").raw(b"\n".join(held)).written_at(NOW)
            stage.live([hook.prompt(20), hook.stop(10)])
            (told,) = stage.status().values()
        finally:
            os.environ["CLAUDE_CONFIG_DIR"] = kept
    assert (told["seconds_left"] is None) == (told["cache"] == "none")
    assert 0 <= (told["seconds_left"] or 0) <= (told["ttl_seconds"] or 0) or told["cache"] == "none"


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
    **dict.fromkeys([*reducer.OWN_TIMES, "ended_at", "last_event_at", "transcript_at", "client_status_at"], moments),
)
nows = st.floats(NOW - 1e5, NOW + 1e5) | st.floats(0, 4e9)
LEADS = (300.0, 30.0)


@given(st.lists(sessions, max_size=3), nows)
def test_policy_and_words_have_an_answer_for_every_row_at_every_moment(rows: list[Session], now: float) -> None:
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
    mark = alerting.next_alert_time(shot.sessions, LEADS, now)
    assert mark is None or mark > now
    assert len(policy.current(shot).sessions) <= len(rows)
    json.dumps(report.as_json(shot), allow_nan=False)
    assert len(report.rows(shot, report.Columns())) == len(rows)
    assert view.menu(shot)
    assert len(view.tooltip(shot)) <= 128
    assert all(len(notification.of_alerts(alert).title) <= 64 for alert in due)


@given(sessions, nows, st.lists(st.floats(0, 5000) | st.sampled_from([1.0, 60.0, 299.0, 3600.0])))
def test_a_countdown_never_grows_without_a_newer_request(session: Session, now: float, steps: list[float]) -> None:
    """From a moment on at which the clock has reached all that is remembered."""
    remembered = [getattr(session, name) for name in [*reducer.OWN_TIMES, "transcript_at", "client_status_at"]]
    started = session.request.started_at if session.request else None
    now = max(now, *(m for m in (*remembered, started) if m is not None), 0)
    before = policy.state_of(session, now)
    for step in steps:
        now += step
        after = policy.state_of(session, now)
        assert (after.seconds_left or 0) <= (before.seconds_left or 0)
        assert after.cache is before.cache or after.cache is Cache.EXPIRED
        before = after
