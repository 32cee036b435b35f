"""A row of another machine's session: its host's newest report decides, and the user here; no hook of ours does."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import policy, reducer
from claude_session_status.model import Activity, Cache, Event, EventKind, RemoteState, Session, Source
from fakes import NOW

KEY = "build/s"


def state(**fields: object) -> RemoteState:
    base = RemoteState(
        "build",
        Activity.IDLE,
        activity_at=NOW - 60,
        expires_at=NOW + 240,
        ttl_seconds=300,
        source=Source.TRANSCRIPT,
        title="T",
        project="web-shop",
        cwd="/srv/web-shop",
        started_at=NOW - 900,
        last_turn_at=NOW - 50,
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def remote(at: float = NOW, **fields: object) -> Event:
    return Event(EventKind.REMOTE, KEY, at, remote=state(**fields))


def applied(*events: Event, now: float = math.inf) -> Session:
    session = Session(KEY)
    for event in events:
        session = reducer.apply(session, event, now)
    return session


def test_a_report_is_shown_as_the_host_gave_it() -> None:
    session = applied(remote())
    assert (session.host, session.own_id, session.project, session.folder) == (
        "build", "s", "web-shop", "/srv/web-shop",
    )  # fmt: skip
    shown = policy.state_of(session, NOW)
    assert (shown.cache, shown.activity, shown.seconds_left) == (Cache.WARM, Activity.IDLE, 240)


@pytest.mark.parametrize("activity", [Activity.IDLE, Activity.WORKING, Activity.WAITING, Activity.ENDED])
def test_the_activity_is_the_hosts(activity: Activity) -> None:
    assert policy.activity_of(applied(remote(activity=activity)), NOW + 7000) is activity


def test_a_wait_is_counted_from_when_it_began_there() -> None:
    session = applied(remote(activity=Activity.WAITING, activity_at=NOW - 40))
    assert policy.waiting_since(session, NOW) == NOW - 40


def test_where_the_host_does_not_say_since_when_the_first_report_of_it_counts() -> None:
    session = applied(*(remote(NOW + at, activity=Activity.WAITING, activity_at=None) for at in (0, 10, 20)))
    assert policy.waiting_since(session, NOW + 20) == NOW


def test_only_the_host_knows_when_the_client_will_compact_the_conversation() -> None:
    session = applied(remote(compacts_at=NOW + 100))
    assert policy.state_of(session, NOW).compacts_at == NOW + 100
    assert policy.state_of(session, NOW + 101).compacts_at is None


def test_the_newest_report_replaces_all_of_an_older_one() -> None:
    session = applied(remote(), remote(NOW + 5, expires_at=None, ttl_seconds=None, title=None))
    assert (session.title, policy.state_of(session, NOW + 5).cache) == (None, Cache.NONE)


def test_a_session_that_its_host_no_longer_lists_has_ended_until_it_lists_it_again() -> None:
    gone = Event(EventKind.GONE, KEY, NOW + 1)
    assert policy.activity_of(applied(remote(), gone), NOW + 1) is Activity.ENDED
    assert policy.activity_of(applied(remote(), gone, remote(NOW + 2)), NOW + 2) is Activity.IDLE


def test_what_the_user_decided_here_outlives_reports() -> None:
    muted = Event(EventKind.MUTE, KEY, NOW + 1)
    alerted = Event(EventKind.ALERTED, KEY, NOW + 1, expires_at=NOW + 240, lead_seconds=300)
    session = applied(remote(), muted, alerted, remote(NOW + 2, title="U"))
    assert (session.title, session.muted, session.alerts) == ("U", True, ((300, NOW + 240),))


def test_a_forgotten_session_comes_back_only_by_a_sign_of_life_there() -> None:
    forgotten = applied(remote(), Event(EventKind.FORGET, KEY, NOW + 1), remote(NOW + 10))
    assert forgotten.is_forgotten
    assert (forgotten.host, forgotten.title, forgotten.request) == ("build", None, None)
    back = reducer.apply(forgotten, remote(NOW + 20, last_turn_at=NOW + 15))
    assert (back.is_forgotten, back.title) == (False, "T")


@pytest.mark.parametrize("kind", ["start", "prompt", "turn", "end", "tool", "wait", "found", "statusline", "stayed"])
def test_no_hook_and_no_transcript_of_ours_changes_it(kind: str) -> None:
    event = Event(EventKind(kind), KEY, NOW + 9, cwd="/ours", title="ours", expires_at=NOW + 999, ttl_seconds=300)
    assert applied(remote(), event) == applied(remote())


@pytest.mark.parametrize("kind", ["start", "found"])
def test_a_session_of_our_own_stays_ours_whatever_its_id_looks_like(kind: str) -> None:
    ours = Event(EventKind(kind), KEY, NOW, cwd="/ours")
    assert applied(ours, remote(NOW + 1)) == applied(ours)
    assert applied(ours).host is None


def test_no_host_reports_another_hosts_session() -> None:
    assert applied(remote(), remote(NOW + 1, host="other", title="X")) == applied(remote())


def test_a_clock_that_was_set_back_does_not_make_the_next_report_an_older_one() -> None:
    before = applied(remote(NOW + 3600), now=NOW + 3600)
    after = reducer.apply(before, remote(NOW, title="U", activity_at=NOW), NOW)
    assert after.title == "U"


_EVENTS = st.lists(
    st.builds(
        lambda kind, at, activity, seen, title: Event(
            kind,
            KEY,
            NOW + at,
            expires_at=NOW + 240,
            lead_seconds=300.0,
            remote=state(activity=activity, activity_at=NOW + min(seen, at), title=f"{title}{at}")
            if kind is EventKind.REMOTE
            else None,
        ),
        st.sampled_from([EventKind.REMOTE, EventKind.REMOTE, EventKind.MUTE, EventKind.UNMUTE, EventKind.GONE]),
        st.integers(0, 5),
        st.sampled_from([Activity.IDLE, Activity.ENDED, Activity.WAITING]),
        st.integers(-9, 5),
        st.just("T"),
    ),
    max_size=5,
    unique_by=lambda event: (event.kind, event.at),
)


@given(_EVENTS)
def test_reports_in_any_order_and_repeated_give_the_same_row(events: list[Event]) -> None:
    first = remote(NOW - 100)  # without it, what follows would be about a session of our own
    ends = {applied(first, *order, *order[:2]) for order in itertools.permutations(events)}
    assert len(ends) == 1
