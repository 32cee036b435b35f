"""The rules of time, as tables: what a session is at a moment, and when a person hears of it."""

import itertools
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import policy
from claude_session_status.model import (
    Activity,
    Cache,
    ClientStatus,
    Event,
    EventKind,
    Process,
    Request,
    Session,
    SessionState,
    Source,
    TranscriptFacts,
    Turn,
    Urgency,
)
from fakes import NOW


def session(**fields: object) -> Session:
    return replace(Session("s", started_at=NOW - 10_000, last_event_at=NOW - 10_000), **fields)  # type: ignore[arg-type]


def warm(age: float, ttl: int = 300, **fields: object) -> Session:
    """A session whose last request began `age` seconds ago."""
    return session(request=Request(NOW - age, ttl, Source.TRANSCRIPT), **fields)


def event(kind: str, at: float, **fields: object) -> Event:
    return Event(EventKind(kind), "s", at, **fields)  # type: ignore[arg-type]


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
        ("far ahead of the clock: not believed", warm(-5000), Cache.NONE, None, Urgency.NONE),
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
        ("a request after the compaction", warm(100, uncached_at=NOW - 150), Cache.WARM, 200, Urgency.CALM),
    ],
)
def test_cache(what: str, given_session: Session, cache: Cache, left: float | None, urgency: Urgency) -> None:
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
        ("of one moment the calmer word", {"prompted_at": NOW - 1, "last_turn_at": NOW - 1}, Activity.IDLE),
        ("the first event of all is a prompt", {"started_at": NOW - 5, "prompted_at": NOW - 5}, Activity.WORKING),
        ("asks for permission", {"prompted_at": NOW - 9, "waiting_at": NOW - 5}, Activity.WAITING),
        ("waits for long", {"waiting_at": NOW - 9000}, Activity.WAITING),
        ("permission given: the tool's result is in", {
            "waiting_at": NOW - 9, "transcript_at": NOW - 1, "transcript_turn": Turn.ASKED}, Activity.WORKING),
        ("permission refused", {
            "waiting_at": NOW - 9, "transcript_at": NOW - 1, "transcript_turn": Turn.OVER}, Activity.IDLE),
        ("Esc while it spoke", {
            "prompted_at": NOW - 9, "transcript_at": NOW - 1, "transcript_turn": Turn.OVER}, Activity.IDLE),
        ("Esc before a word leaves no trace, so time must tell", {"prompted_at": NOW - 181}, Activity.IDLE),
        ("a long tool is believed", {"transcript_at": NOW - 3000, "transcript_turn": Turn.TOOL}, Activity.WORKING),
        ("a tool of the first versions' hooks", {"tool_at": NOW - 3}, Activity.WORKING),
        ("the client says busy: a long wait for a word is believed", {
            "prompted_at": NOW - 900, "client_status": ClientStatus.BUSY, "client_status_at": NOW - 899},
            Activity.WORKING),
        ("the client says idle: Esc that left no trace", {
            "prompted_at": NOW - 9, "client_status": ClientStatus.IDLE, "client_status_at": NOW - 2,
            "transcript_at": NOW - 1, "transcript_turn": Turn.ASKED}, Activity.IDLE),
        ("the client says waiting before the hook does", {
            "prompted_at": NOW - 9, "client_status": ClientStatus.WAITING, "client_status_at": NOW - 2},
            Activity.WAITING),
        ("a hook that is newer than the client's word", {
            "last_turn_at": NOW - 1, "client_status": ClientStatus.BUSY, "client_status_at": NOW - 2}, Activity.IDLE),
        ("ended", {"ended_at": NOW - 5, "last_event_at": NOW - 5, "prompted_at": NOW - 9}, Activity.ENDED),
        ("came back after its end", {"ended_at": NOW - 9, "last_event_at": NOW - 5}, Activity.IDLE),
        ("came back: what was open before the end is not", {
            "ended_at": NOW - 9, "last_event_at": NOW - 5, "prompted_at": NOW - 20}, Activity.IDLE),
    ],
)  # fmt: skip
def test_activity(what: str, fields: dict[str, object], activity: Activity) -> None:
    assert policy.activity_of(session(**fields), NOW) is activity, what


