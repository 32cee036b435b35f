"""When it tries again, why a connection ended, what is noted: pure decisions."""

import pytest

from claude_session_status import reducer
from claude_session_status.model import Activity, EventKind, HostConnection, RemoteState, Session, Source
from claude_session_status.remote import backoff, changes, connection
from claude_session_status.remote.changes import Noted, Received, due_events, remember
from claude_session_status.remote.clocks import SleepWatch
from claude_session_status.remote.diagnosis import NOT_INSTALLED, TOO_OLD, diagnose
from fakes import NOW

# ---- when it tries again ------------------------------------------------------


def test_the_wait_doubles_from_a_second_to_five_minutes() -> None:
    waits = [backoff.wait_seconds(n, HostConnection.UNREACHABLE, 0.0) for n in range(1, 12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert backoff.wait_seconds(10_000, HostConnection.UNREACHABLE, 1.0) == 240


def test_who_refuses_us_is_not_asked_again_soon_whatever_happens_here() -> None:
    assert backoff.wait_seconds(1, HostConnection.REFUSED, 1.0) == 300
    assert not backoff.retries_at_once(HostConnection.REFUSED)


@pytest.mark.parametrize(("failures", "lasted", "expected"), [(0, None, 1), (5, None, 6), (5, 1.0, 6), (5, 3600.0, 1)])
def test_only_a_connection_that_lasted_begins_anew(failures: int, lasted: float | None, expected: int) -> None:
    assert backoff.failures_after(failures, lasted) == expected


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([(0, 0), (2, 2)], False, id="an ordinary moment"),
        pytest.param([(0, 0), (2, 3602)], True, id="it slept for an hour"),
        pytest.param([(0, 0), (2, 3)], False, id="a blink"),
        pytest.param([(0, 0), (3600, 3600)], True, id="this process was stopped for an hour"),
        pytest.param([(0, 3600), (2, 3602)], False, id="it slept before"),
    ],
)
def test_sleep_is_noticed(looks: list[tuple[float, float]], expected: bool) -> None:
    watch = SleepWatch()
    assert [watch.has_slept(awake, always) for awake, always in looks][-1] is expected


@pytest.mark.parametrize("spent", [0.0, 0.0001, 0.01, 3.0])
def test_what_a_host_prints_costs_at_most_a_twentieth_of_a_core(spent: float) -> None:
    pause = connection.pause_seconds(spent)
    assert pause >= 0.05
    assert spent <= 0.05 * pause + 1e-12


# ---- why a connection ended ---------------------------------------------------

CHANGED = "@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n"


@pytest.mark.parametrize(
    ("code", "errors", "connection", "detail"),
    [
        (255, "me@build: Permission denied (publickey).", "refused", "none of your keys"),
        (255, "me@build: Permission denied (publickey,password).", "refused", "none of your keys"),
        (255, "me@build: Permission denied (password).", "refused", "only a password"),
        (255, "me@build: Permission denied (keyboard-interactive).", "refused", "only a password"),
        (255, CHANGED, "refused", "host key has changed"),
        (255, "No ED25519 host key is known for build and you have requested strict checking.\n"
              "Host key verification failed.", "refused", "not known"),
        (255, "Received disconnect: Too many authentication failures", "refused", "too many keys"),
        (255, "ssh: Could not resolve hostname build: Name or service not known", "unreachable", "can't be resolved"),
        (255, "ssh: connect to host build port 22: Connection refused", "unreachable", "no ssh server"),
        (255, "ssh: connect to host build port 22: Connection timed out", "unreachable", "does not respond"),
        (255, "Timeout, server build not responding.", "unreachable", "does not respond"),
        (255, "ssh: connect to host build port 22: No route to host", "unreachable", "no route"),
        (255, "/home/me/.ssh/config: line 3: Bad configuration option: x", "unreachable", "Bad configuration option"),
        (127, "bash: line 1: exec: claude-session-status: not found", "no-program", NOT_INSTALLED),
        (127, "zsh:1: command not found: claude-session-status", "no-program", NOT_INSTALLED),
        (126, 'OCI runtime exec failed: exec failed: "sh": no such file', "no-program", "OCI runtime"),
        (2, "Usage: claude-session-status status [OPTIONS]\nError: No such option: --follow", "wrong-version", TOO_OLD),
        (1, "Error response from daemon: No such container: dev", "unreachable", "No such container"),
        (1, "\x1b]0;owned\x07 x\n\n", "unreachable", "]0;owned  x"),
        (0, "", "unreachable", "ended with exit code 0"),
        (-9, "", "unreachable", "ended by signal 9"),
        (137, "", "unreachable", "ended by signal 9"),
        (255, "", "unreachable", "ended with exit code 255"),
        (3, "x" * 10_000, "unreachable", "xxx"),
    ],
)  # fmt: skip
def test_the_reason_for_a_lost_connection_is_one_short_line(
    code: int, errors: str, connection: str, detail: str
) -> None:
    found, why = diagnose(code, errors.encode())
    assert found.value == connection
    assert detail in why
    assert len(why) <= 200
    assert why.isprintable()


