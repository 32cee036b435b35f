"""Brings the history up to date: reads what is new in all transcripts and prices it.

A transcript that did not change since the last time is not opened. The rest is read from where the last reading ended,
in several processes where there is much of it. The work is published in batches, so a killed run goes on where it was.
Only files are read that Claude Code writes; it is not disturbed, and nothing of a prompt or a response is kept.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, pairwise

from claude_session_status import pricing
from claude_session_status.claude.mod_reports import ModReports
from claude_session_status.claude.past_requests import Position, Scan, scan
from claude_session_status.costs.request import Cause, Kind, PastRequest, TokenCounts
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreLockedError
from claude_session_status.keep_warm import ModReport, Ping
from claude_session_status.lazy_log import Log
from claude_session_status.lock import FileLock
from claude_session_status.model import folder_name
from claude_session_status.paths import Paths
from claude_session_status.private import make_private_folder
from claude_session_status.store.database import Store
from claude_session_status.store.history import TIERS, HistoryStore, Read, Row, write_rows
from claude_session_status.store.tables import Notified

log = Log(__name__)

PIECE_BYTES = 16 << 20  # what one worker reads at a time
BATCH_PIECES = 16  # after so many, the work so far is kept
ALONE_BYTES = 48 << 20  # starting other processes takes longer than reading less than this
MOST_PROCESSES = 4
DAY_SECONDS = 86_400.0
ONE_HOUR_SECONDS = 3600


class Outcome(StrEnum):
    """What an update did."""

    DONE = "done"
    BUSY = "busy"  # another process is just doing it


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file to read. `name`: below the projects folder; `mark` changes whenever the file does."""

    path: str
    name: str
    session_id: str
    kind: Kind
    mark: str
    size: int


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update did; `problems` are one line each."""

    outcome: Outcome
    problems: tuple[str, ...] = ()


def update(paths: Paths, *, now: float, keep_days: int, processes: int | None = None) -> Updated:
    """Read what is new in all transcripts. `now`: epoch seconds; `keep_days`: older requests are forgotten.

    Raises StoreUnusableError, StoreBrokenError and OSError.
    """
    make_private_folder(paths.folder)
    lock = FileLock(paths.history_lock)
    if not lock.acquire():
        return Updated(Outcome.BUSY)
    try:
        store = HistoryStore(paths.history)
        problems = []
        try:
            known = _known(store)
        except StoreBrokenError:
            known = {}
            problems.append(f"{paths.history} was damaged and is now {store.set_aside(now)}. A new one was made")
        todo = [t for t in transcripts(paths.projects) if t.name not in known or known[t.name].mark != t.mark]
        problems += _read_all(paths, store, todo, known, processes)
        if not store.exists():
            store.add((), ())  # an empty one can be asked, too
        oldest = now - keep_days * DAY_SECONDS
        problems += _add_pings(paths, store, oldest)
        _complete(paths, store, oldest)
    finally:
        lock.release()
    return Updated(Outcome.DONE, tuple(problems))


def _known(store: HistoryStore) -> dict[str, Read]:
    """How far each transcript was read. Raises StoreBrokenError for a history of which anything can't be read."""
    if not store.exists():
        return {}
    with store.open():
        store.check()
        return store.read_files()


def _complete(paths: Paths, store: HistoryStore, oldest: float) -> None:
    """Add prices and notifications, and drop what began before `oldest` (epoch seconds)."""
    version, notified = pricing.version(), _notified(paths)
    with store.open():
        missing, new, has_old = store.missing_prices(version), store.unknown(notified), store.has_before(oldest)
    if missing:
        sizes = _sizes()
        store.set_prices(version, {key: pricing.rates(key[0], key[1], sizes[key[2]]) for key in missing})
    if new:
        store.add_notified(new)
    if has_old:
        store.drop_before(oldest)


def forget(paths: Paths) -> bool:
    """Delete the history; return whether there was one. Raises StoreLockedError and StoreUnusableError."""
    lock = FileLock(paths.history_lock)
    if not os.path.isdir(paths.folder):
        return False
    if not lock.acquire():
        raise StoreLockedError(f"Another process is just writing {paths.history}", "Try again when it is done")
    try:
        return HistoryStore(paths.history).delete()
    finally:
        lock.release()


def transcripts(projects: str) -> list[Transcript]:
    """All transcripts, the oldest first: a fork is younger than what it copied. Raises nothing."""
    found = []
    below = len(os.path.join(projects, ""))
    for folder in _entries(projects):
        for entry in _entries(folder.path):
            if entry.name.endswith(".jsonl"):
                found.append(_transcript(entry, below, entry.name.removesuffix(".jsonl"), Kind.MAIN))
            elif entry.is_dir(follow_symlinks=False):
                found += [
                    _transcript(agent, below, entry.name, Kind.SUBAGENT)
                    for agent in _entries(os.path.join(entry.path, "subagents"))
                    if agent.name.endswith(".jsonl")
                ]
    return [transcript for _, transcript in sorted((t for t in found if t), key=lambda t: t[0])]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _transcript(entry: os.DirEntry[str], below: int, session_id: str, kind: Kind) -> tuple[float, Transcript] | None:
    """The file with its time, unless it is none. `below`: where in its path the name below the projects begins."""
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except OSError:
        return None
    mark = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
    return status.st_mtime, Transcript(entry.path, entry.path[below:], session_id, kind, mark, status.st_size)