@pytest.mark.parametrize(
    ("what", "given_session", "mark"),
    [
        ("30 s before the end", warm(100, last_turn_at=NOW - 90), NOW + 170),
        ("fell idle after that", warm(290, last_turn_at=NOW - 2), NOW - 2),
        ("working", warm(100, prompted_at=NOW - 90), None),
        ("waiting", warm(100, waiting_at=NOW - 90), NOW + 170),
        ("ended", warm(100, ended_at=NOW, last_event_at=NOW), None),
        ("muted", warm(100, muted=True), None),
        ("expired", warm(301), None),
        ("nothing cached", session(), None),
        ("told already", warm(100, alerts=((30.0, NOW + 200),)), None),
        ("told of this expiry by a source some seconds off", warm(100, alerts=((30.0, NOW + 190),)), None),
        ("told of the one before", warm(100, alerts=((30.0, NOW - 100),)), NOW + 170),
    ],
)
def test_when_a_person_should_hear(what: str, given_session: Session, mark: float | None) -> None:
    assert policy.alert_mark(policy.state_of(given_session, NOW), 30, NOW) == mark, what


@pytest.mark.parametrize(("age", "due"), [(269, 0), (270, 1), (274, 1), (276, 0), (299, 0)])
def test_an_alert_is_given_at_its_mark_and_not_made_up_for(age: float, due: int) -> None:
    states = [policy.state_of(warm(age), NOW)]
    assert len(policy.due_alerts(states, [30], NOW)) == due


def test_of_two_lead_times_that_are_due_the_shorter_one_is_given_and_both_are_done() -> None:
    just_idle = policy.state_of(warm(3580, 3600, last_turn_at=NOW), NOW)
    (alert,) = policy.due_alerts([just_idle], [300, 30], NOW)
    assert alert.lead_seconds == 30
    told = just_idle.session
    for done in policy.alerted(alert, [300, 30], NOW):
        told = policy.apply(told, done)
    assert policy.due_alerts([policy.state_of(told, NOW + 1)], [300, 30], NOW + 1) == ()


@pytest.mark.parametrize(
    ("what", "ttl", "leads", "counted"),
    [
        ("none are set: five minutes", 300, None, (30,)),
        ("none are set: an hour", 3600, None, (30, 300)),
        ("set", 3600, (600, 60), (60, 600)),
        ("one as long as the cache lives would be due at each turn", 300, (300, 30), (30,)),
        ("no notifications", 300, (), ()),
    ],
)
def test_lead_times(what: str, ttl: int, leads: tuple[float, ...] | None, counted: tuple[float, ...]) -> None:
    assert policy.leads_of(policy.state_of(warm(0, ttl), NOW), leads) == counted, what


@pytest.mark.parametrize(
    ("what", "options", "due"),
    [
        ("nothing set", {}, 1),
        ("paused", {"paused_until": NOW + 1}, 0),
        ("paused until just now", {"paused_until": NOW}, 1),
        ("small", {"min_tokens": 5001}, 0),
        ("just large enough", {"min_tokens": 5000}, 1),
    ],
)
def test_when_a_person_wants_quiet(what: str, options: dict[str, Any], due: int) -> None:
    states = [policy.state_of(warm(270, context_tokens=5000), NOW)]
    assert len(policy.due_alerts(states, None, NOW, **options)) == due, what


def test_a_session_of_unknown_size_is_not_taken_for_a_small_one() -> None:
    assert policy.due_alerts([policy.state_of(warm(270), NOW)], None, NOW, min_tokens=5000)


def test_what_expires_within_five_seconds_is_told_of_together() -> None:
    def states(now: float) -> list[SessionState]:
        ages = {"now": 270.0, "soon": 266.0, "later": 264.0, "busy": 268.0}
        sessions = [replace(warm(age), session_id=name) for name, age in ages.items()]
        return [policy.state_of(replace(s, prompted_at=NOW) if s.session_id == "busy" else s, now) for s in sessions]

    due = policy.due_alerts(states(NOW), [30], NOW)
    assert [a.state.session.session_id for a in due] == ["now", "soon"]
    assert [[a.state.session.session_id for a in group] for group in policy.together(due)] == [["now", "soon"]]
    assert policy.due_alerts(states(NOW - 1), [30], NOW - 1) == ()


