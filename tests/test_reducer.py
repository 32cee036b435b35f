"""A session's row ends up the same in whatever order events arrive, and however often."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from claude_session_status import client_files, policy, reducer
from claude_session_status.claude import discovery
from claude_session_status.claude.discovery import Trace
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
from rows import event, report, warm


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
    assert policy.last_seen(muted) == NOW + 1
    assert not reducer.apply(muted, event("unmute", NOW + 6)).muted


def test_a_users_choice_holds_after_the_clock_was_set_back() -> None:
    s = reducer.apply(reducer.apply(Session("s"), event("turn", NOW)), event("mute", NOW + 10))
    earlier = NOW - 3600
    assert not reducer.apply(s, event("unmute", reducer.action_time(s, earlier))).muted
    assert reducer.apply(s, event("forget", reducer.action_time(s, earlier))).is_forgotten
    assert reducer.action_time(s, NOW + 99) == NOW + 99


def test_an_events_fields_hold_until_a_newer_event_has_others() -> None:
    s = reducer.apply(Session("s"), event("start", NOW, cwd="/a", project="a", process=Process(1)))
    s = reducer.apply(s, event("turn", NOW + 2, cwd="/b", project="b"))
    s = reducer.apply(s, event("prompt", NOW + 1, cwd="/c", project="c", title="T"))
    assert (s.cwd, s.title, s.process) == ("/b", "T", Process(1))
    assert (s.started_at, s.prompted_at, s.last_turn_at, s.last_event_at) == (NOW, NOW + 1, NOW + 2, NOW + 2)


@pytest.mark.parametrize(
    ("what", "events", "folder", "project"),
    [
        ("the folder of the start, not where `cd` went",
            [event("start", NOW, cwd="/a"), event("turn", NOW + 1, cwd="/a/b")], "/a", "a"),
        ("the client reports its start folder",
            [event("start", NOW, cwd="/x"), event("turn", NOW + 1, cwd="/a/b", project_folder="/a")], "/a", "a"),
        ("no start was reported: the newest folder", [event("turn", NOW, cwd="/a"), event("turn", NOW + 1, cwd="/b")],
            "/b", "b"),
        ("/compact goes on in the folder that it finds",
            [event("start", NOW, cwd="/a"), event("start", NOW + 1, cwd="/a/b", source="compact")], "/a", "a"),
        ("resumed in a folder that was moved",
            [event("start", NOW, cwd="/a"), event("start", NOW + 1, cwd="/new/a2", source="resume")], "/new/a2", "a2"),
        ("a note of an earlier version names the folder that `cd` went to",
            [event("start", NOW, cwd="/a", project="a"), event("turn", NOW + 1, cwd="/a/b", project="b")], "/a", "a"),
        ("a name that somebody's own hook gives",
            [event("start", NOW, cwd="/a"), event("turn", NOW + 1, cwd="/a/b", project="Mine")], "/a", "Mine"),
        ("and a start after it",
            [event("turn", NOW, cwd="/a", project="Mine"), event("start", NOW + 1, cwd="/a")], "/a", "a"),
        ("found by its transcript, then reported by a hook",
            [event("found", NOW + 9, cwd="/f", project_folder="/f"), event("start", NOW, cwd="/a")], "/a", "a"),
    ],
)  # fmt: skip
def test_the_project_is_the_folder_that_the_session_started_in(
    what: str, events: list[Event], folder: str, project: str
) -> None:
    for order in itertools.permutations(events):
        s = Session("s")
        for e in order:
            s = reducer.apply(s, e)
        assert (s.folder, s.project) == (folder, project), what


def test_a_transcripts_first_folder_counts_until_an_event_reports_one() -> None:
    s = reducer.apply(Session("s"), event("turn", NOW, cwd="/a/b"))
    found = client_files.apply_first_folder(s, "/a")
    assert (found.folder, found.project, found.cwd) == ("/a", "a", "/a/b")
    assert client_files.apply_first_folder(found, "/other") == found
    assert client_files.apply_first_folder(s, None) == s
    assert reducer.apply(found, event("turn", NOW - 5, project_folder="/c")).folder == "/c"


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
    titled = client_files.apply_transcript(titled, TranscriptFacts(title="A"), "1")
    titled = reducer.apply(titled, event("prompt", NOW + 5, title="hook again"))
    assert titled.title == "A"
    assert client_files.apply_transcript(titled, TranscriptFacts(title=None), "2").title == "A"
    assert client_files.apply_transcript(titled, TranscriptFacts(title="Z"), "3").title == "Z"


def test_compaction_is_remembered_from_hook_and_transcript() -> None:
    by_hook = reducer.apply(warm(100), event("start", NOW, source="compact"))
    by_transcript = client_files.apply_transcript(warm(100), TranscriptFacts(compacted_at=NOW), "1")
    for compacted in (by_hook, by_transcript):
        assert policy.state_of(compacted, NOW + 1).is_compacted
    answered = TranscriptFacts(request_at=NOW + 5, response_at=NOW + 9, ttl_seconds=300)
    assert not policy.state_of(client_files.apply_transcript(by_hook, answered, "2"), NOW + 10).is_compacted
    uncached = TranscriptFacts(request_at=NOW + 5, response_at=NOW + 9, request_cached=False)
    assert not policy.state_of(client_files.apply_transcript(by_hook, uncached, "2"), NOW + 10).is_compacted


def test_a_sign_of_life_brings_back_only_sessions_without_hooks() -> None:
    ended = reducer.apply(reducer.apply(Session("s"), event("turn", NOW)), event("end", NOW + 1))
    found = reducer.apply(reducer.apply(Session("s"), event("found", NOW)), event("gone", NOW))
    for sign in (event("found", NOW + 9), report(NOW + 300, NOW + 9)):
        assert policy.activity_of(reducer.apply(ended, sign), NOW + 10) is Activity.ENDED
        assert not discovery.is_news(Trace("s", "/s.jsonl", sign.at), ended)
        assert policy.activity_of(found, NOW + 10) is Activity.ENDED
        assert policy.activity_of(reducer.apply(found, sign), NOW + 10) is Activity.IDLE
        assert discovery.is_news(Trace("s", "/s.jsonl", sign.at), found)
    assert not discovery.is_news(Trace("s", "/s.jsonl", NOW), found)


def test_a_discovered_value_yields_to_any_hooks_value() -> None:
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
        project_folder=st.none() | st.sampled_from(["/p", "/q"]),
        project=st.none() | st.sampled_from(["a", "Mine"]),
        title=st.none() | st.sampled_from(["A", "B"]),
        source=st.none() | st.sampled_from(["compact", "resume"]),
        process=st.none() | st.builds(Process, st.sampled_from([1, 2])),
        expires_at=st.none() | st.sampled_from([NOW + 300, NOW + 301, NOW + 3600]),
        ttl_seconds=st.none() | st.sampled_from([300, 3600]),
    ),
    max_size=5,
)


@given(_EVENTS)
@example([event("forget", NOW), event("missed", NOW + 1, tokens=9)])
@example([event("forget", NOW), event("kept", NOW + 1, tokens=9, ttl_seconds=300)])
def test_events_in_any_order_and_repeated_give_the_same_row(events: list[Event]) -> None:
    def end(order: list[Event]) -> Session:
        s = Session("s")
        for e in order:
            s = reducer.apply(s, e)
        return s

    ends = {end(list(order) + list(order[:2])) for order in itertools.permutations(events)}
    assert len(ends) == 1
