"""One connection's process: what floods, hangs or leaves something behind costs only itself, and nothing is left."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from claude_session_status.model import Host, HostConnection
from claude_session_status.remote import backoff, connection
from claude_session_status.remote.connection import Connection
from waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these stand-ins are shell scripts: start under Linux")

GOOD = '{"schema": 1, "now": "2026-11-24T08:40:00Z", "sessions": []}'


@contextmanager
def connected(script: str, folder: Path) -> Iterator[Connection]:
    """A connection to a host where this shell script runs in place of our program."""
    program = folder / "stand-in"
    program.write_text(f'#!/bin/sh\nexport STAND_IN_OF="{folder}"\n{script}\n')
    program.chmod(0o755)
    made = Connection(Host("dev", (str(program),)), lambda: None)
    threads, zombies_before = set(threading.enumerate()), zombies()
    made.start()
    try:
        yield made
    finally:
        made.stop()
        made.join(2.0)
        wait_for("the end of its threads", lambda: set(threading.enumerate()) <= threads)
        wait_for(lambda: f"the end of {left_of(folder)}", lambda: not left_of(folder))
        assert zombies() <= zombies_before


def zombies() -> set[int]:
    """Our children that have ended and that nobody has waited for."""
    return {p.pid for p in psutil.Process().children() if p.status() == psutil.STATUS_ZOMBIE}


def left_of(folder: Path) -> list[str]:
    """What the stand-in has started and still runs."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STAND_IN_OF") == str(folder):
                found.append(process.name())
        except (psutil.Error, OSError):
            pass
    return found


def wait_for_state(made: Connection, wanted: HostConnection) -> str:
    wait_for(lambda: f"{wanted} in {made.state}", lambda: made.state.connection is wanted)
    return made.state.detail or ""


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"echo '{GOOD}'; sleep 1000", id="one that waits"),
        pytest.param(f"echo '{GOOD}'; sleep 1000 & sleep 1000", id="with a child"),
        pytest.param(f"echo '{GOOD}'; trap '' TERM HUP INT; sleep 1000 & wait; sleep 1000", id="deaf to signals"),
        pytest.param(f"echo '{GOOD}'; exec >/dev/null 2>&1; sleep 1000 & sleep 1000", id="that closed its output"),
    ],
)
def test_nothing_is_left_of_what_was_started(script: str, tmp_path: Path) -> None:
    with connected(script, tmp_path) as made:
        wait_for("a report", made.take)


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("yes | tr -d '\\n'", "a line is longer than 2 MB"),
        ("yes", "3 lines are not what claude-session-status prints"),
        ("cat /dev/zero", "a line is longer than 2 MB"),
    ],
)
def test_a_flood_is_cut_off(script: str, detail: str, tmp_path: Path) -> None:
    with connected(script, tmp_path) as made:
        assert wait_for_state(made, HostConnection.BAD_DATA) == detail


def test_reports_that_come_without_end_are_taken(tmp_path: Path) -> None:
    """What that costs is measured by tests/bench/hosts.py."""
    session = '{"session_id": "s", "activity": "idle", "title": "%s"}'
    line = f'{{"schema": 1, "now": "2026-11-24T08:40:00Z", "sessions": [{session}]}}'
    script = f"n=0; while printf '{line}\\n' $n; do n=$((n + 1)); done"

    def number() -> int:
        return int(wait_for("a report", made.take).states["dev/s"].title or "")

    with connected(script, tmp_path) as made:
        assert number() < number() < number()
        assert made.state.connection is HostConnection.CONNECTED


def test_errors_that_come_without_end_are_read_and_hold_nothing_up(tmp_path: Path) -> None:
    flood = f"head -c 3000000 /dev/zero >&2; touch {tmp_path}/read"
    with connected(f"echo '{GOOD}'; {flood}; sleep 1000", tmp_path) as made:
        wait_for("the end of the errors", (tmp_path / "read").exists)
        assert made.state.connection is HostConnection.CONNECTED


def test_a_host_that_falls_silent_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 0.3)
    with connected(f"echo '{GOOD}'; sleep 1000", tmp_path) as made:
        assert wait_for_state(made, HostConnection.UNREACHABLE) == "nothing comes from it any more"
        since = made.state.since
        wait_for_state(made, HostConnection.CONNECTED)
        assert made.state.since != since


def test_a_process_that_stands_still_is_ended_and_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 0.3)
    script = f"echo $$ >> {tmp_path}/starts; echo '{GOOD}'; kill -STOP $$"
    with connected(script, tmp_path) as made:
        assert wait_for_state(made, HostConnection.UNREACHABLE) == "nothing comes from it any more"
        wait_for("a second start", lambda: len((tmp_path / "starts").read_text().split()) >= 2)
        first = int((tmp_path / "starts").read_text().split()[0])
        assert not psutil.pid_exists(first)


def test_a_reason_to_try_again_begins_the_waits_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After sleep, the first try may come before the network is there: the next one must not wait for minutes."""
    failures: list[int] = []

    def wait_seconds(failed: int, *_: object) -> float:
        failures.append(failed)
        return 1000.0

    monkeypatch.setattr(backoff, "wait_seconds", wait_seconds)
    with connected("exit 1", tmp_path) as made:
        for count in (1, 2, 3):
            wait_for("a wait", lambda count=count: len(failures) == count)  # type: ignore[misc]
            made.retry()
    assert set(failures) == {1}


def test_after_sleep_it_connects_anew_at_once_and_is_not_unreachable(tmp_path: Path) -> None:
    with connected(f"echo $$ >> {tmp_path}/starts; echo '{GOOD}'; exec sleep 1000", tmp_path) as made:
        wait_for_state(made, HostConnection.CONNECTED)
        made.retry(anew=True)
        wait_for("a second start", lambda: len((tmp_path / "starts").read_text().split()) == 2)
        wait_for_state(made, HostConnection.CONNECTED)


def test_after_sleep_a_process_that_stands_still_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 1000.0)
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.2)
    with connected(f"echo $$ >> {tmp_path}/starts; echo '{GOOD}'; kill -STOP $$", tmp_path) as made:
        wait_for_state(made, HostConnection.CONNECTED)
        made.retry(anew=True)
        wait_for("a second start", lambda: len((tmp_path / "starts").read_text().split()) == 2)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = Connection(Host("dev", (str(tmp_path / "docker"),)), lambda: None)
    made.start()
    assert wait_for_state(made, HostConnection.UNREACHABLE).endswith(
        "docker can't be started here: No such file or directory"
    )
    made.stop()
    made.join(2.0)


def test_it_has_no_terminal_and_asks_nobody(tmp_path: Path) -> None:
    looks = (
        "test -t 0 || echo no terminal",
        "(: </dev/tty) 2>/dev/null || echo no tty",
        'echo "$SSH_ASKPASS_REQUIRE"',
    )
    with connected(f"({'; '.join(looks)}) >{tmp_path}/seen; echo '{GOOD}'; sleep 1000", tmp_path) as made:
        wait_for("a report", made.take)
    assert (tmp_path / "seen").read_text() == "no terminal\nno tty\nnever\n"