# ---- reading ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """What one worker reads: transcripts, how far each was read, and the CSV file for what it finds."""

    rows: str
    todo: tuple[tuple[Transcript, Read | None], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What one worker found."""

    rows: str
    has_rows: bool
    read: tuple[Read, ...]
    problems: tuple[str, ...]


def _read_all(
    paths: Paths, store: HistoryStore, todo: list[Transcript], known: dict[str, Read], processes: int | None
) -> list[str]:
    """Read the transcripts and keep what they say; return problems."""
    if not todo:
        return []
    problems: list[str] = []
    folder = os.path.join(paths.folder, "history-rows")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    make_private_folder(folder)
    try:
        pieces = [
            Piece(os.path.join(folder, f"{number}.csv"), tuple((t, known.get(t.name)) for t in group))
            for number, group in enumerate(_grouped(todo, PIECE_BYTES))
        ]
        with _workers(sum(t.size for t in todo), processes) as run:
            for batch in _batches(run(pieces)):  # the workers go on while a batch is stored
                rows = [result.rows for result in batch if result.has_rows]
                store.add(rows, [read for result in batch for read in result.read])
                problems += [problem for result in batch for problem in result.problems]
                for path in rows:
                    os.unlink(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return problems


def _batches(results: Iterable["Result"]) -> Iterator[list["Result"]]:
    while batch := list(islice(results, BATCH_PIECES)):
        yield batch


@contextmanager
def _workers(size: int, processes: int | None) -> Iterator[Callable[[Iterable[Piece]], Iterator[Result]]]:
    """What reads pieces: this process, or several where `size` bytes are worth their start."""
    count = processes or min(MOST_PROCESSES, os.cpu_count() or 1)
    # A frozen program can't start a Python of its own.
    if count == 1 or size < ALONE_BYTES or getattr(sys, "frozen", False):
        yield lambda pieces: map(read_piece, pieces)
        return
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - seldom needed, and 14 ms
    from multiprocessing import get_context  # noqa: PLC0415 - as above

    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as executor:
        yield lambda pieces: executor.map(read_piece, pieces)


def read_piece(piece: Piece) -> Result:
    """Read the transcripts of a piece and write what they say to its CSV file. A file that fails costs only itself."""
    rows: list[Row] = []
    read, problems = [], []
    for transcript, before in piece.todo:
        try:
            found = _scan(transcript, before)
        except OSError as error:
            problems.append(f"{transcript.path} can't be read: {error.strerror or error}")
            continue
        project = folder_name(found.position.folder)
        rows += [Row(r, transcript.name, r.session_id == transcript.session_id, project) for r in found.requests]
        read.append(Read(transcript.name, transcript.mark, found.position.encoded()))
    if rows:
        write_rows(piece.rows, rows)
    return Result(piece.rows, bool(rows), tuple(read), tuple(problems))


def _scan(transcript: Transcript, before: Read | None) -> Scan:
    """Go on where the last reading ended; from the start where another file took the place of the one then read."""
    position = None
    if before is not None and before.mark.rpartition(":")[2] == transcript.mark.rpartition(":")[2]:
        position = Position.decoded(before.position)
    return scan(transcript.path, transcript.session_id, transcript.kind, position)


def _grouped(items: Iterable[Transcript], most: int) -> Iterator[list[Transcript]]:
    """The items in groups of about `most` bytes."""
    group: list[Transcript] = []
    size = 0
    for item in items:
        group.append(item)
        size += item.size
        if size >= most:
            yield group
            group, size = [], 0
    if group:
        yield group


# ---- keep-warm pings --------------------------------------------------------


def _add_pings(paths: Paths, store: HistoryStore, oldest: float) -> list[str]:
    """Take over the pings that the keep-warm plugin reports, from `oldest` on (epoch seconds); return problems."""
    reports = ModReports(paths.mods)
    found = [report for name in reports.names() if (report := reports.of(name)) is not None and report.pings]
    if not found:
        return []
    known, projects = store.pings(), store.projects()
    rows = [
        Row(request, f"mods/{report.session_id}.json", is_own=True, project=projects.get(report.session_id))
        for report in found
        for ping in report.pings
        if (request := _ping_as_request(report, ping)).key not in known and ping.at >= oldest
    ]
    if not rows:
        return []
    path = os.path.join(paths.folder, "history-pings.csv")
    try:
        write_rows(path, rows)
        store.add([path], ())
    except OSError as error:
        return [f"{path} can't be written: {error.strerror or error}"]
    finally:
        if os.path.lexists(path):
            os.unlink(path)
    return []


def _ping_as_request(report: ModReport, ping: Ping) -> PastRequest:
    is_hour = ping.ttl_seconds >= ONE_HOUR_SECONDS
    five, hour = (0, ping.written) if is_hour else (ping.written, 0)
    context = ping.read + ping.written
    return PastRequest(
        key=f"ping:{report.session_id}:{ping.at:.3f}",
        session_id=report.session_id,
        kind=Kind.PING,
        started_at=ping.at,
        model=ping.model or report.model,
        effort=None,
        is_fast=None,
        ttl_seconds=ping.ttl_seconds,
        tokens=TokenCounts(0, ping.output, ping.read, five, hour, context, ping.read, ping.written),
        previous_ttl_seconds=ping.ttl_seconds,
        rebuilt_tokens=0 if ping.is_kept else ping.written,
        cause=Cause.KEEP_WARM,
    )


# ---- notifications, prices --------------------------------------------------


def _notified(paths: Paths) -> Sequence[Notified]:
    """Of which expiries the user was notified; none where the database can't be read now: the next time will do."""
    try:
        return Store(paths.database).notified()
    except SessionStatusError as error:
        log.info("%s", error)
        return ()


def _sizes() -> list[int]:
    """A number of tokens within each tier."""
    bounds = (0, *TIERS, 2 * TIERS[-1])
    return [(low + high) // 2 for low, high in pairwise(bounds)]
