"""The user's own command for alerts: what it reads, how it is run and ended, and what `doctor` learns of it."""

import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from claude_session_status import alert_command, policy
from claude_session_status.alert_command import AlertCommand, AlertTurn, Result
from claude_session_status.lock import FileLock
from claude_session_status.model import Alert, AlertReason, Session, Snapshot
from claude_session_status.paths import Paths
from fakes import NOW
from pages import PAGES
from rows import make
from waiting import wait_for

SAVE = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
SLEEP = "import sys, time; open(sys.argv[1], 'w').write(str(__import__('os').getpid())); time.sleep(60)"


def python(script: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-c", script, *map(str, arguments))


def shot_of(*sessions: Session) -> Snapshot:
    return policy.snapshot(sessions, NOW, price=lambda model, ttl, tokens: 0.5)


def expiring(*names: str) -> tuple[Snapshot, list[Alert]]:
    """Sessions whose caches are about to expire, and their alerts."""
    shot = shot_of(*(make(name, 270, context_tokens=5000, model="m") for name in names))
    return shot, [Alert(state, 30) for state in shot.sessions]


# ---- what it reads ---------------------------------------------------------------


def test_the_command_reads_what_the_notification_says_and_the_session() -> None:
    shot, (alert,) = expiring("web-shop")
    text = alert_command.as_json(alert, shot)
    assert {key: value for key, value in text.items() if key != "session"} == {
        "schema": 1,
        "reason": "expires",
        "at": "2026-11-24T08:40:00.000Z",
        "title": "web-shop: cache expires at 08:40:30",
        "body": "Reply in time, or re-caching 5k tokens costs about $0.50.",
        "urgent": True,
        "lead_seconds": 30,
        "waiting_since": None,
    }
    assert (text["session"]["session_id"], text["session"]["seconds_left"]) == ("web-shop", 30)


@pytest.mark.parametrize(
    ("reason", "given", "lead", "expected"),
    [
        ("waits", make("a", None, waiting_at=NOW - 10), 0, (None, "2026-11-24T08:39:50.000Z")),
        ("expires", make("a", 270, waiting_at=NOW - 90), 30, (30, "2026-11-24T08:38:30.000Z")),
        ("compacts", make("a", 3120, 3600, context_tokens=214_000, idle_compact_tokens=200_000), 480, (480, None)),
    ],
)
def test_each_reason_has_its_values(
    reason: str, given: Session, lead: float, expected: tuple[float | None, str | None]
) -> None:
    shot = shot_of(given)
    kind = AlertReason.WAITS if reason == "waits" else AlertReason.EXPIRES
    text = alert_command.as_json(Alert(shot.sessions[0], lead, reason=kind), shot)
    assert (text["reason"], (text["lead_seconds"], text["waiting_since"])) == (reason, expected)


def test_the_example_on_its_page_has_every_key() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGES[".github/ON-ALERT.md"], re.DOTALL)
    shot, (alert,) = expiring("my-app")
    text = alert_command.as_json(alert, shot)
    assert json.loads(example).keys() == text.keys()
    assert json.loads(example)["session"].keys() <= text["session"].keys()


def test_a_test_has_the_same_keys_as_an_alert() -> None:
    shot, (alert,) = expiring("a")
    assert alert_command.as_test(NOW).keys() == alert_command.as_json(alert, shot).keys()


# ---- running it --------------------------------------------------------------------


def test_it_reads_one_line_of_json_and_its_arguments_reach_no_shell(tmp_path: Path) -> None:
    saved = tmp_path / "$(touch x); *.txt"
    assert alert_command.run(python(SAVE, saved), {"title": "Fix “it”"}) is None
    assert json.loads(saved.read_text()) == {"title": "Fix “it”"}
    assert os.listdir(tmp_path) == [saved.name]


def test_it_has_the_users_environment_and_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("TOPIC", "phone")
    command = python("import os, sys; open(sys.argv[1], 'w').write(os.environ['TOPIC'] + os.getcwd())", "here")
    assert alert_command.run(command, {}) is None
    assert (tmp_path / "here").read_text() == f"phone{os.path.realpath(tmp_path)}"


