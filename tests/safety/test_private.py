"""Private by default: nobody else can read what we keep, and nothing of a prompt or a response is ever kept."""

import json
import logging
import logging.handlers
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from claude_session_status.cli import tray
from claude_session_status.model import Snapshot
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.private import make_private_folder, replace_private
from fakes import iso
from ingester import wait_until_applied

COMMAND = [sys.executable, "-m", "claude_session_status"]
SECRET = "s3cr3t"
KEPT = "kept-marker"

# What is kept, by name: where a session is, what it is called, which model answers. Everything else is planted.
KEPT_FIELDS = {"session_id", "cwd", "transcript_path", "session_title", "model", "source", "hook_event_name"}
_PLANTED = f"{SECRET} in a field"
_EVERY = {
    "prompt_id": _PLANTED,
    "permission_mode": _PLANTED,
    "effort": {"level": _PLANTED},
    "an_unknown_field": {"deep": [_PLANTED, {_PLANTED: _PLANTED}]},
}
# Each event of the client with all the fields that it was seen to have.
EVENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "mark-start",
        "SessionStart",
        {
            "source": "resume",
            "model": f"model-{KEPT}",
            "session_title": f"title-{KEPT}",
            "seconds_since_last_response": _PLANTED,
            "context_tokens": _PLANTED,
            "prompt_cache_likely_expired": _PLANTED,
            "estimated_cache_write_usd": _PLANTED,
        },
    ),
    ("mark-prompt", "UserPromptSubmit", {"prompt": _PLANTED}),
    ("mark-wait", "Notification", {"message": _PLANTED, "notification_type": "permission_prompt", "title": None}),
    (
        "mark-turn",
        "Stop",
        {
            "stop_hook_active": _PLANTED,
            "last_assistant_message": _PLANTED * 100,
            "background_tasks": [{"id": _PLANTED, "command": _PLANTED}],
            "session_crons": [_PLANTED],
        },
    ),
    ("mark-turn", "StopFailure", {"error": _PLANTED, "last_assistant_message": _PLANTED}),
    (
        "mark-turn",
        "PostToolUse",
        {"tool_name": _PLANTED, "tool_input": {"command": _PLANTED}, "tool_response": _PLANTED},
    ),
    ("mark-turn", "PreCompact", {"trigger": _PLANTED, "custom_instructions": _PLANTED}),
    ("mark-turn", "PostCompact", {"trigger": _PLANTED, "compact_summary": _PLANTED}),
    ("mark-turn", "PostModelSwitch", {"from_model": _PLANTED, "to_model": _PLANTED, "pricing": {"x": _PLANTED}}),
    ("mark-turn", "SubagentStop", {"agent_id": _PLANTED, "agent_type": _PLANTED, "agent_transcript_path": _PLANTED}),
    ("mark-end", "SessionEnd", {"reason": _PLANTED}),
)


