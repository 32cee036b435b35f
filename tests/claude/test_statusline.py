"""The status line: what it reads, prints and notes, and that the user's own command runs as if we were not there."""

import ast
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude_session_status import notes
from claude_session_status.claude import statusline
from claude_session_status.claude.ingest import Ingester
from claude_session_status.claude.statusline import CacheReport, report_of
from claude_session_status.model import Request, Source
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from fakes import NOW

COMMAND = [sys.executable, "-m", "claude_session_status", "statusline"]
SESSION = "122865f5-4013-4fb5-a130-d9583e97387b"


def said(expires_at: float | None = NOW + 300, ttl: str = "5m", model: str = "opus", **more: Any) -> dict[str, Any]:
    """What the client pipes, in part."""
    return {
        "session_id": SESSION,
        "cwd": "/home/me/my-app/src",
        "workspace": {"current_dir": "/home/me/my-app/src", "project_dir": "/home/me/my-app"},
        "transcript_path": "/t.jsonl",
        "model": {"id": model},
        "context_window": {"total_input_tokens": 142_028},
        "prompt_cache": {"warm": True, "ttl": ttl, "expires_at": expires_at, "recache_tokens_if_cold": 142_030},
        **more,
    }


def render(data: Any, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return subprocess.run([*COMMAND, *arguments], input=raw, capture_output=True, **options)


def notes_in(where: Paths) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(Path(where.spool).glob("*.json"))]


def clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


# ---- what is printed --------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (CacheReport(NOW + 252.9, 300, "m", 142_028), f"● warm until {clock(NOW + 252.9)} · 142k"),
        (CacheReport(NOW + 59, 300, "m", 900), f"● warm until {clock(NOW + 59)} · 900"),
        (CacheReport(NOW + 3599, 3600, "m", 1_250_000), f"● warm until {clock(NOW + 3599)} · 1.2M"),
        (CacheReport(NOW + 900, 300, "m"), f"● warm until {clock(NOW + 300)}"),
        (CacheReport(NOW, 300, "m", 142_028), "○ expired · 142k"),
        (CacheReport(None, None, "m", 142_028, is_known=True), "○ nothing cached"),
        (CacheReport(None, None, "m", 142_028), "○ no cache data · 142k"),
        (CacheReport(), "○ no cache data"),
    ],
)
def test_the_line_shows_the_state_of_the_cache(report: CacheReport, expected: str) -> None:
    assert statusline.line(report, NOW) == expected


def test_the_line_after_another_model_was_chosen() -> None:
    report = CacheReport(NOW + 200, 300, "m", 142_028)
    assert statusline.line(report, NOW, model_changed=True) == "○ cold: another model · 142k"


UNKNOWN, NOTHING = (None, None, False), (None, None, True)


@pytest.mark.parametrize(
    ("what", "cache", "expected"),
    [
        ("as it is", {"expires_at": 1795522953, "ttl": "5m"}, (1795522953, 300, True)),
        ("an hour", {"expires_at": 1795522953, "ttl": "1h"}, (1795522953, 3600, True)),
        ("nothing was cached by the last response", {"expires_at": None, "ttl": "5m"}, NOTHING),
        ("just compacted", {"expires_at": 1, "ttl": "5m", "recache_tokens_if_cold": None}, NOTHING),
        ("an unknown TTL", {"expires_at": 1795522953, "ttl": "x"}, UNKNOWN),
        ("a TTL that never ends", {"expires_at": 1795522953, "ttl": "9999h"}, UNKNOWN),
        ("a TTL in other digits", {"expires_at": 1795522953, "ttl": "\u0665m"}, UNKNOWN),
        ("no TTL", {"expires_at": 1795522953}, UNKNOWN),
        ("another type", {"expires_at": "soon", "ttl": 5}, UNKNOWN),
        ("true is no time", {"expires_at": True, "ttl": "5m"}, UNKNOWN),
        ("too far away", {"expires_at": 1e400, "ttl": "5m"}, UNKNOWN),
        ("too many digits", {"expires_at": 10**4000, "ttl": "5m"}, UNKNOWN),
        ("not a number", {"expires_at": float("nan"), "ttl": "5m"}, UNKNOWN),
        ("absent, as before 2.1.251", None, UNKNOWN),
        ("empty", {}, UNKNOWN),
        ("a list", [], UNKNOWN),
    ],
)
def test_the_report_is_read_from_the_clients_json(
    what: str, cache: Any, expected: tuple[float | None, int | None, bool]
) -> None:
    report = report_of({"prompt_cache": cache} if cache is not None else {})
    assert (report.expires_at, report.ttl, report.is_known) == expected, what


