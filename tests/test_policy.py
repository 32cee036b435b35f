"""What a session is at a moment: cache, countdown, activity, order."""

from dataclasses import replace
from typing import Any

import pytest

from claude_session_status import policy
from claude_session_status.model import (
    Activity,
    Cache,
    ClientStatus,
    Request,
    Session,
    Source,
    Turn,
    Urgency,
)
from fakes import NOW
from rows import session, warm

ROUNDED = Request(NOW - 100, 300, Source.STATUS_LINE)


@pytest.mark.parametrize(
    ("what", "given_session", "cache", "left", "urgency"),
    [
        ("no request yet", session(), Cache.NONE, None, Urgency.NONE),
        ("fresh", warm(0), Cache.WARM, 300, Urgency.CALM),
        ("amber begins at two minutes", warm(179), Cache.WARM, 121, Urgency.CALM),
        ("amber", warm(180), Cache.WARM, 120, Urgency.SOON),
        ("red in the last 30 seconds", warm(270), Cache.WARM, 30, Urgency.LAST),
        ("the last second", warm(299), Cache.WARM, 1, Urgency.LAST),
        ("over", warm(300), Cache.EXPIRED, 0, Urgency.NONE),
        ("an hour's cache is amber in its last fifth", warm(3600 - 720, 3600), Cache.WARM, 720, Urgency.SOON),
        ("and not before", warm(3600 - 721, 3600), Cache.WARM, 721, Urgency.CALM),
        ("a little ahead of the clock: not more than the TTL", warm(-4), Cache.WARM, 300, Urgency.CALM),
        ("far ahead of the clock: ignored", warm(-5000), Cache.NONE, None, Urgency.NONE),
        ("compacted after the request", warm(100, uncached_at=NOW - 50), Cache.NONE, None, Urgency.NONE),
        ("another model chosen after it", warm(100, switched_at=NOW - 50), Cache.EXPIRED, 0, Urgency.NONE),
        (
            "and then the first one again",
            warm(100, switched_at=NOW - 50, switched_back_at=NOW - 20),
            Cache.WARM,
            200,
            Urgency.CALM,
        ),
        (
            "and then yet another",
            warm(100, switched_at=NOW - 5, switched_back_at=NOW - 20),
            Cache.EXPIRED,
            0,
            Urgency.NONE,
        ),
        (
            "compacted while its response was on its way",
            warm(100, uncached_at=NOW - 50, response_at=NOW - 30),
            Cache.WARM,
            200,
            Urgency.CALM,
        ),
        ("a request of the new model", warm(100, switched_at=NOW - 150), Cache.WARM, 200, Urgency.CALM),
        (
            "a request of the new model, in the second that the status line reports",
            session(request=ROUNDED, switched_at=NOW - 99.8, prompted_at=NOW - 99.6),
            Cache.WARM,
            200,
            Urgency.CALM,
        ),
        (
            "another model chosen in the second that the status line reports, after the prompt",
            session(request=ROUNDED, switched_at=NOW - 99.6, prompted_at=NOW - 99.8),
            Cache.EXPIRED,
            0,
            Urgency.NONE,
        ),
        ("a request after the compaction", warm(100, uncached_at=NOW - 150), Cache.WARM, 200, Urgency.CALM),
    ],
)
def test_the_last_request_decides_the_state_of_the_cache(
    what: str, given_session: Session, cache: Cache, left: float | None, urgency: Urgency
) -> None:
    state = policy.state_of(given_session, NOW)
    assert (state.cache, state.seconds_left, state.urgency) == (cache, left, urgency), what
    assert (state.expires_at is None) == (cache is Cache.NONE)


