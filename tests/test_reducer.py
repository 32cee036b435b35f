"""What is known of a session grows the same whatever comes first, and however often."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import policy, reducer
from claude_session_status.model import (
    Activity,
    Cache,
    Event,
    EventKind,
    Process,
    Request,
    Session,
    Source,
    TranscriptFacts,
)
from fakes import NOW
from rows import event, session, warm


def test_a_forgotten_session_comes_back_only_by_something_newer() -> None:
    s = reducer.apply(Session("s"), event("start", NOW, cwd="/a", title="A"))
    s = reducer.apply(
        replace(s, request=Request(NOW, 300, Source.TRANSCRIPT), context_tokens=9), event("turn", NOW + 1)
    )
    forgotten = reducer.apply(s, event("forget", NOW + 2))
    assert forgotten == Session("s", forgotten_at=NOW + 2)
    assert forgotten.is_forgotten
    assert policy.snapshot([forgotten], NOW).sessions == ()
    again = reducer.apply(reducer.apply(forgotten, event("turn", NOW + 1)), event("alerted", NOW + 2, lead_seconds=30))
    assert again == forgotten
    assert reducer.apply(forgotten, event("found", NOW + 3, cwd="/a")) == forgotten  # its file may be written for long
    back = reducer.apply(forgotten, event("prompt", NOW + 3, cwd="/b"))
    assert (back.is_forgotten, back.cwd, back.title, back.last_turn_at) == (False, "/b", None, None)


def test_muting_neither_revives_a_session_nor_makes_it_look_alive() -> None:
    ended = reducer.apply(reducer.apply(Session("s"), event("start", NOW)), event("end", NOW + 1))
    muted = reducer.apply(ended, event("mute", NOW + 5))
    assert muted.muted
    assert muted.is_ended
    assert reducer.last_seen(muted) == NOW + 1
    assert not reducer.apply(muted, event("unmute", NOW + 6)).muted


def test_what_a_person_wants_holds_also_when_the_clock_was_set_back() -> None:
    s = reducer.apply(reducer.apply(Session("s"), event("turn", NOW)), event("mute", NOW + 10))
    earlier = NOW - 3600
    assert not reducer.apply(s, event("unmute", reducer.action_time(s, earlier))).muted
    assert reducer.apply(s, event("forget", reducer.action_time(s, earlier))).is_forgotten
    assert reducer.action_time(s, NOW + 99) == NOW + 99


def test_an_events_fields_hold_until_a_newer_event_has_others() -> None:
    s = reducer.apply(Session("s"), event("start", NOW, cwd="/a", project="a", process=Process(1)))
    s = reducer.apply(s, event("turn", NOW + 2, cwd="/b", project="b"))
    s = reducer.apply(s, event("prompt", NOW + 1, cwd="/c", project="c", title="T"))
    assert (s.cwd, s.project, s.title, s.process) == ("/b", "b", "T", Process(1))
    assert (s.started_at, s.prompted_at, s.last_turn_at, s.last_event_at) == (NOW, NOW + 1, NOW + 2, NOW + 2)


def test_the_end_of_a_process_is_undone_by_any_newer_event() -> None:
    s = reducer.apply(Session("s"), event("start", NOW))
    gone = reducer.apply(s, event("gone", NOW))
    assert policy.activity_of(gone, NOW + 1) is Activity.ENDED
    assert policy.activity_of(reducer.apply(gone, event("start", NOW + 1)), NOW + 1) is Activity.IDLE


def test_compaction_leaves_nothing_cached_and_does_not_reopen_the_session() -> None:
    s = reducer.apply(warm(100, prompted_at=NOW - 5), event("start", NOW, source="compact"))
    assert policy.state_of(s, NOW).cache is Cache.NONE
    assert policy.activity_of(s, NOW) is Activity.WORKING


def test_a_transcripts_title_beats_a_hooks_whatever_comes_first() -> None:
    titled = reducer.apply(Session("s"), event("start", NOW, title="hook"))
    titled = reducer.apply_transcript(titled, TranscriptFacts(title="A"), "1")
    titled = reducer.apply(titled, event("prompt", NOW + 5, title="hook again"))
    assert titled.title == "A"
    assert reducer.apply_transcript(titled, TranscriptFacts(title=None), "2").title == "A"
    assert reducer.apply_transcript(titled, TranscriptFacts(title="Z"), "3").title == "Z"


def test_at_stop_the_request_on_its_way_is_the_one_that_was_answered() -> None:
    on_its_way = TranscriptFacts(request_at=NOW - 100, ttl_seconds=3600, pending_at=NOW - 20)
    stopped = reducer.apply_transcript(session(answered_at=NOW), on_its_way, "1")
    assert stopped.request == Request(NOW - 20, 3600, Source.HOOK)
    working = reducer.apply_transcript(session(answered_at=NOW - 50), on_its_way, "1")
    assert working.request == Request(NOW - 100, 3600, Source.TRANSCRIPT)
    seen = reducer.apply_transcript(stopped, TranscriptFacts(request_at=NOW - 20, ttl_seconds=300), "2")
    assert seen.request == Request(NOW - 20, 300, Source.TRANSCRIPT)


def test_a_failed_turn_is_no_request() -> None:
    s = reducer.apply(Session("s"), event("failure", NOW))
    assert reducer.assume_request(s).request is None
    assert reducer.assume_request(reducer.apply(s, event("turn", NOW + 1))).request == Request(
        NOW + 1, 300, Source.HOOK
    )


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
    assert reducer.newer_request(one, other) == expected, what
    assert reducer.newer_request(other, one) == expected, what
    assert reducer.newer_request(expected, other) == expected, what


def told(expires_at: float, at: float = NOW, ttl: int = 300) -> Event:
    return event("statusline", at, expires_at=expires_at, ttl_seconds=ttl)


def test_a_transcript_that_is_read_again_keeps_the_status_lines_word() -> None:
    s = reducer.apply(session(), told(NOW + 290))
    for mark in ("1", "2"):
        s = reducer.apply_transcript(s, TranscriptFacts(request_at=NOW - 10.4, ttl_seconds=300), mark)
        assert s.request == Request(NOW - 10.4, 300, LINE)
    s = reducer.apply_transcript(s, TranscriptFacts(request_at=NOW + 60, ttl_seconds=3600), "3")
    assert s.request == Request(NOW + 60, 3600, TRANSCRIPT)


@pytest.mark.parametrize("order", [0, 1])
def test_a_hooks_guess_yields_to_what_the_status_line_says_of_that_turn(order: int) -> None:
    asked = session(prompted_at=NOW - 20, answered_at=NOW)
    steps = [lambda s: reducer.apply(s, told(NOW - 19 + 300)), reducer.assume_request]
    for step in steps if order else reversed(steps):
        asked = step(asked)
    assert asked.request == Request(NOW - 19, 300, LINE)


def test_a_hooks_guess_of_a_later_turn_is_newer_than_the_status_line() -> None:
    s = reducer.apply(session(prompted_at=NOW - 100), told(NOW + 210))
    s = reducer.assume_request(replace(s, prompted_at=NOW - 20, answered_at=NOW))
    assert s.request == Request(NOW, 300, HOOK)


def test_after_a_switch_of_the_model_the_status_line_warms_nothing() -> None:
    switched = session(switched_at=NOW - 50, request=Request(NOW - 100.6, 300, TRANSCRIPT))
    s = reducer.apply(switched, told(NOW + 200))
    assert policy.state_of(s, NOW).cache is Cache.EXPIRED
    assert policy.state_of(reducer.apply(s, told(NOW + 280)), NOW).cache is Cache.WARM


def test_a_sign_of_life_brings_back_only_what_no_hook_has_spoken_of() -> None:
    ended = reducer.apply(reducer.apply(Session("s"), event("turn", NOW)), event("end", NOW + 1))
    found = reducer.apply(reducer.apply(Session("s"), event("found", NOW)), event("gone", NOW))
    for sign in (event("found", NOW + 9), told(NOW + 300, NOW + 9)):
        assert policy.activity_of(reducer.apply(ended, sign), NOW + 10) is Activity.ENDED
        assert not reducer.is_new_discovery(ended, sign.at)
        assert policy.activity_of(found, NOW + 10) is Activity.ENDED
        assert policy.activity_of(reducer.apply(found, sign), NOW + 10) is Activity.IDLE
        assert reducer.is_new_discovery(found, sign.at)
    assert not reducer.is_new_discovery(found, NOW)


def test_what_was_found_yields_to_what_any_hook_says() -> None:
    s = reducer.apply(Session("s"), event("found", NOW + 50, cwd="/found", title="F"))
    assert (s.cwd, s.title) == ("/found", "F")
    s = reducer.apply(s, event("turn", NOW, cwd="/hook"))
    assert reducer.apply(s, event("found", NOW + 90, cwd="/later", title="G")).cwd == "/hook"


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
            s = reducer.apply(s, e)
        return s

    ends = {end(list(order) + list(order[:2])) for order in itertools.permutations(events)}
    assert len(ends) == 1
