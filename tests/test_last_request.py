"""Which request the countdown runs from, where status line, transcript and hook report different ones."""

import itertools
from dataclasses import replace

import pytest

from claude_session_status import client_files, last_request, policy, reducer
from claude_session_status.model import Cache, Request, Session, Source, TranscriptFacts
from fakes import NOW
from rows import event, report, session


def test_at_stop_the_request_on_its_way_is_the_one_that_was_answered() -> None:
    on_its_way = TranscriptFacts(request_at=NOW - 100, ttl_seconds=3600, pending_at=NOW - 20)
    stopped = client_files.apply_transcript(session(answered_at=NOW), on_its_way, "1")
    assert stopped.request == Request(NOW - 20, 3600, Source.HOOK)
    working = client_files.apply_transcript(session(answered_at=NOW - 50), on_its_way, "1")
    assert working.request == Request(NOW - 100, 3600, Source.TRANSCRIPT)
    seen = client_files.apply_transcript(stopped, TranscriptFacts(request_at=NOW - 20, ttl_seconds=300), "2")
    assert seen.request == Request(NOW - 20, 300, Source.TRANSCRIPT)


def test_a_failed_turn_is_no_request() -> None:
    s = reducer.apply(Session("s"), event("failure", NOW))
    assert last_request.assume_request(s).request is None
    assert last_request.assume_request(reducer.apply(s, event("turn", NOW + 1))).request == Request(
        NOW + 1, 300, Source.HOOK
    )


LINE, TRANSCRIPT, HOOK = Source.STATUS_LINE, Source.TRANSCRIPT, Source.HOOK


@pytest.mark.parametrize(
    ("what", "one", "other", "expected"),
    [
        ("the status line alone", None, Request(NOW, 300, LINE), Request(NOW, 300, LINE)),
        ("both of one request: the status line is the source, with the exact start",
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
        ("two reports of the status line: the later request",
            Request(NOW + 1, 300, LINE), Request(NOW, 3600, LINE), Request(NOW + 1, 300, LINE)),
        ("a request that a hook's event dates exactly",
            Request(NOW - 0.5, 300, HOOK), Request(NOW, 300, LINE), Request(NOW - 0.5, 300, LINE)),
    ],
)  # fmt: skip
def test_of_two_reported_requests_this_one_counts(
    what: str, one: Request | None, other: Request, expected: Request
) -> None:
    assert last_request.newer_request(one, other) == expected, what
    assert last_request.newer_request(other, one) == expected, what
    assert last_request.newer_request(expected, other) == expected, what


def test_a_transcript_that_is_read_again_keeps_the_status_lines_report() -> None:
    s = reducer.apply(session(), report(NOW + 290))
    for mark in ("1", "2"):
        s = client_files.apply_transcript(s, TranscriptFacts(request_at=NOW - 10.4, ttl_seconds=300), mark)
        assert s.request == Request(NOW - 10.4, 300, LINE)
    s = client_files.apply_transcript(s, TranscriptFacts(request_at=NOW + 60, ttl_seconds=3600), "3")
    assert s.request == Request(NOW + 60, 3600, TRANSCRIPT)


def test_a_report_that_came_before_its_rounded_start_never_shows_more_than_is_left() -> None:
    s = reducer.apply(session(), report(NOW + 301, NOW + 0.75))  # of a request at NOW + 0.25
    assert s.request == Request(NOW, 300, LINE)
    s = client_files.apply_transcript(s, TranscriptFacts(request_at=NOW + 0.25, ttl_seconds=300), "1")
    assert s.request == Request(NOW, 300, LINE)


@pytest.mark.parametrize("order", [0, 1])
def test_a_hooks_guess_yields_to_the_status_lines_report_of_that_turn(order: int) -> None:
    asked = session(prompted_at=NOW - 20, answered_at=NOW)
    steps = [lambda s: reducer.apply(s, report(NOW - 19 + 300)), last_request.assume_request]
    for step in steps if order else reversed(steps):
        asked = step(asked)
    assert asked.request == Request(NOW - 19, 300, LINE)


def test_a_hooks_guess_of_a_later_turn_is_newer_than_the_status_line() -> None:
    s = reducer.apply(session(prompted_at=NOW - 100), report(NOW + 210, NOW - 80))
    s = last_request.assume_request(replace(s, prompted_at=NOW - 20, answered_at=NOW))
    assert s.request == Request(NOW, 300, HOOK)


def test_after_a_switch_of_the_model_the_status_line_warms_nothing() -> None:
    switched = session(switched_at=NOW - 50, request=Request(NOW - 100.6, 300, TRANSCRIPT))
    s = reducer.apply(switched, report(NOW + 200, NOW - 90))
    assert policy.state_of(s, NOW).cache is Cache.EXPIRED
    assert policy.state_of(reducer.apply(s, report(NOW + 280)), NOW).cache is Cache.WARM


@pytest.mark.parametrize(
    ("what", "reports", "expires_at"),
    [
        ("a later expiry, as after /btw", [(NOW - 100, NOW + 200, 300), (NOW - 40, NOW + 260, 300)], NOW + 260),
        ("an earlier expiry", [(NOW - 100, NOW + 200, 300), (NOW - 40, NOW + 150, 300)], NOW + 150),
        ("an hour that drops to five minutes",
            [(NOW - 100, NOW + 3500, 3600), (NOW - 40, NOW + 260, 300)], NOW + 260),
        ("the client keeps the cache alive: an hour's cache that expires in five minutes",
            [(NOW - 100, NOW + 3500, 3600), (NOW - 40, NOW + 260, 3600), (NOW - 10, NOW + 290, 3600)], NOW + 290),
        ("five minutes that rise to an hour", [(NOW - 100, NOW + 200, 300), (NOW - 40, NOW + 3560, 3600)], NOW + 3560),
    ],
)  # fmt: skip
def test_the_newest_report_of_the_status_line_counts(
    what: str, reports: list[tuple[float, float, int]], expires_at: float
) -> None:
    shown = TranscriptFacts(
        request_at=NOW - 100.4, response_at=NOW - 100.2, ttl_seconds=reports[0][2], turn_at=NOW - 99
    )
    for order in itertools.permutations([report(expiry, at, ttl) for at, expiry, ttl in reports]):
        s = client_files.apply_transcript(session(), shown, "1")
        for each in (*order, *order):
            s = reducer.apply(s, each)
        assert policy.state_of(s, NOW).expires_at == pytest.approx(expires_at, abs=1), what
        again = client_files.apply_transcript(s, shown, "2")
        assert again.request == s.request, "a transcript that is read again changes nothing"
        late = session()
        for each in order:
            late = reducer.apply(late, each)
        late = client_files.apply_transcript(late, shown, "1")
        assert policy.state_of(late, NOW).expires_at == pytest.approx(expires_at, abs=1), what


def test_a_response_after_the_report_is_newer_than_the_report() -> None:
    s = reducer.apply(session(), report(NOW + 260, NOW - 40))
    newer = TranscriptFacts(request_at=NOW - 30, response_at=NOW - 20, ttl_seconds=300, turn_at=NOW - 20)
    assert client_files.apply_transcript(s, newer, "1").request == Request(NOW - 30, 300, TRANSCRIPT)
    begun_before = TranscriptFacts(request_at=NOW - 60, response_at=NOW - 50, ttl_seconds=3600, turn_at=NOW - 20)
    assert client_files.apply_transcript(s, begun_before, "1").request == Request(NOW - 40, 300, LINE)
