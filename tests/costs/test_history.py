"""The history as a whole: from transcripts to sums, read once, kept when they are gone."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from claude_session_status import history_update
from claude_session_status.claude import past_requests
from claude_session_status.claude.past_requests import Position, Scan
from claude_session_status.costs.request import Kind
from claude_session_status.costs.summary import By
from claude_session_status.history_update import Outcome, update
from claude_session_status.model import Session
from claude_session_status.paths import Paths
from claude_session_status.store.database import Store
from claude_session_status.store.history import HistoryStore
from costs.conversations import DAY, Ask, history, write
from fakes import NOW, Transcript, holding

SECRET = "sk-made-up-secret-0123456789"
FIRST, LATE = Ask(0, wrote_5m=100_000), Ask(900, wrote_5m=101_000)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(str(tmp_path))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "projects" / "-home-me-web-shop"


def test_a_second_run_reads_only_what_is_new(paths: Paths, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project / "a.jsonl", [FIRST])
    write(project / "b.jsonl", [FIRST])
    assert history(paths).requests == 2
    opened: list[str] = []
    scan = past_requests.scan

    def noting(path: str, session_id: str, kind: Kind, position: Position | None) -> Scan:
        opened.append(Path(path).name)
        return scan(path, session_id, kind, position)

    monkeypatch.setattr(past_requests, "scan", noting)

    assert history(paths).requests == 2
    assert opened == []
    write(project / "b.jsonl", [LATE])
    found = history(paths)

    assert opened == ["b.jsonl"]
    assert (found.requests, found.totals.rebuilt_tokens) == (3, 100_000)


def test_the_history_stays_when_the_client_deletes_its_transcripts(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST, LATE])
    before = history(paths)
    (project / "a.jsonl").unlink()

    assert history(paths) == before


def test_requests_older_than_the_history_are_forgotten(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST], start=NOW - 10 * DAY)
    write(project / "b.jsonl", [FIRST])
    update(paths, now=NOW, keep_days=5, processes=1)

    assert history(paths).requests == 1


def test_another_file_in_a_transcripts_place_is_read_whole(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST, LATE])
    assert history(paths).requests == 2
    (project / "a.jsonl").unlink()
    write(project / "a.jsonl", [Ask(2_000, wrote_5m=7_000)])

    assert history(paths).requests == 3


def test_a_fork_counts_no_request_twice(paths: Paths, project: Path) -> None:
    shared = [Ask(0, wrote_5m=100_000, message="m0"), Ask(900, wrote_5m=101_000, message="m1")]
    write(project / "original.jsonl", [*shared, Ask(960, read=100_900, wrote_5m=500)])
    own = Ask(1_000, read=10_000, wrote_5m=92_000)
    write(project / "fork.jsonl", [*shared, own])
    later = os.stat(project / "original.jsonl").st_mtime + 5
    os.utime(project / "fork.jsonl", (later, later))

    found = history(paths)

    assert found.requests == 4
    assert [(m.session_id, m.cause, m.rebuilt_tokens) for m in found.misses] == [
        ("original", "expired", 100_000),
        ("fork", "started", 91_000),
    ]


def test_a_copy_that_names_its_session_gives_way_to_the_original(paths: Paths, project: Path) -> None:
    named = {"requestSessionId": "original"}
    write(project / "fork.jsonl", [Ask(0, wrote_5m=100_000, message="m0", extra=named), Ask(60, read=100_000)])
    assert [g.name for g in history(paths).groups[By.SESSION]] == ["fork", "original"]
    write(project / "original.jsonl", [Ask(0, wrote_5m=100_000, message="m0")])

    found = history(paths)

    assert found.requests == 2
    with HistoryStore(paths.history).open() as connection:
        rows = connection.execute("SELECT file, is_own FROM request WHERE session_id = 'original'").fetchall()
    assert rows == [(os.path.join(project.name, "original.jsonl"), True)]


def test_subagents_are_kept_apart(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST])
    write(project / "a" / "subagents" / "agent-1.jsonl", [Ask(0, wrote_5m=9_000), Ask(900, wrote_5m=9_500)])

    found = history(paths)

    assert (found.requests, found.subagent_requests, found.totals.misses) == (1, 2, 0)
    assert found.subagent_usd == pytest.approx(18_500 * 6.25e-6)


def test_a_transcript_that_cannot_be_read_costs_only_itself(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST])
    project.joinpath("b.jsonl").mkdir()
    os.mkfifo(project / "c.jsonl")

    assert history(paths).requests == 1


def test_an_unknown_model_has_tokens_and_no_price(paths: Paths, project: Path) -> None:
    odd = {"model": "claude-unheard-of"}
    write(project / "a.jsonl", [Ask(at, wrote_5m=100_000, in_message=odd) for at in (0, 900)])

    found = history(paths)

    assert (found.totals.rebuilt_tokens, found.totals.usd, found.usd) == (100_000, None, None)
    assert found.misses[0].usd is None
    assert found.advice[0].usd_paid is None


def test_no_text_of_a_prompt_or_a_response_is_kept(paths: Paths, project: Path) -> None:
    lines = Transcript(project / "a.jsonl").user(NOW - 99, SECRET, cwd="/home/me/web-shop").title(SECRET)
    lines.answer(NOW - 98, wrote_5m=5_000, content=SECRET, note=SECRET)

    assert history(paths).requests == 1
    for path in Path(paths.folder).rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path


@pytest.mark.skipif(os.name != "posix", reason="Windows has other access rights")
def test_all_that_is_kept_is_for_the_owner_only(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST])
    before = os.umask(0)
    try:
        history(paths)
    finally:
        os.umask(before)

    left = {path.name: path.stat().st_mode & 0o777 for path in Path(paths.folder).iterdir()}
    assert left == {"history.duckdb": 0o600, "history.lock": 0o600}


def test_a_damaged_history_is_set_aside_and_made_again(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST])
    history(paths)
    damaged = Path(paths.history)
    damaged.write_bytes(damaged.read_bytes()[:8] + b"DUCK" + b"\x00" * 9_000)

    updated = update(paths, now=NOW, keep_days=400, processes=1)

    assert len(updated.problems) == 1
    assert "damaged" in updated.problems[0]
    assert history(paths).requests == 1
    assert len([name for name in os.listdir(paths.folder) if ".broken-" in name]) == 1


def test_two_updates_at_once_are_one(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST])
    history(paths)
    with holding(paths.history_lock):
        assert update(paths, now=NOW, keep_days=400).outcome is Outcome.BUSY


def test_a_killed_update_leaves_a_history_that_the_next_one_completes(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST])
    history(paths)
    write(project / "b.jsonl", [FIRST, LATE])
    program = (
        "import os, sys; from claude_session_status import history_update as h; from claude_session_status.paths import"
        " Paths; from claude_session_status.store import history;"
        " os.replace = lambda *_: os._exit(9);"
        " h.update(Paths(sys.argv[1]), now=float(sys.argv[2]), keep_days=400, processes=1)"
    )
    done = subprocess.run([sys.executable, "-c", program, paths.claude_dir, str(NOW)], timeout=60)
    assert done.returncode == 9

    assert history(paths).requests == 3
    assert sorted(os.listdir(paths.folder)) == ["history.duckdb", "history.lock"]


def test_several_processes_find_what_one_finds(paths: Paths, project: Path) -> None:
    for number in range(6):
        write(project / f"{number}.jsonl", [FIRST, LATE])
    program = (
        "import sys; from claude_session_status import history_reader as r, history_update as h;"
        " from claude_session_status.paths import Paths;"
        " r.ALONE_BYTES, r.PIECE_BYTES, h.BATCH_PIECES, h.ADDED_PIECES = 0, 2_000, 3, 2;"
        " h.update(Paths(sys.argv[1]), now=float(sys.argv[2]), keep_days=400, processes=2)"
    )
    subprocess.run([sys.executable, "-c", program, paths.claude_dir, str(NOW)], timeout=120, check=True)

    assert history(paths).totals.rebuilt_tokens == 600_000


def test_a_day_without_a_request_is_in_the_list(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST, LATE], start=NOW - 2 * DAY + 60)

    days = history(paths, days=3).groups[By.DAY]

    assert [(day.name, day.requests, day.totals.misses) for day in days] == [
        ("day 0", 0, 0),
        ("day 1", 2, 1),
        ("day 2", 0, 0),
    ]


def test_forgetting_deletes_the_history_and_what_was_set_aside(paths: Paths, project: Path) -> None:
    write(project / "a.jsonl", [FIRST])
    history(paths)
    Path(f"{paths.history}.broken-2026-01-01T00-00-00").touch()

    assert history_update.forget(paths)
    assert os.listdir(paths.folder) == ["history.lock"]
    assert not history_update.forget(paths)


def test_an_expiry_after_a_notification_is_counted(paths: Paths, project: Path) -> None:
    start = NOW - DAY
    write(project / "a.jsonl", [FIRST, LATE, Ask(1_800, wrote_5m=102_000)], start=start)
    os.makedirs(paths.folder, mode=0o700)
    expiry = start + 300.0
    session = Session("a", alerts=((30.0, expiry),))
    Store(paths.database).update(["a"], lambda _: [session])
    Store(paths.database).update(["a"], lambda _: [session])  # the same again is one notification
    Store(paths.database).update(["a"], lambda _: [replace(session, alerts=((30.0, start + 9_000.0),))])

    found = history(paths)

    assert (found.totals.expired, found.notified.misses, found.notified.rebuilt_tokens) == (2, 1, 100_000)
    assert found.notified.usd == pytest.approx(100_000 * 5.75e-6)
    assert len(Store(paths.database).notified()) == 2
    assert history(paths) == found


def test_forgetting_a_session_forgets_its_notifications(paths: Paths) -> None:
    os.makedirs(paths.folder, mode=0o700)
    Store(paths.database).update(["a"], lambda _: [Session("a", alerts=((30.0, NOW),))])
    Store(paths.database).update(["a"], lambda _: [Session("a", forgotten_at=NOW)])

    assert Store(paths.database).notified() == []