_ODD = (
    b"null", b"true", b"0", b"-1", b"1e400", b"-1e400", b"NaN", b"Infinity", b"9" * 400, b"9" * 4000, b"9" * 5000,
    b'""', b'"x"',
    b'"5m"', b'"\\ud800"', b"[]", b"[[]]", b"{}", b'{"id": {}}', b'{"id": 7}',
)  # fmt: skip
_FIELDS = (
    b'"session_id": %s', b'"model": %s', b'"model": {"id": %s}', b'"cwd": %s', b'"session_name": %s',
    b'"prompt_cache": %s',
    b'"prompt_cache": {"expires_at": %s, "ttl": "5m"}', b'"prompt_cache": {"expires_at": 9000000000, "ttl": %s}',
    b'"prompt_cache": {"expires_at": 9000000000, "ttl": "5m", "recache_tokens_if_cold": %s}',
    b'"context_window": %s', b'"context_window": {"total_input_tokens": %s}',
)  # fmt: skip


@pytest.fixture
def rendered(where: Paths, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], str]:
    """A render in this process: what it prints for these bytes on standard input."""
    printed: list[str] = []
    given: list[bytes] = []
    monkeypatch.setattr(statusline, "_print", printed.append)
    monkeypatch.setattr(statusline, "read_input", given.pop)

    def render_here(raw: bytes) -> str:
        given.append(raw)
        printed.clear()
        assert statusline.main([]) == 0
        (text,) = printed
        return text

    return render_here


@pytest.mark.parametrize("field", _FIELDS)
def test_whatever_a_field_holds_a_line_is_printed(field: bytes, rendered: Callable[[bytes], str]) -> None:
    for value in _ODD:
        text = rendered(b'{"session_id": "s", %s}' % (field % value))
        assert re.fullmatch(r"[●○] [a-z0-9 :]+( · [0-9.]+[kM]?)?", text), (field, value, text)


@pytest.mark.parametrize("raw", [b"", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'{"a"', b"x" * 1_000_000])
def test_whatever_the_input_is_a_line_is_printed(raw: bytes, rendered: Callable[[bytes], str]) -> None:
    assert rendered(raw) == "○ no cache data"


@given(st.binary(max_size=200) | st.dictionaries(st.text(), st.text()).map(lambda v: json.dumps(v).encode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_input_prints_a_line(rendered: Callable[[bytes], str], raw: bytes) -> None:
    assert rendered(raw).startswith("○ ")


def test_a_render_prints_one_line_and_exits_with_0() -> None:
    done = render(said(9e9))
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.fullmatch(r"● warm until \d\d:\d\d:\d\d · 142k\n", done.stdout.decode())


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"{}", b'{"session_id": 7}'])
def test_bad_input_is_one_line_on_stderr_and_nothing_is_noted(raw: bytes, where: Paths) -> None:
    done = render(raw)
    assert (done.returncode, done.stdout) == (0, "○ no cache data\n".encode())
    assert done.stderr.startswith(b"claude-session-status statusline: ")
    assert done.stderr.count(b"\n") == 1
    assert not os.path.exists(where.folder)


@pytest.mark.parametrize("arguments", [["--"], ["--json"], ["x", "y"]])
def test_wrong_usage_says_how(arguments: list[str]) -> None:
    done = render(said(), *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"statusline -- COMMAND" in done.stderr


# ---- what is noted ----------------------------------------------------------


def test_a_request_is_noted_once_however_often_it_is_rendered(where: Paths) -> None:
    for _ in range(3):
        render(said())
    (note,) = notes_in(where)
    event = notes.decode(json.dumps(note).encode())
    assert (event.kind.value, event.session_id, event.expires_at, event.ttl_seconds) == (
        "statusline", SESSION, NOW + 300, 300,
    )  # fmt: skip
    assert (event.cwd, event.project_folder) == ("/home/me/my-app/src", "/home/me/my-app")
    assert (event.project, event.transcript_path, event.model) == (None, "/t.jsonl", None)


def test_of_notes_that_nobody_took_in_only_the_newest_stays(where: Paths) -> None:
    for n in range(4):
        render(said(NOW + 300 + n))
    assert [note["expires_at"] for note in notes_in(where)] == [NOW + 303]
    Ingester(where, Store(where.database)).drain()
    render(said(NOW + 400))
    assert [note["expires_at"] for note in notes_in(where)] == [NOW + 400]


def test_each_session_has_its_own(where: Paths) -> None:
    render(said())
    render({**said(), "session_id": "../../other"})
    assert {note["session_id"] for note in notes_in(where)} == {SESSION, "../../other"}
    assert sorted(os.listdir(where.statusline)) == sorted([SESSION, "%2e%2e%2f%2e%2e%2fother"])


def test_sessions_whose_ids_begin_alike_have_their_own_however_long_the_ids_are(where: Paths) -> None:
    for length in (300, 400):
        render({**said(), "session_id": "x" * length})
    assert {note["session_id"] for note in notes_in(where)} == {"x" * 300, "x" * 400}


def test_nothing_is_noted_where_nothing_is_reported(where: Paths) -> None:
    assert render(said(None)).stdout == "○ nothing cached\n".encode()
    assert not os.path.exists(where.folder)


def test_another_model_leaves_nothing_warm_and_going_back_does(where: Paths) -> None:
    assert "warm" in render(said(9e9)).stdout.decode()
    assert "another model" in render(said(9e9, model="sonnet")).stdout.decode()
    assert "warm" in render(said(9e9)).stdout.decode()
    assert len(notes_in(where)) == 1


def test_a_report_whose_record_is_torn_is_noted_again(where: Paths) -> None:
    render(said())
    Path(where.statusline, SESSION).write_bytes(b"17955")
    render(said())
    assert len(notes_in(where)) == 2


def test_the_records_of_old_sessions_are_removed(where: Paths) -> None:
    render(said())
    os.utime(Path(where.statusline, SESSION), (NOW - 1e7, NOW - 1e7))
    render({**said(), "session_id": "new"})
    assert os.listdir(where.statusline) == ["new"]


def test_a_folder_that_cannot_be_made_is_named_and_the_line_is_missing_only(claude_dir: Path) -> None:
    claude_dir.write_text("a file where the folder should be")
    done = render(said(), "--", "echo", "theirs")
    assert (done.returncode, done.stdout) == (0, b"theirs\n")
    assert str(claude_dir).encode() in done.stderr


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"five_hour": {"used_percentage": 80.2, "resets_at": NOW + 60}}, (81, NOW + 60)),
        ({"five_hour": {"used_percentage": 0}}, (0, None)),
        ({"five_hour": {"used_percentage": 12, "resets_at": "soon"}}, (12, None)),
        *((odd, (None, None)) for odd in ({}, None, 7, {"five_hour": 7}, {"five_hour": {"used_percentage": True}})),
        *(
            ({"five_hour": {"used_percentage": odd}}, (None, None))
            for odd in (-1, 1001, 1e400, float("nan"), "80", None)
        ),
    ],
)
def test_the_used_part_of_the_five_hour_window_is_noted(limits: Any, expected: tuple[Any, Any], where: Paths) -> None:
    render(said(rate_limits=limits))
    Ingester(where, Store(where.database)).drain()
    (row,) = Store(where.database).load()
    assert (row.usage_percent, row.usage_resets_at) == expected
    assert row.request is not None


