"""A hook call: silent, fast, and without any part of a prompt or a response in what it writes."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import heartbeat
from claude_session_status.claude import hook, hook_table
from claude_session_status.paths import Paths
from claude_session_status.store.database import Store
from claude_session_status.wake import WakePipe
from fakes import NOW
from ingester import wait_for_ingester, wait_until_applied

COMMAND = [sys.executable, "-m", "claude_session_status"]


def call(command: str, data: Any, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run a hook as Claude Code does."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return subprocess.run([*COMMAND, command], input=raw, capture_output=True, **options)


def notes_in(where: Paths) -> list[dict[str, Any]]:
    """The notes in the spool, oldest first."""
    return [json.loads(path.read_bytes()) for path in sorted(Path(where.spool).glob("*.json"))]


@pytest.fixture
def beside_a_monitor(where: Paths) -> Paths:
    """A monitor has just polled, so hooks leave their notes to it."""
    os.makedirs(where.folder)
    Path(where.monitor_alive).touch()
    return where


@pytest.mark.parametrize(
    ("command", "data", "expected"),
    [
        ("mark-start", {"session_id": "s", "cwd": "/home/me/my-app"}, {"kind": "start", "cwd": "/home/me/my-app"}),
        ("mark-prompt", {"session_id": "s", "prompt": "secret"}, {"kind": "prompt"}),
        ("mark-turn", {"session_id": "s", "hook_event_name": "Stop"}, {"kind": "turn"}),
        ("mark-turn", {"session_id": "s", "hook_event_name": "StopFailure"}, {"kind": "failure"}),
        ("mark-turn", {"session_id": "s", "hook_event_name": "PostToolUse"}, {"kind": "tool"}),
        ("mark-wait", {"session_id": "s"}, {"kind": "wait"}),
        ("mark-end", {"session_id": "s"}, {"kind": "end"}),
        ("mark-start", {"sessionId": "s"}, {"session_id": "s"}),
        ("mark-start", {"id": "s", "project_name": "P", "cwd": "/x/y"}, {"session_id": "s", "project": "P"}),
        ("mark-start", {"id": "s", "projectName": "P"}, {"project": "P"}),
        ("mark-start", {"session_id": "s", "cwd": "/a/Мой\nпроект"}, {"cwd": "/a/Мой\nпроект", "project": None}),
        ("mark-start", {"session_id": "\ud800", "cwd": 7}, {"session_id": "?"}),
        ("mark-start", {"session_id": "s" * 9999}, {"session_id": "s" * 4096}),
    ],
)
def test_a_note_keeps_these_fields_of_the_payload(command: str, data: dict[str, Any], expected: dict[str, Any]) -> None:
    note = hook.note_of(data, command, NOW, {})
    assert note is not None
    assert {key: note.get(key) for key in expected} == expected
    assert "secret" not in str(note)


@pytest.mark.parametrize(
    ("what", "environment", "cwd", "expected"),
    [
        ("the folder that the client was started in", {"CLAUDE_PROJECT_DIR": "/x/app"}, "/x/app/src", "/x/app"),
        ("a client that reports none", {}, "/x/app/src", None),
        ("an empty one", {"CLAUDE_PROJECT_DIR": ""}, "/x/app/src", None),
        ("no working folder", {"CLAUDE_PROJECT_DIR": "/x/app"}, None, "/x/app"),
        ("a relative one", {"CLAUDE_PROJECT_DIR": "."}, "/x/app/src", None),
        ("Windows", {"CLAUDE_PROJECT_DIR": "C:\\app"}, "C:\\app\\src", "C:\\app"),
        ("a shell's own way to write a folder of Windows", {"CLAUDE_PROJECT_DIR": "/c/app"}, "C:\\app\\src", None),
    ],
)
def test_the_project_folder_is_where_the_client_was_started(
    what: str, environment: dict[str, str], cwd: str | None, expected: str | None
) -> None:
    note = hook.note_of({"session_id": "s", "cwd": cwd}, "mark-turn", NOW, environment)
    assert note is not None
    assert note.get("project_folder") == expected, what


@pytest.mark.parametrize(
    ("command", "data"),
    [("mark-turn", {"agent_id": "a"}), ("mark-wait", {"notification_type": "idle_prompt"})],
    ids=["from inside a subagent", "a notification that waits for nobody"],
)
def test_events_that_do_not_concern_the_session_are_ignored(command: str, data: dict[str, Any]) -> None:
    assert hook.note_of({"session_id": "s", **data}, command, NOW, {}) is None
    assert hook.note_of({"session_id": "s", "notification_type": "permission_prompt"}, "mark-wait", NOW, {}) is not None


@pytest.mark.parametrize("command", sorted(hook_table.COMMANDS))
def test_alone_the_row_comes_into_the_database_without_the_hook(command: str, where: Paths) -> None:
    done = call(command, {"session_id": "s", "cwd": "/x/y"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    wait_until_applied(where)
    assert [s.session_id for s in Store(where.database).load()] == ["s"]
    assert notes_in(where) == []


def test_beside_a_monitor_the_hook_only_writes_its_note(beside_a_monitor: Paths) -> None:
    done = call("mark-turn", {"session_id": "s"}, env=os.environ | {"CLAUDE_PID": str(os.getpid())})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (note,) = notes_in(beside_a_monitor)
    assert note["session_id"] == "s"
    assert note["pid"] == os.getpid()
    assert not os.path.exists(beside_a_monitor.database)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
@pytest.mark.parametrize("command", ["mark-turn", "statusline"])
def test_beside_a_monitor_the_hook_wakes_it(command: str, beside_a_monitor: Paths) -> None:
    pipe = WakePipe(beside_a_monitor.wake)
    pipe.open()
    call(command, {"session_id": "s", "prompt_cache": {"expires_at": NOW, "ttl": "5m"}})
    assert len(notes_in(beside_a_monitor)) == 1
    assert pipe.wait(0)
    pipe.close()


@pytest.mark.parametrize("age", [-3600, -11, 11, 3600])
def test_a_killed_monitor_or_a_clock_that_jumped_counts_as_no_monitor(age: float, where: Paths) -> None:
    os.makedirs(where.folder)
    Path(where.monitor_alive).touch()
    now = os.stat(where.monitor_alive).st_mtime
    assert heartbeat.monitor_runs(where.monitor_alive, now)
    assert not heartbeat.monitor_runs(where.monitor_alive, now + age)


@pytest.mark.parametrize(
    ("what", "raw", "complaint"),
    [
        ("empty", b"", b"standard input is empty"),
        ("blank", b" \n", b"standard input is empty"),
        ("bad JSON", b"{nope", b"not JSON"),
        ("cut", b'{"session_id": "s"', b"not JSON"),
        ("two objects", b'{"session_id": "s"} {}', b"not JSON"),
        ("a list", b"[1]", b"not an object"),
        ("null", b"null", b"not an object"),
        ("no session", b"{}", b"no session_id"),
        ("an empty one", b'{"session_id": ""}', b"no session_id"),
        ("a number for one", b'{"session_id": 7}', b"no session_id"),
        ("deep", b"[" * 100_000, b"not JSON"),
        ("10 MB of junk", b"x" * 10_000_000, b"not JSON"),
    ],
)
def test_bad_input_is_one_line_on_stderr(what: str, raw: bytes, complaint: bytes, where: Paths) -> None:
    done = call("mark-turn", raw)
    assert (done.returncode, done.stdout) == (0, b""), what
    assert complaint in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"claude-session-status mark-turn: ")
    assert not os.path.exists(where.folder)


def test_a_response_of_10_mb_does_not_lose_the_event(beside_a_monitor: Paths) -> None:
    done = call("mark-turn", {"session_id": "s", "last_assistant_message": "secret" * 1_700_000})
    assert (done.returncode, done.stderr) == (0, b"")
    (path,) = Path(beside_a_monitor.spool).glob("*.json")
    assert path.stat().st_size < 500
    assert b"secret" not in path.read_bytes()


def test_the_longest_fields_of_the_widest_characters_are_taken_in(where: Paths) -> None:
    wide = "\U0001f600" * 5000
    fields = ("cwd", "project", "title", "transcript_path", "model", "source")
    done = call("mark-start", {"session_id": "s", **dict.fromkeys(fields, wide)})
    assert (done.returncode, done.stderr) == (0, b"")
    wait_until_applied(where)
    (session,) = Store(where.database).load()
    assert session.title == wide[:4096]


def test_a_byte_order_mark_is_skipped(beside_a_monitor: Paths) -> None:
    assert call("mark-turn", b'\xef\xbb\xbf{"session_id": "s"}').stderr == b""
    assert len(notes_in(beside_a_monitor)) == 1


@pytest.mark.parametrize("closing", ["2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", "</dev/null 2>&-", "2>/dev/full"])
def test_a_hook_with_closed_streams_exits_with_0(closing: str, where: Paths) -> None:
    line = f'"{sys.executable}" -m claude_session_status mark-turn {closing}'
    for raw in (b'{"session_id": "s"}', b"junk"):
        assert subprocess.run(["sh", "-c", line], input=raw, capture_output=True).returncode == 0


def test_wrong_usage_of_a_hook_command_does_not_block_the_user(beside_a_monitor: Paths) -> None:
    done = subprocess.run([*COMMAND, "mark-turn", "--verbose", "x"], input=b'{"session_id": "s"}', capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(notes_in(beside_a_monitor)) == 1


def test_a_folder_that_cannot_be_made_is_named(claude_dir: Path) -> None:
    claude_dir.write_text("a file where the folder should be")
    done = call("mark-turn", {"session_id": "s"})
    assert (done.returncode, done.stdout) == (0, b"")
    assert str(claude_dir).encode() in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project folder for a user whose home neither the environment nor the list of users names."""
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    monkeypatch.setenv("HOME", "nowhere")  # as a path that is none; without it, root's own would be found
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["mark-turn", "statusline"])
def test_without_a_home_nothing_is_made_in_the_project(command: str, homeless: Path) -> None:
    done = call(command, {"session_id": "s"})
    assert (done.returncode, done.stdout) == (0, b"" if command == "mark-turn" else "○ no cache data\n".encode())
    assert done.stderr == (
        f"claude-session-status {command}: No home folder is known. Set HOME or CLAUDE_CONFIG_DIR\n".encode()
    )
    assert os.listdir(homeless) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become a user without name")