@pytest.mark.parametrize(
    ("what", "command", "problem"),
    [
        ("it exits with an error", python("import sys; sys.stderr.write('first\\nno such topic\\n\\n'); sys.exit(3)"),
            "it ended with exit code 3: no such topic"),
        ("it says nothing", python("raise SystemExit(1)"), "it ended with exit code 1"),
        ("it writes a lot", python("import sys; sys.stderr.write('x' * 300_000); sys.exit(1)"),
            "it ended with exit code 1: " + "x" * 172 + "…"),
        ("it writes control characters", python(r"import sys; sys.stderr.write('\x1b[31mred\x07'); sys.exit(1)"),
            "it ended with exit code 1: [31mred"),
        ("it does not exist", ("/nowhere/notify-phone",), "it can't be started: No such file or directory"),
        ("it reads nothing", python("pass"), None),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line(what: str, command: tuple[str, ...], problem: str | None) -> None:
    assert alert_command.run(command, {"body": "y" * 100_000}) == problem, what


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no shell of this kind; see the next test there")
def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """Also the one whose parent has ended already, and who holds the standard error."""
    pids = tmp_path / "pids"
    script = f"(sleep 60 & echo $! >>{pids}) ; sleep 60 & echo $! >>{pids}; echo $$ >>{pids}; wait"
    problem = alert_command.run(("sh", "-c", script), {}, seconds=3)
    assert problem == "it took longer than 3 s and was killed"
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 3
    wait_for("their end", lambda: not any(is_alive(pid) for pid in started))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no shell of this kind; its children are others")
def test_a_child_that_goes_on_in_the_background_does_not_hold_it_up(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! >{tmp_path / 'pid'}"
    assert alert_command.run(("sh", "-c", script), {}, seconds=30) is None
    psutil.Process(int((tmp_path / "pid").read_text())).kill()


# ---- several at once ------------------------------------------------------------------


def test_each_alert_has_its_run(where: Paths, tmp_path: Path) -> None:
    script = (
        "import json, sys; a = json.load(sys.stdin)['session'];"
        " open(f\"{sys.argv[1]}/{a['session_id']}.json\", 'w').write('x')"
    )
    argv = python(script, tmp_path)
    command = AlertCommand(where, lambda: argv, clock=lambda: NOW)
    command.give(*expiring("a", "b"))
    wait_for("both", lambda: {"a.json", "b.json"} <= set(os.listdir(tmp_path)))
    wait_for("the result", lambda: alert_command.last_result(where, argv) == Result(NOW, None))
    command.stop()


def test_at_most_four_run_at_a_time_and_the_others_follow(where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, seen = threading.Semaphore(0), [0, 0]

    def run(*_: Any) -> None:
        seen[0] += 1
        seen[1] = max(seen)
        lock.acquire()
        seen[0] -= 1

    monkeypatch.setattr(alert_command, "run", run)
    command = AlertCommand(where, lambda: ("x",), clock=lambda: NOW)
    command.give(*expiring(*(f"s{n}" for n in range(20))))
    wait_for("four", lambda: seen[0] == 4)
    for _ in range(20):
        lock.release()
    command.stop()
    assert seen == [0, 4]


def test_a_queue_that_is_full_takes_no_more(
    where: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lock, runs = threading.Event(), list[int]()

    def run(*_: Any) -> None:
        lock.wait(60)
        runs.append(1)

    monkeypatch.setattr(alert_command, "run", run)
    command = AlertCommand(where, lambda: ("x",), clock=lambda: NOW)
    command.give(*expiring(*(f"s{n}" for n in range(alert_command.LONGEST_QUEUE + 3))))
    assert caplog.text.count("one is dropped") == 3
    lock.set()
    wait_for("the others", lambda: len(runs) == alert_command.LONGEST_QUEUE)
    command.stop()


def test_an_alert_that_waited_beyond_the_expiry_is_dropped(where: Paths, caplog: pytest.LogCaptureFixture) -> None:
    command = AlertCommand(where, lambda: ("/nowhere/x",), clock=lambda: NOW + 30)
    command.give(*expiring("a"))
    wait_for("a line in the log", lambda: "expired meanwhile" in caplog.text)
    command.stop()
    assert not os.path.exists(where.folder)


def test_without_a_command_nothing_runs(where: Paths) -> None:
    command = AlertCommand(where, tuple, clock=lambda: NOW)
    command.give(*expiring("a"))
    command.stop()
    assert not os.path.exists(where.folder)


def test_what_runs_ends_with_the_tray(where: Paths, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = AlertCommand(where, lambda: python(SLEEP, pid), clock=lambda: NOW)
    command.give(*expiring("a"))
    started = int(wait_for("its start", lambda: pid.read_text() if pid.exists() else None))
    command.stop()
    assert not is_alive(started)


# ---- how it went last ---------------------------------------------------------------


def test_a_problem_is_remembered_until_the_next_run(where: Paths) -> None:
    for problem in ("it ended with exit code 1: ünknown", None):
        alert_command.record(where, NOW, ("push", "x"), problem)
        assert alert_command.last_result(where, ("push", "x")) == Result(NOW, problem)
        assert alert_command.last_result(where, ("push", "y")) is None, "another command is set by now"
    assert os.listdir(where.folder) == ["on-alert.json"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"at": 1, "problem": null}',
        '{"at": "x", "command": [], "problem": null}',
        '{"at": true, "command": [], "problem": null}',
        '{"at": 1, "command": [], "problem": 2}',
        "[" * 60_000,
    ],
)
def test_a_file_that_makes_no_sense_is_no_result(content: str, where: Paths) -> None:
    alert_command.record(where, NOW, (), None)
    Path(where.alert_result).write_text(content)
    assert alert_command.last_result(where, ()) is None


# ---- whose turn it is -------------------------------------------------------------


def test_a_table_runs_it_where_no_tray_and_no_other_table_does(where: Paths) -> None:
    Path(where.folder).mkdir(parents=True)
    first, second, tray = AlertTurn(where), AlertTurn(where), FileLock(where.tray_lock)
    assert (first.is_ours(), second.is_ours(), first.is_ours()) == (True, False, True)
    tray.acquire()
    assert (first.is_ours(), second.is_ours()) == (False, False)
    tray.release()
    assert (second.is_ours(), first.is_ours()) == (True, False)
    second.release()
    assert first.is_ours()
    first.release()
