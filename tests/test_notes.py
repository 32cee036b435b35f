"""An event survives the way through the spool; bytes that are no event are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_session_status import notes
from claude_session_status.claude import hook, hook_table, payload
from claude_session_status.model import Activity, Event, EventKind, Process, RemoteState, Source
from fakes import NOW

FULL = RemoteState(
    "build", Activity.WAITING, NOW - 1, NOW + 200, 300, Source.HOOK, "T", "web", "/srv/web", "m", 7, NOW - 9, NOW - 8,
    NOW + 99, NOW - 7, "ttl_expired",
)  # fmt: skip


def test_an_event_survives() -> None:
    for event in (
        Event(EventKind.ALERTED, "s", NOW, expires_at=NOW + 30, lead_seconds=30),
        Event(EventKind.STATUS_LINE, "s", NOW, expires_at=NOW + 30, ttl_seconds=3600),
        Event(EventKind.FOUND, "s", NOW, cwd="/x", process=Process(7, 100, "pid:[1]")),
        Event(EventKind.FOUND, "s", NOW, process=Process(7)),
        Event(EventKind.REMOTE, "build/s", NOW, remote=RemoteState("build", Activity.ENDED)),
        Event(EventKind.REMOTE, "build/s", NOW, remote=FULL),
    ):
        assert notes.decode(notes.encode(event)) == event


@given(st.text(min_size=1), st.text(), st.sampled_from(sorted(hook_table.COMMANDS)))
def test_a_note_that_a_hook_writes_by_hand_is_valid_json(session_id: str, cwd: str, command: str) -> None:
    data = {"session_id": session_id, "cwd": cwd, "transcript_path": "/t"}
    note = hook.note_of(data, command, NOW, {"CLAUDE_PID": "12"})
    assert note is not None
    assert json.loads(payload.encode(note)) == note
    event = notes.decode(payload.encode(note))
    assert (event.kind.value, event.session_id, event.at) == (
        hook_table.kind_of(command, {}),
        note["session_id"],
        NOW,
    )
    assert event.process is not None
    assert event.process.pid == 12


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"[]",
        b"7",
        b'{"kind": "start"}',
        b'{"kind": "unheard-of", "session_id": "s", "at": 1}',
        b'{"kind": "start", "session_id": 7, "at": 1}',
        b'{"kind": "start", "session_id": "", "at": 1}',
        b'{"kind": "start", "session_id": "s", "at": true}',
        b'{"kind": "start", "session_id": "s", "at": NaN}',
        b'{"kind": "start", "session_id": "s", "at": 1e300}',
        b'{"kind": "start", "session_id": "s", "at": -5}',
        b'{"kind": ["start"], "session_id": "s", "at": 1}',
        b'{"kind": "start", "session_id": "s", "at": 1' + b"0" * 400 + b"}",
        b'{"kind": "start", "session_id": "s", "at": 1' + b"0" * 5000 + b"}",
        b'{"kind": "start", "session_id": "' + b"k" * 100_000 + b'", "at": 1}',
        b'{"kind": "start", "session_id": "s", "at": ' + b"[" * 100_000,
        b'{"kind": "remote", "session_id": "build/s", "at": 1}',
        b'{"kind": "remote", "session_id": "build/s", "at": 1, "remote": []}',
        b'{"kind": "remote", "session_id": "build/s", "at": 1, "remote": {"activity": "idle"}}',
        b'{"kind": "remote", "session_id": "build/s", "at": 1, "remote": {"host": "build", "activity": ["idle"]}}',
    ],
)
def test_bytes_that_are_no_note_are_refused(raw: bytes) -> None:
    with pytest.raises(notes.NoteError):
        notes.decode(raw)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cwd", 7),
        ("pid", "x"),
        ("pid", -1),
        ("pid", 1 << 40),
        ("pid", True),
        ("expires_at", "soon"),
        ("new", {}),
        ("ttl_seconds", "5m"),
        ("ttl_seconds", 0),
        ("ttl_seconds", 1 << 40),
        ("ttl_seconds", 10**400),
        ("expires_at", 10**400),
        ("pid_started", 10**400),
    ],
)
def test_a_field_of_another_type_is_passed_over(field: str, value: object) -> None:
    event = notes.decode(json.dumps({"kind": "start", "session_id": "s", "at": NOW, field: value}).encode())
    assert event == Event(EventKind.START, "s", NOW)


def test_a_process_without_a_start_is_still_a_process() -> None:
    raw = json.dumps({"kind": "start", "session_id": "s", "at": NOW, "pid": 5, "pid_started": "x"}).encode()
    assert notes.decode(raw).process == Process(5)


@given(st.binary())
def test_any_bytes_are_a_note_or_refused(raw: bytes) -> None:
    try:
        notes.decode(raw)
    except notes.NoteError:
        pass


def test_an_id_that_no_row_can_hold_is_made_one_that_can() -> None:
    assert notes.decode(b'{"kind": "turn", "session_id": "a\\ud83d", "at": 1}\n').session_id == "a?"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 7),
        ("expires_at", "soon"),
        ("expires_at", -1),
        ("ttl_seconds", 0),
        ("ttl_seconds", 1 << 39),
        ("context_tokens", True),
        ("context_tokens", 1e300),
        ("source", []),
        ("new", {}),
    ],
)
def test_an_odd_value_in_another_machines_report_is_passed_over(field: str, value: object) -> None:
    odd = {"kind": "remote", "session_id": "build/s", "at": NOW, "remote": {"host": "build", "activity": "idle"}}
    odd["remote"] |= {field: value}  # type: ignore[operator]
    assert notes.decode(json.dumps(odd).encode()).remote == RemoteState("build", Activity.IDLE)