@pytest.mark.parametrize(
    ("what", "fields", "activity"),
    [
        ("just opened", {"opened_at": NOW - 5}, Activity.IDLE),
        ("prompted", {"prompted_at": NOW - 5}, Activity.WORKING),
        ("answered", {"prompted_at": NOW - 5, "last_turn_at": NOW - 1}, Activity.IDLE),
        ("prompted again", {"prompted_at": NOW - 1, "last_turn_at": NOW - 5}, Activity.WORKING),
        ("of one moment the calmer evidence", {"prompted_at": NOW - 1, "last_turn_at": NOW - 1}, Activity.IDLE),
        ("the first event of all is a prompt", {"started_at": NOW - 5, "prompted_at": NOW - 5}, Activity.WORKING),
        ("asks for permission", {"prompted_at": NOW - 9, "waiting_at": NOW - 5}, Activity.WAITING),
        ("waits for long", {"waiting_at": NOW - 9000}, Activity.WAITING),
        ("permission given: the tool's result is in", {
            "waiting_at": NOW - 9, "transcript_at": NOW - 1, "transcript_turn": Turn.ASKED}, Activity.WORKING),
        ("permission refused", {
            "waiting_at": NOW - 9, "transcript_at": NOW - 1, "transcript_turn": Turn.OVER}, Activity.IDLE),
        ("Esc while it spoke", {
            "prompted_at": NOW - 9, "transcript_at": NOW - 1, "transcript_turn": Turn.OVER}, Activity.IDLE),
        ("Esc before a response leaves no trace: work ends after a while", {"prompted_at": NOW - 181}, Activity.IDLE),
        ("a long tool still runs", {"transcript_at": NOW - 3000, "transcript_turn": Turn.TOOL}, Activity.WORKING),
        ("a tool of the first versions' hooks", {"tool_at": NOW - 3}, Activity.WORKING),
        ("the client reports busy: a long wait for a response is work", {
            "prompted_at": NOW - 900, "client_status": ClientStatus.BUSY, "client_status_at": NOW - 899},
            Activity.WORKING),
        ("the client reports idle: Esc that left no trace", {
            "prompted_at": NOW - 9, "client_status": ClientStatus.IDLE, "client_status_at": NOW - 2,
            "transcript_at": NOW - 1, "transcript_turn": Turn.ASKED}, Activity.IDLE),
        ("the client reports waiting before the hook does", {
            "prompted_at": NOW - 9, "client_status": ClientStatus.WAITING, "client_status_at": NOW - 2},
            Activity.WAITING),
        ("a hook that is newer than the client's status", {
            "last_turn_at": NOW - 1, "client_status": ClientStatus.BUSY, "client_status_at": NOW - 2}, Activity.IDLE),
        ("a message typed into a long turn: the client reports busy since its start", {
            "client_status": ClientStatus.BUSY, "client_status_at": NOW - 215, "prompted_at": NOW - 211},
            Activity.WORKING),
        ("a message typed while a long tool runs", {
            "transcript_at": NOW - 600, "transcript_turn": Turn.TOOL, "prompted_at": NOW - 500}, Activity.WORKING),
        ("anything after a permission prompt means that it was answered, even when too old to count as work", {
            "waiting_at": NOW - 400, "prompted_at": NOW - 300}, Activity.IDLE),
        ("and what ran before it may run on", {
            "transcript_at": NOW - 600, "transcript_turn": Turn.TOOL, "waiting_at": NOW - 590,
            "prompted_at": NOW - 500}, Activity.WORKING),
        ("the end of a turn is not forgotten for a tool before it", {
            "tool_at": NOW - 100, "last_turn_at": NOW - 250, "prompted_at": NOW - 200}, Activity.WORKING),
        ("nor for a message that is too old to count", {
            "transcript_at": NOW - 600, "transcript_turn": Turn.TOOL, "last_turn_at": NOW - 550,
            "prompted_at": NOW - 500}, Activity.IDLE),
        ("ended", {"ended_at": NOW - 5, "last_event_at": NOW - 5, "prompted_at": NOW - 9}, Activity.ENDED),
        ("came back after its end", {"ended_at": NOW - 9, "last_event_at": NOW - 5}, Activity.IDLE),
        ("came back: what was open before the end is not", {
            "ended_at": NOW - 9, "last_event_at": NOW - 5, "prompted_at": NOW - 20}, Activity.IDLE),
    ],
)  # fmt: skip
def test_the_newest_evidence_decides_the_activity(what: str, fields: dict[str, object], activity: Activity) -> None:
    assert policy.activity_of(session(**fields), NOW) is activity, what


LARGE: dict[str, object] = {"context_tokens": 214_000, "idle_compact_tokens": 200_000}
REPORTED = Request(NOW - 400, 3600, Source.STATUS_LINE)


