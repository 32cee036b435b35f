"""Some rows of the table again, as real processes under the real clock."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fakes import Transcript

PROGRAM = [sys.executable, "-m", "claude_session_status"]
WITHIN_SECONDS = 1.0


@dataclass(frozen=True)
class Case:
    """The lines of a transcript, so many seconds before now, and what `status` must show."""

    name: str
    write: Callable[[Transcript, float], Any]
    cache: str
    activity: str
    expires: float | None  # seconds from now


def _replace_by(make: Callable[[Path], object]) -> Callable[[Transcript, float], None]:
    def write(written: Transcript, now: float) -> None:
        make(written.path)

    return write


CASES = [
    Case("an hour", lambda t, now: t.user(now - 400).answer(now - 1, wrote_1h=9), "warm", "idle", 3200),
    Case("a slow reply", lambda t, now: t.user(now - 100).answer(now - 1, wrote_5m=9), "warm", "idle", 200),
    Case("too long ago", lambda t, now: t.user(now - 301).answer(now - 1, wrote_5m=9), "expired", "idle", -1),
    Case("no cache tokens", lambda t, now: t.user(now - 100).answer(now - 1), "none", "idle", None),
    Case(
        "a line from the future",
        lambda t, now: t.user(now - 100).answer(now - 1, wrote_5m=9).answer(now + 7200, wrote_1h=9),
        "warm",
        "idle",
        200,
    ),
    Case(
        "100 MB",
        lambda t, now: t.hole(10**8).user(now - 100).answer(now - 1, wrote_5m=9),
        "warm",
        "idle",
        200,
    ),
    Case("no transcript: counted from the Stop", lambda t, now: None, "warm", "idle", 300),
    Case("a named pipe, which must not block", _replace_by(os.mkfifo), "warm", "idle", 300),
    Case("a folder", _replace_by(os.mkdir), "warm", "idle", 300),
]


def call(*arguments: str, payload: dict[str, Any] | None = None, before: tuple[str, ...] = ()) -> str:
    """Run our command as Claude Code or a user does, and return what it printed."""
    done = subprocess.run(
        [*before, *PROGRAM, *arguments], input=json.dumps(payload or {}), capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def status_after_a_turn(path: Path, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """End a turn now, in a folder whose name needs quoting; what `status` shows of it."""
    payload = {"session_id": "s", "cwd": '/home/me/my "own"\nпроект', "transcript_path": str(path)}
    for command, event in (("mark-start", "SessionStart"), ("mark-turn", "Stop")):
        assert call(command, payload={**payload, "hook_event_name": event}, before=before) == ""
    (session,) = json.loads(call("status", "--json", before=before))["sessions"]
    assert session["cwd"] == payload["cwd"]
    return dict(session)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_status_shows_what_happened(case: Case, tmp_path: Path) -> None:
    from datetime import datetime

    now = time.time()
    written = Transcript(tmp_path / "my project" / "t.jsonl")
    case.write(written, now)
    stopped_after = time.time()
    session = status_after_a_turn(written.path)
    assert (session["cache"], session["activity"]) == (case.cache, case.activity)
    if case.expires is None:
        assert session["expires_at"] is None
        return
    # A countdown from the hook starts when its process began, at an unknown time between these two.
    begun, ended = (now, now) if session["source"] == "transcript" else (stopped_after, time.time())
    expires_at = datetime.fromisoformat(session["expires_at"]).timestamp()
    assert begun + case.expires - WITHIN_SECONDS <= expires_at <= ended + case.expires + WITHIN_SECONDS


def test_without_permission_to_read_the_transcript_the_stop_counts(tmp_path: Path) -> None:
    written = Transcript(tmp_path / "t.jsonl").user(time.time() - 100).answer(time.time() - 1, wrote_1h=9)
    written.path.chmod(0)
    # Root may read everything, unless it gives that up.
    without = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    assert not without or shutil.which("setpriv"), "util-linux is needed to run this test as root"
    session = status_after_a_turn(written.path, before=without)
    assert (session["cache"], session["source"], session["ttl_seconds"]) == ("warm", "hook", 300)
    assert session["seconds_left"] > 290
