"""What `status` costs with more and more sessions in the database, nearly all of them old, as in use."""

import os
import time
import uuid
from pathlib import Path

import duckdb

from bench import scenes
from bench.measure import Call, Case, interleaved
from bench.products import Product
from bench.report import Figure
from claude_session_status.paths import Paths

REMEMBERED = (10, 1_000, 100_000)
SHOWN = 10  # sessions that were active within the last day
FOLDERS, TRANSCRIPTS = 2_000, 10_000  # of a user who never deletes anything
LIMIT = 1.5  # times, from the fewest to the most
OLD_TRANSCRIPTS = f"`status --json`, {TRANSCRIPTS:,} old transcripts in {FOLDERS:,} folders"
BARE = "bare `python -c pass`"
ROUNDS, QUICK_ROUNDS = 20, 2


def measure(folder: Path, product: Product, *, quick: bool) -> list[Figure]:
    """One line per number of sessions, and their ratio."""
    bare = Call([product.python, "-c", "pass"], scenes.environment(folder, folder), folder / "bare")
    cases = [
        Case(BARE, bare),
        *(_case(folder / str(count), product, count) for count in REMEMBERED),
        _case(folder / "old", product, REMEMBERED[0], name=OLD_TRANSCRIPTS),
    ]
    _add_old_transcripts(folder / "old/.claude/projects")
    medians = interleaved(cases, QUICK_ROUNDS if quick else ROUNDS)
    least, most = (medians[_name(count)] for count in (REMEMBERED[0], REMEMBERED[-1]))
    lines = [
        Figure(
            _name(count), f"{medians[_name(count)]:.0f} ms, {medians[_name(count)] / medians[BARE]:.1f}x bare Python"
        )
        for count in REMEMBERED
    ]
    ratio, old = most / least, medians[OLD_TRANSCRIPTS] / least
    wanted = f"at most {LIMIT:g}x"
    return [
        *lines,
        Figure("`status`: last beside first", f"{ratio:.2f}x", wanted, ratio <= LIMIT),
        Figure(f"{OLD_TRANSCRIPTS}, beside ten", f"{old:.2f}x", wanted, old <= LIMIT),
    ]


def _name(count: int) -> str:
    return f"`status --json`, {count:,} sessions remembered"


def _case(home: Path, product: Product, count: int, name: str = "") -> Case:
    claude_dir = home / ".claude"
    where = Paths(str(claude_dir))
    env = scenes.environment(home, claude_dir)
    for number in range(SHOWN):
        talk = scenes.Conversation(claude_dir, f"project-{number}", scenes.MEGABYTE // 4)
        Call([product.command, "mark-turn"], env, home, talk.hook_input())()
    scenes.wait_for_ingester(where)
    _add_old_sessions(where.database, count - SHOWN)
    call = Call([product.command, "status", "--json"], env, home)
    return Case(name or _name(count), call, after=call.must_be_silent)


def _add_old_transcripts(projects: Path) -> None:
    """Add transcripts that nobody has written to for a month."""
    old = time.time() - 30 * 86400
    for number in range(FOLDERS):
        folder = projects / f"-home-me-old-{number}"
        folder.mkdir()
        for _ in range(TRANSCRIPTS // FOLDERS):
            path = folder / f"{uuid.uuid4()}.jsonl"
            path.write_text('{"type": "user"}\n')
            os.utime(path, (old, old))


def _add_old_sessions(database: str, count: int) -> None:
    """Add copies of the sessions that ended days to years ago."""
    moments = "started_at, last_turn_at, last_event_at, transcript_at, answered_at, request_at, expires_at, ended_at"
    earlier = ", ".join(f"coalesce({m}, last_event_at) - to_hours(48 + range) AS {m}" for m in moments.split(", "))
    with duckdb.connect(database) as connection:
        connection.execute(
            f"""INSERT INTO session_status SELECT session.* REPLACE (
                'old-' || range AS session_id, 'ended' AS status, {earlier}
            ) FROM range({count}) CROSS JOIN (SELECT * FROM session_status LIMIT 1) session"""
        )