# ---- what is noted ------------------------------------------------------------


def state(**fields: object) -> RemoteState:
    values = {"activity": Activity.IDLE, "expires_at": NOW + 200, "ttl_seconds": 300, "source": Source.HOOK}
    return RemoteState("build", **(values | fields))  # type: ignore[arg-type]


def received(*keys: str, is_cut: bool = False, **fields: object) -> Received:
    return Received("build", {f"build/{key}": state(**fields) for key in keys}, is_cut)


def noting(report: Received, noted: Noted, rows: dict[str, Session], now: float = NOW) -> list[str]:
    """The keys that are noted; rows become what the notes say."""
    found = []
    for event in due_events(report, noted, dict(rows), now):
        remember(noted, event)
        rows[event.session_id] = reducer.apply(rows.get(event.session_id, Session(event.session_id)), event, now)
        found.append(f"{event.kind.value} {event.session_id}")
    return found


def full() -> Noted:
    noted = Noted()
    noted.fill(0.0)
    return noted


def test_only_what_changed_is_noted() -> None:
    noted, rows = full(), dict[str, Session]()
    assert noting(received("a", "b"), noted, rows) == ["remote build/a", "remote build/b"]
    assert noting(received("a", "b", expires_at=NOW + 200.1), noted, rows) == []
    assert noting(received("a", "b", title="T"), noted, rows) == ["remote build/a", "remote build/b"]


def test_a_process_that_begins_to_hold_the_connection_notes_nothing_that_is_known() -> None:
    rows = dict[str, Session]()
    noting(received("a"), full(), rows)
    assert noting(received("a"), full(), rows, NOW + 60) == []


def test_a_session_that_is_no_longer_listed_has_ended_once() -> None:
    noted, rows = full(), dict[str, Session]()
    noting(received("a", "b"), noted, rows)
    assert noting(received("a"), noted, rows, NOW + 1) == ["gone build/b"]
    assert noting(received("a"), noted, rows, NOW + 2) == []
    assert noting(received("a", "b"), noted, rows, NOW + 3) == ["remote build/b"]
    assert not rows["build/b"].is_ended


def test_a_list_that_was_cut_ends_no_session() -> None:
    noted, rows = full(), dict[str, Session]()
    noting(received("a", "b"), noted, rows)
    assert noting(received("a", is_cut=True), noted, rows) == []


def test_a_host_ends_no_session_of_another_machine() -> None:
    rows = {"s": Session("s", last_event_at=NOW), "other/s": Session("other/s", host="other", last_event_at=NOW)}
    assert noting(received(), full(), rows) == []


def test_sessions_too_old_to_be_shown_are_not_noted() -> None:
    old = received("a", expires_at=NOW - 90_000, last_turn_at=NOW - 90_000)
    assert noting(old, full(), {}) == []
    ended = received("a", activity=Activity.ENDED, activity_at=NOW - 700, expires_at=None)
    assert noting(ended, full(), {}) == []


def test_a_host_that_reports_a_thousand_new_sessions_at_a_time_fills_no_disk() -> None:
    noted, count = full(), 0
    for second in range(100):
        noted.fill(float(second))
        count += len(noting(received(*(f"{second}-{n}" for n in range(1000)), is_cut=True), noted, {}))
    assert noted.is_behind
    assert count < changes.NEW_AT_ONCE + 100


def test_what_the_budget_leaves_out_is_noted_later() -> None:
    noted, rows = full(), dict[str, Session]()
    many = [f"s{n}" for n in range(900)]
    noting(received(*many), noted, rows)
    assert len(noting(received(*many, title="T"), noted, rows, NOW + 1)) == 100
    assert noted.is_behind
    noted.fill(1000.0)
    assert len(noting(received(*many, title="T"), noted, rows, NOW + 2)) == 800
    assert {row.title for row in rows.values()} == {"T"}


def test_a_note_that_was_not_written_is_due_again() -> None:
    noted = full()
    assert [event.kind for event in due_events(received("a"), noted, {}, NOW)] == [EventKind.REMOTE]
    assert [event.kind for event in due_events(received("a"), noted, {}, NOW)] == [EventKind.REMOTE]