def test_two_that_fall_due_at_once_but_expire_apart_are_two_groups() -> None:
    states = [
        policy.state_of(replace(warm(3300, 3600), session_id="hour"), NOW),
        policy.state_of(replace(warm(270), session_id="five"), NOW),
    ]
    groups = policy.together(policy.due_alerts(states, None, NOW))
    assert [[a.state.session.session_id for a in group] for group in groups] == [["five"], ["hour"]]


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        ("2026-11-24 15:00", "2026-11-25 08:00"),
        ("2026-11-24 07:00", "2026-11-25 08:00"),
        ("2026-11-24 23:50", "2026-11-25 08:00"),
        ("2026-11-25 00:30", "2026-11-25 08:00"),  # still the same night
        ("2026-12-31 12:00", "2027-01-01 08:00"),
    ],
)
def test_tomorrow_is_the_morning_after_this_day(now: str, morning: str) -> None:
    assert policy.tomorrow(datetime.fromisoformat(now).timestamp()) == datetime.fromisoformat(morning).timestamp()


def test_a_clock_that_was_never_set_has_a_tomorrow_that_windows_can_convert() -> None:
    """It takes no local time below that of one day, and looks at the day before each."""
    assert policy.tomorrow(0.0) - 86400 >= 86400 - 14 * 3600


def test_a_forgotten_session_comes_back_only_by_something_newer() -> None:
    s = policy.apply(Session("s"), event("start", NOW, cwd="/a", title="A"))
    s = policy.apply(replace(s, request=Request(NOW, 300, Source.TRANSCRIPT), context_tokens=9), event("turn", NOW + 1))
    forgotten = policy.apply(s, event("forget", NOW + 2))
    assert forgotten == Session("s", forgotten_at=NOW + 2)
    assert forgotten.is_forgotten
    assert policy.snapshot([forgotten], NOW).sessions == ()
    again = policy.apply(policy.apply(forgotten, event("turn", NOW + 1)), event("alerted", NOW + 2, lead_seconds=30))
    assert again == forgotten
    assert policy.apply(forgotten, event("found", NOW + 3, cwd="/a")) == forgotten  # its file may be written for long
    back = policy.apply(forgotten, event("prompt", NOW + 3, cwd="/b"))
    assert (back.is_forgotten, back.cwd, back.title, back.last_turn_at) == (False, "/b", None, None)


def test_muting_neither_revives_a_session_nor_makes_it_look_alive() -> None:
    ended = policy.apply(policy.apply(Session("s"), event("start", NOW)), event("end", NOW + 1))
    muted = policy.apply(ended, event("mute", NOW + 5))
    assert muted.muted
    assert muted.is_ended
    assert policy.last_sign(muted) == NOW + 1
    assert not policy.apply(muted, event("unmute", NOW + 6)).muted


def test_what_a_person_wants_holds_also_when_the_clock_was_set_back() -> None:
    s = policy.apply(policy.apply(Session("s"), event("turn", NOW)), event("mute", NOW + 10))
    earlier = NOW - 3600
    assert not policy.apply(s, event("unmute", policy.moment_for(s, earlier))).muted
    assert policy.apply(s, event("forget", policy.moment_for(s, earlier))).is_forgotten
    assert policy.moment_for(s, NOW + 99) == NOW + 99


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


def test_an_events_fields_hold_until_a_newer_event_has_others() -> None:
    s = policy.apply(Session("s"), event("start", NOW, cwd="/a", project="a", process=Process(1)))
    s = policy.apply(s, event("turn", NOW + 2, cwd="/b", project="b"))
    s = policy.apply(s, event("prompt", NOW + 1, cwd="/c", project="c", title="T"))
    assert (s.cwd, s.project, s.title, s.process) == ("/b", "b", "T", Process(1))
    assert (s.started_at, s.prompted_at, s.last_turn_at, s.last_event_at) == (NOW, NOW + 1, NOW + 2, NOW + 2)


def test_the_end_of_a_process_is_undone_by_any_newer_event() -> None:
    s = policy.apply(Session("s"), event("start", NOW))
    gone = policy.apply(s, event("gone", NOW))
    assert policy.activity_of(gone, NOW + 1) is Activity.ENDED
    assert policy.activity_of(policy.apply(gone, event("start", NOW + 1)), NOW + 1) is Activity.IDLE