def test_it_becomes_the_row_of_a_session(where: Paths) -> None:
    render(said())
    Ingester(where, Store(where.database)).drain()
    (session,) = Store(where.database).load()
    assert session.request == Request(NOW, 300, Source.STATUS_LINE)
    assert (session.is_found, session.is_ended, session.project) == (True, False, "my-app")
    assert Spool(where.spool).names() == []


# ---- somebody else's command ------------------------------------------------


def test_a_command_gets_every_byte_and_its_output_and_exit_code_are_its_own() -> None:
    raw = json.dumps(said(), indent=3).encode() + b"\n\n"
    done = render(raw, "--", "sh", "-c", "cat; printf 'two\\nlines'; echo trouble >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, raw + b"two\nlines", b"trouble\n")


def test_it_gets_more_than_a_pipe_holds() -> None:
    raw = json.dumps(said(padding="x" * 500_000)).encode()
    assert render(raw, "--", "cat").stdout == raw


@pytest.mark.parametrize("size", [10, 500_000])
def test_a_command_that_does_not_read_is_not_waited_for(size: int) -> None:
    done = render(said(padding="x" * size), "--", "echo", "theirs", timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"theirs\n", b"")


def test_it_runs_also_where_the_json_is_none() -> None:
    done = render(b"nonsense", "--", "cat")
    assert (done.returncode, done.stdout) == (0, b"nonsense")


def test_a_command_that_is_killed_is_seen_as_killed() -> None:
    assert render(said(), "--", "sh", "-c", "kill -9 $$").returncode == -9


def test_signals_are_as_a_shell_has_them() -> None:
    assert render(said(), "--", "sh", "-c", "kill -PIPE $$").returncode == -13


@pytest.mark.parametrize(("command", "code"), [("/nonexistent", 127), ("/etc/passwd", 126)])
def test_a_command_that_cannot_be_run_is_named(command: str, code: int) -> None:
    done = render(said(), "--", command)
    assert (done.returncode, done.stdout) == (code, b"")
    assert command.encode() in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_render_imports_nothing_that_costs(where: Paths) -> None:
    program = (
        "import os, sys; before = set(sys.modules); sys.argv = ['x', 'statusline', *sys.argv[1:]]\n"
        "os._exit = os.execvp = lambda *a: sys.exit(print(sorted(set(sys.modules) - before), file=sys.stderr))\n"
        "from claude_session_status.__main__ import main; main()"
    )
    for arguments in ([], ["--", "true"]):
        raw = json.dumps(said()).encode()
        done = subprocess.run([sys.executable, "-c", program, *arguments], input=raw, capture_output=True)
        imported = {n for n in ast.literal_eval(done.stderr.decode()) if not n.startswith("claude_session_status")}
        assert imported <= {"__future__", "_json", "_signal", "time"}
    assert len(notes_in(where)) == 1