@pytest.mark.parametrize(
    ("what", "given_session", "compacts_in"),
    [
        ("a large conversation with an hour's cache", warm(400, 3600, **LARGE), 2840),
        ("the last second before", warm(3239, 3600, **LARGE), 1),
        ("at that moment: the client is at it, or it will not", warm(3240, 3600, **LARGE), None),
        ("five minutes' cache", warm(100, 300, **LARGE), None),
        ("too small", warm(400, 3600, context_tokens=199_999, idle_compact_tokens=200_000), None),
        ("just large enough", warm(400, 3600, context_tokens=200_000, idle_compact_tokens=200_000), 2840),
        ("of unknown size", warm(400, 3600, idle_compact_tokens=200_000), None),
        ("a client that does not", warm(400, 3600, context_tokens=900_000), None),
        ("at work", warm(400, 3600, prompted_at=NOW - 5, **LARGE), None),
        ("waits for a permission", warm(400, 3600, waiting_at=NOW - 5, **LARGE), None),
        ("ended", warm(400, 3600, ended_at=NOW, last_event_at=NOW, **LARGE), None),
        ("another model was chosen: nothing to keep", warm(400, 3600, switched_at=NOW - 5, **LARGE), None),
        ("compacted already", warm(400, 3600, uncached_at=NOW - 5, **LARGE), None),
        ("the turn's own request, by the status line",
            session(request=REPORTED, last_turn_at=NOW - 400.5, response_at=NOW - 400.2, **LARGE), 2840),
        ("a side question after the turn: counted from the turn",
            session(request=REPORTED, last_turn_at=NOW - 500, response_at=NOW - 510, **LARGE), 2730),
        ("a side question of a session without hooks",
            session(request=REPORTED, transcript_at=NOW - 500, transcript_turn=Turn.OVER, response_at=NOW - 510,
                    **LARGE), 2730),
        ("the client could not compact, and its try renewed the cache: it does not try again",
            session(request=REPORTED, last_turn_at=NOW - 3630, response_at=NOW - 3640, **LARGE), None),
        ("a side question after a turn whose start is not known",
            session(request=REPORTED, last_turn_at=NOW - 500, **LARGE), None),
    ],
)  # fmt: skip
def test_when_the_client_compacts(what: str, given_session: Session, compacts_in: float | None) -> None:
    at = policy.state_of(given_session, NOW).compacts_at
    assert at == (None if compacts_in is None else NOW + compacts_in), what


def test_sessions_that_wait_come_first_and_ended_ones_last() -> None:
    given = [
        replace(warm(100), session_id="idle, soonest"),
        replace(warm(0, waiting_at=NOW), session_id="waits, warm"),
        replace(warm(400, waiting_at=NOW), session_id="waits, expired"),
        replace(warm(290, waiting_at=NOW, ended_at=NOW + 1), session_id="ended while it waited"),
        replace(session(waiting_at=NOW), session_id="waits, nothing cached"),
    ]
    assert [s.session.session_id for s in policy.snapshot(given, NOW).sessions] == [
        "waits, warm",
        "waits, expired",
        "waits, nothing cached",
        "idle, soonest",
        "ended while it waited",
    ]


@pytest.mark.parametrize(
    ("what", "fields", "since"),
    [
        ("by its hook", {"waiting_at": NOW}, NOW),
        ("the client's status says so sooner",
            {"waiting_at": NOW, "client_status": ClientStatus.WAITING, "client_status_at": NOW - 6}, NOW - 6),
        ("a later wait, whose hook is yet to come",
            {"waiting_at": NOW - 50, "client_status": ClientStatus.WAITING, "client_status_at": NOW}, NOW),
        ("answered", {"waiting_at": NOW - 50, "tool_at": NOW}, None),
        ("the client is idle again",
            {"waiting_at": NOW - 50, "client_status": ClientStatus.IDLE, "client_status_at": NOW}, None),
    ],
)  # fmt: skip
def test_since_when_a_session_waits(what: str, fields: dict[str, Any], since: float | None) -> None:
    assert policy.waiting_since(session(**fields), NOW) == since, what


def test_sessions_are_ordered_by_what_is_soonest() -> None:
    shown = policy.snapshot(
        [
            replace(session(), session_id="nothing cached"),
            replace(warm(400), session_id="expired lately"),
            replace(warm(100), session_id="warm"),
            replace(warm(290, ended_at=NOW, last_event_at=NOW), session_id="ended"),
            replace(warm(900), session_id="expired long ago"),
            replace(warm(250), session_id="soonest"),
        ],
        NOW,
    )
    order = [s.session.session_id for s in shown.sessions]
    assert order == ["soonest", "warm", "expired lately", "expired long ago", "nothing cached", "ended"]
    silent = replace(warm(90_000), session_id="silent for a day", last_event_at=NOW - 90_000, started_at=NOW - 90_000)
    kept = policy.current(policy.snapshot([silent, *(s.session for s in shown.sessions)], NOW))
    assert [s.session.session_id for s in kept.sessions] == order[:-1]


def test_a_later_moment_of_a_snapshot_is_the_snapshot_of_that_moment() -> None:
    sessions = [warm(age, ttl, model="m", context_tokens=1000) for age in (10, 179, 269, 290) for ttl in (300, 3600)]
    first = policy.snapshot(sessions, NOW, price=lambda _model, ttl, tokens: ttl * tokens / 1e6, paused_until=NOW + 60)
    for seconds in (0, 2, 59, 61, 5000):
        later = policy.snapshot(
            sessions, NOW + seconds, price=lambda _model, ttl, tokens: ttl * tokens / 1e6, paused_until=NOW + 60
        )
        assert policy.later(first, NOW + seconds) == later