def test_compaction_leaves_nothing_cached_and_does_not_reopen_the_session() -> None:
    s = policy.apply(warm(100, prompted_at=NOW - 5), event("start", NOW, source="compact"))
    assert policy.state_of(s, NOW).cache is Cache.NONE
    assert policy.activity_of(s, NOW) is Activity.WORKING


def test_a_transcripts_title_beats_a_hooks_whatever_comes_first() -> None:
    titled = policy.apply(Session("s"), event("start", NOW, title="hook"))
    titled = policy.observe(titled, TranscriptFacts(title="A"), "1")
    titled = policy.apply(titled, event("prompt", NOW + 5, title="hook again"))
    assert titled.title == "A"
    assert policy.observe(titled, TranscriptFacts(title=None), "2").title == "A"
    assert policy.observe(titled, TranscriptFacts(title="Z"), "3").title == "Z"


def test_at_stop_the_request_on_its_way_is_the_one_that_was_answered() -> None:
    on_its_way = TranscriptFacts(request_at=NOW - 100, ttl_seconds=3600, pending_at=NOW - 20)
    stopped = policy.observe(session(answered_at=NOW), on_its_way, "1")
    assert stopped.request == Request(NOW - 20, 3600, Source.HOOK)
    working = policy.observe(session(answered_at=NOW - 50), on_its_way, "1")
    assert working.request == Request(NOW - 100, 3600, Source.TRANSCRIPT)
    seen = policy.observe(stopped, TranscriptFacts(request_at=NOW - 20, ttl_seconds=300), "2")
    assert seen.request == Request(NOW - 20, 300, Source.TRANSCRIPT)


def test_a_failed_turn_is_no_request() -> None:
    s = policy.apply(Session("s"), event("failure", NOW))
    assert policy.assume_request(s).request is None
    assert policy.assume_request(policy.apply(s, event("turn", NOW + 1))).request == Request(NOW + 1, 300, Source.HOOK)


LINE, TRANSCRIPT, HOOK = Source.STATUS_LINE, Source.TRANSCRIPT, Source.HOOK


@pytest.mark.parametrize(
    ("what", "one", "other", "expected"),
    [
        ("the status line alone", None, Request(NOW, 300, LINE), Request(NOW, 300, LINE)),
        ("both of one request: its word, the exact moment",
            Request(NOW - 0.6, 300, TRANSCRIPT), Request(NOW, 300, LINE), Request(NOW - 0.6, 300, LINE)),
        ("the other way round",
            Request(NOW + 0.4, 300, TRANSCRIPT), Request(NOW, 300, LINE), Request(NOW, 300, LINE)),
        ("of one request, the status line's TTL is shorter",
            Request(NOW - 0.6, 3600, TRANSCRIPT), Request(NOW, 300, LINE), Request(NOW, 300, LINE)),
        ("of one request, the transcript's TTL is shorter",
            Request(NOW - 0.6, 300, TRANSCRIPT), Request(NOW, 3600, LINE), Request(NOW - 0.6, 300, TRANSCRIPT)),
        ("a later request in the transcript",
            Request(NOW + 50, 300, TRANSCRIPT), Request(NOW, 300, LINE), Request(NOW + 50, 300, TRANSCRIPT)),
        ("a later one, and of a shorter TTL",
            Request(NOW + 50, 300, TRANSCRIPT), Request(NOW, 3600, LINE), Request(NOW + 50, 300, TRANSCRIPT)),
        ("a later request in the status line",
            Request(NOW - 50, 3600, TRANSCRIPT), Request(NOW, 300, LINE), Request(NOW, 300, LINE)),
        ("two words of the status line: the later request",
            Request(NOW + 1, 300, LINE), Request(NOW, 3600, LINE), Request(NOW + 1, 300, LINE)),
        ("a request that a hook's event dates exactly",
            Request(NOW - 0.5, 300, HOOK), Request(NOW, 300, LINE), Request(NOW - 0.5, 300, LINE)),
    ],
)  # fmt: skip
def test_of_two_sources(what: str, one: Request | None, other: Request, expected: Request) -> None:
    assert policy.newer_request(one, other) == expected, what
    assert policy.newer_request(other, one) == expected, what
    assert policy.newer_request(expected, other) == expected, what