def _transcript(path: Path, now: float) -> None:
    """A conversation with the secret in all that the user, the model, a tool or the client said."""
    usage = {"input_tokens": 3, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 0}
    usage |= {"cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 0}}  # type: ignore[dict-item]
    said = {"content": [{"type": "text", "text": _PLANTED}, {"type": "tool_use", "input": {"command": _PLANTED}}]}
    answer = {"id": _PLANTED, "model": f"model-{KEPT}", "usage": usage, "stop_reason": "end_turn", **said}
    lines: list[Any] = [
        {"type": "summary", "summary": _PLANTED},
        {"type": "mode", "mode": _PLANTED},
        {"type": "custom-title", "customTitle": f"title-{KEPT}"},
        {"type": "api-request-blob", "blob": _PLANTED},
        {"type": "user", "timestamp": iso(now - 20), "message": {"content": _PLANTED}, "cwd": f"/x/{KEPT}"},
        {"type": "attachment", "timestamp": iso(now - 20), "attachment": {"text": _PLANTED}},
        {"type": "api-request", "id": _PLANTED, "timestamp": iso(now - 20), "querySource": _PLANTED},
        {"type": "assistant", "timestamp": iso(now - 19), "requestRef": _PLANTED, "uuid": _PLANTED, "message": answer},
        {"type": "user", "timestamp": iso(now - 18), "message": {"content": f"<command-name>/model {_PLANTED}"}},
        {"type": "system", "subtype": "turn_duration", "timestamp": iso(now - 18), "content": _PLANTED},
        {"type": _PLANTED, _PLANTED: _PLANTED},
        _PLANTED,
    ]
    path.parent.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_text(text + f'{{"type": "user", "message": {{"content": "{_PLANTED}')  # and half a line


def _call_all_hooks(transcript: Path, environment: dict[str, str]) -> None:
    for mark, event, fields in EVENTS:
        common = {"session_id": "s", "cwd": f"/x/{KEPT}", "transcript_path": str(transcript), "hook_event_name": event}
        assert set(common) <= KEPT_FIELDS
        payload = common | _EVERY | {k: v for k, v in fields.items() if v is not None}
        done = subprocess.run(
            [*COMMAND, mark], input=json.dumps(payload).encode(), capture_output=True, env=environment, umask=0
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def _files(folder: str) -> Iterator[Path]:
    yield from (p for p in Path(folder).rglob("*") if not p.is_dir())


def _kept(where: Paths) -> tuple[bytes, str]:
    """All bytes under the product's folder, and all that its tables say: a database may pack what it stores."""
    raw = b"".join(str(path).encode() + path.read_bytes() for path in _files(where.folder))
    stored = []
    with duckdb.connect(where.database, read_only=True) as db:
        for (table,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            stored.append(str(db.execute(f"SELECT * FROM {table}").fetchall()))
    return raw, "".join(stored)


@contextmanager
def log(where: Paths) -> Iterator[logging.handlers.RotatingFileHandler]:
    """The tray's log, as the tray keeps it."""
    make_private_folder(where.log)
    handler, root = (
        tray._PrivateLog(os.path.join(where.log, "tray.log"), backupCount=1, encoding="utf-8"),
        logging.getLogger(),
    )
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        handler.close()


@pytest.fixture
def planted(claude_dir: Path, tmp_path: Path) -> dict[str, str]:
    """An environment with the secret in it as well: the client's has a messaging token."""
    return dict(os.environ) | {"CLAUDE_PID": str(os.getpid()), "CLAUDE_CODE_TOKEN": _PLANTED, _PLANTED: _PLANTED}


def test_a_secret_in_every_field_reaches_no_disk(where: Paths, planted: dict[str, str], tmp_path: Path) -> None:
    transcript = tmp_path / "t.jsonl.d" / "s.jsonl"
    _transcript(transcript, time.time())
    _call_all_hooks(transcript, planted)  # alone
    wait_until_applied(where)
    raw, stored = _kept(where)
    assert KEPT.encode() in raw  # what is kept can be found like this, so what is not found is not kept
    assert KEPT in stored
    with log(where):
        monitor = Monitor(where)
        monitor.poll()
        _call_all_hooks(transcript, planted)  # beside a monitor: the notes lie in the spool
        waiting = b"".join(path.read_bytes() for path in _files(where.spool))
        assert KEPT.encode() in waiting
        assert SECRET.encode() not in waiting
        with transcript.open("a") as file:
            file.write(f'{_PLANTED}"}}}}\n{_PLANTED}\n')
        monitor.poll()
        Path(where.database).write_bytes(b"junk" * 1000)
        monitor.poll()  # which is logged and corrected
        assert monitor.snapshot() != Snapshot(0)
        monitor.close()
        raw, stored = _kept(where)
        assert b"set aside" in (Path(where.log) / "tray.log").read_bytes()
    assert KEPT in stored
    assert SECRET.encode() not in raw
    assert SECRET not in stored


@pytest.mark.parametrize("raw", [f'{{"{SECRET}": ', f"{SECRET}", f'["{SECRET}"]', f'{{"prompt": "{SECRET}"}}'])
def test_input_that_is_refused_is_not_repeated(raw: str, where: Paths) -> None:
    done = subprocess.run([*COMMAND, "mark-prompt"], input=raw.encode(), capture_output=True)
    assert done.stderr != b""
    assert SECRET.encode() not in done.stderr + done.stdout
    assert not os.path.exists(where.folder)


def test_whatever_the_umask_all_files_and_folders_are_private(where: Paths, tmp_path: Path) -> None:
    environment = dict(os.environ)
    transcript = tmp_path / "t.jsonl.d" / "s.jsonl"
    _transcript(transcript, time.time())
    _call_all_hooks(transcript, environment)
    wait_until_applied(where)
    Path(where.database + ".wal").touch(mode=0o600)
    Path(where.database).write_bytes(b"junk" * 1000)
    old_mask = os.umask(0)
    try:
        monitor = Monitor(where)
        monitor.poll()  # alive, lock, what was set aside, a new database
        _call_all_hooks(transcript, environment)
        (Path(where.spool) / "0-1-aa.json").touch(mode=0o600)
        monitor.poll()
        with log(where) as handler:
            handler.doRollover()
    finally:
        os.umask(old_mask)
    modes = {str(p.relative_to(where.folder)): stat.S_IMODE(p.lstat().st_mode) for p in _files(where.folder)}
    assert {name for name, mode in modes.items() if mode != 0o600} == set()
    assert {name.split(".broken-")[0] for name in modes} >= {
        "status.duckdb", "ingest.lock", "monitor.alive", "log/tray.log", "log/tray.log.1", "spool/0-1-aa.json.refused"
    }  # fmt: skip
    folders = [Path(where.folder), *(p for p in Path(where.folder).rglob("*") if p.is_dir())]
    assert {p.name: stat.S_IMODE(p.stat().st_mode) for p in folders} == dict.fromkeys(
        ["claude-session-status", "spool", "log"], 0o700
    )


def test_a_folder_that_an_older_version_left_open_is_closed(where: Paths) -> None:
    os.makedirs(where.folder, mode=0o755)
    os.chmod(where.folder, 0o755)
    subprocess.run([*COMMAND, "mark-start"], input=b'{"session_id": "s"}', check=True)
    assert stat.S_IMODE(os.stat(where.folder).st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_folder_that_users_share_is_never_narrowed(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(PermissionError, match="users share"):
        replace_private(str(shared / "prices.json"), b"{}")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert list(shared.iterdir()) == []