def test_nothing_is_made_for_a_user_who_is_not_listed(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    program = (
        "import json, os, pwd; from claude_session_status import errors\n"
        "from claude_session_status.claude import hook\n"
        "os.setuid(4242); hook.main('mark-turn')"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b'{"session_id": "s"}', capture_output=True)
    assert done.stderr.decode().endswith("mark-turn: No home folder is known. Set HOME or CLAUDE_CONFIG_DIR\n")
    assert os.listdir(homeless) == []


def test_where_the_database_can_not_be_opened_the_note_stays(where: Paths) -> None:
    os.makedirs(where.database)
    done = call("mark-turn", {"session_id": "s"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    wait_for_ingester(where)
    assert len(notes_in(where)) == 1


def test_where_no_ingester_can_be_started_the_note_stays_and_one_line_says_so(where: Paths) -> None:
    os.makedirs(where.ingest_lock)
    done = call("mark-turn", {"session_id": "s"})
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.count(b"\n") == 1
    assert f"the event waits in {where.spool}".encode() in done.stderr
    assert len(notes_in(where)) == 1


def imported_by_a_hook() -> set[str]:
    """The names of the modules that a hook imports by itself."""
    program = (
        "import os, sys; before = set(sys.modules); sys.argv = ['x', 'mark-turn']\n"
        "os._exit = lambda code: sys.exit(print(sorted(set(sys.modules) - before)))\n"
        "from claude_session_status.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b'{"session_id": "s"}', capture_output=True)
    return set(ast.literal_eval(done.stdout.decode()))


OURS = "claude_session_status"
BESIDE = {f"{OURS}.claude.hook", f"{OURS}.claude.hook_table", f"{OURS}.claude.payload", f"{OURS}.claude.pids"} | {
    OURS, f"{OURS}.__main__", f"{OURS}.claude", f"{OURS}.heartbeat", f"{OURS}.paths", f"{OURS}.private", f"{OURS}.spool"
}  # fmt: skip


def test_a_hook_beside_a_monitor_imports_nothing_that_costs(beside_a_monitor: Paths) -> None:
    assert imported_by_a_hook() - {"__future__", "_json", "time"} == BESIDE
    assert len(notes_in(beside_a_monitor)) == 1


def test_a_hook_alone_imports_no_more_than_it_needs_to_start_the_ingester(where: Paths) -> None:
    more = {f"{OURS}.claude.background", f"{OURS}.lock"}
    if sys.platform == "win32":
        assert imported_by_a_hook() >= BESIDE | more
    else:
        assert imported_by_a_hook() - {"__future__", "_json", "time", "fcntl"} == BESIDE | more
    wait_for_ingester(where)