def told(expires_at: float, at: float = NOW, ttl: int = 300) -> Event:
    return event("statusline", at, expires_at=expires_at, ttl_seconds=ttl)


def test_a_transcript_that_is_read_again_keeps_the_status_lines_word() -> None:
    s = policy.apply(session(), told(NOW + 290))
    for mark in ("1", "2"):
        s = policy.observe(s, TranscriptFacts(request_at=NOW - 10.4, ttl_seconds=300), mark)
        assert s.request == Request(NOW - 10.4, 300, LINE)
    s = policy.observe(s, TranscriptFacts(request_at=NOW + 60, ttl_seconds=3600), "3")
    assert s.request == Request(NOW + 60, 3600, TRANSCRIPT)


@pytest.mark.parametrize("order", [0, 1])
def test_a_hooks_guess_yields_to_what_the_status_line_says_of_that_turn(order: int) -> None:
    asked = session(prompted_at=NOW - 20, answered_at=NOW)
    steps = [lambda s: policy.apply(s, told(NOW - 19 + 300)), policy.assume_request]
    for step in steps if order else reversed(steps):
        asked = step(asked)
    assert asked.request == Request(NOW - 19, 300, LINE)


def test_a_hooks_guess_of_a_later_turn_is_newer_than_the_status_line() -> None:
    s = policy.apply(session(prompted_at=NOW - 100), told(NOW + 210))
    s = policy.assume_request(replace(s, prompted_at=NOW - 20, answered_at=NOW))
    assert s.request == Request(NOW, 300, HOOK)


def test_after_a_switch_of_the_model_the_status_line_warms_nothing() -> None:
    switched = session(switched_at=NOW - 50, request=Request(NOW - 100.6, 300, TRANSCRIPT))
    s = policy.apply(switched, told(NOW + 200))
    assert policy.state_of(s, NOW).cache is Cache.EXPIRED
    assert policy.state_of(policy.apply(s, told(NOW + 280)), NOW).cache is Cache.WARM


def test_a_sign_of_life_brings_back_only_what_no_hook_has_spoken_of() -> None:
    ended = policy.apply(policy.apply(Session("s"), event("turn", NOW)), event("end", NOW + 1))
    found = policy.apply(policy.apply(Session("s"), event("found", NOW)), event("gone", NOW))
    for sign in (event("found", NOW + 9), told(NOW + 300, NOW + 9)):
        assert policy.activity_of(policy.apply(ended, sign), NOW + 10) is Activity.ENDED
        assert not policy.may_be_found(ended, sign.at)
        assert policy.activity_of(found, NOW + 10) is Activity.ENDED
        assert policy.activity_of(policy.apply(found, sign), NOW + 10) is Activity.IDLE
        assert policy.may_be_found(found, sign.at)
    assert not policy.may_be_found(found, NOW)


def test_what_was_found_yields_to_what_any_hook_says() -> None:
    s = policy.apply(Session("s"), event("found", NOW + 50, cwd="/found", title="F"))
    assert (s.cwd, s.title) == ("/found", "F")
    s = policy.apply(s, event("turn", NOW, cwd="/hook"))
    assert policy.apply(s, event("found", NOW + 90, cwd="/later", title="G")).cwd == "/hook"


_EVENTS = st.lists(
    st.builds(
        Event,
        st.sampled_from([k for k in EventKind if k is not EventKind.ALERTED]),
        st.just("s"),
        st.sampled_from([NOW + n for n in range(6)]),
        cwd=st.none() | st.sampled_from(["/a", "/b"]),
        title=st.none() | st.sampled_from(["A", "B"]),
        source=st.none() | st.sampled_from(["compact", "resume"]),
        process=st.none() | st.builds(Process, st.sampled_from([1, 2])),
        expires_at=st.none() | st.sampled_from([NOW + 300, NOW + 301, NOW + 3600]),
        ttl_seconds=st.none() | st.sampled_from([300, 3600]),
    ),
    max_size=5,
)


@given(_EVENTS)
def test_events_in_any_order_and_repeated_end_alike(events: list[Event]) -> None:
    def end(order: list[Event]) -> Session:
        s = Session("s")
        for e in order:
            s = policy.apply(s, e)
        return s

    ends = {end(list(order) + list(order[:2])) for order in itertools.permutations(events)}
    assert len(ends) == 1
