"""Brings the history up to date: reads what is new in all transcripts and prices it.

A transcript that did not change since the last time is not opened. The rest is read from where the last reading ended,
in several processes where there is much of it. The work is published in batches, so a killed run goes on where it was.
Only files are read that Claude Code writes; it is not disturbed, and nothing of a prompt or a response is kept.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from multiprocessing import get_context

from claude_session_status import pricing
from claude_session_status.claude.mod_reports import ModReports
from claude_session_status.claude.past_requests import Position, Scan, scan
from claude_session_status.costs.request import Cause, Kind, PastRequest, TokenCounts
from claude_session_status.errors import SessionStatusError, StoreLockedError
from claude_session_status.keep_warm import ModReport, Ping
from claude_session_status.lazy_log import Log
from claude_session_status.lock import FileLock
from claude_session_status.model import folder_name
from claude_session_status.paths import Paths
from claude_session_status.private import make_private_folder
from claude_session_status.store.database import Store
from claude_session_status.store.history import TIERS, HistoryStore, Read, write_rows

log = Log(__name__)

PIECE_BYTES = 16 << 20  # what one worker reads at a time
BATCH_BYTES = 256 << 20  # after so much, the work so far is kept
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
        aside = store.set_aside_if_broken(now)
        problems = [f"{paths.history} was damaged and is now {aside}. A new one was made"] if aside else []
        known = store.read_files()
        todo = [t for t in transcripts(paths.projects) if t.name not in known or known[t.name].mark != t.mark]
        problems += _read_all(paths, store, todo, known, processes)
        if not store.exists():
            store.add((), ())  # an empty one can be asked, too
        problems += _add_pings(paths, store, now - keep_days * DAY_SECONDS)
        _price(store)
        _add_notified(paths, store)
        store.drop_before(now - keep_days * DAY_SECONDS)
    finally:
        lock.release()
    return Updated(Outcome.DONE, tuple(problems))


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
    for folder in _entries(projects):
        for entry in _entries(folder.path):
            if entry.name.endswith(".jsonl"):
                found.append(_transcript(entry, projects, entry.name.removesuffix(".jsonl"), Kind.MAIN))
            elif entry.is_dir(follow_symlinks=False):
                found += [
                    _transcript(agent, projects, entry.name, Kind.SUBAGENT)
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


def _transcript(entry: os.DirEntry[str], projects: str, session_id: str, kind: Kind) -> tuple[float, Transcript] | None:
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except OSError:
        return None
    mark = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
    name = os.path.relpath(entry.path, projects)
    return status.st_mtime, Transcript(entry.path, name, session_id, kind, mark, status.st_size)


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
        with _workers(sum(t.size for t in todo), processes) as run:
            for batch in _grouped(todo, BATCH_BYTES):
                pieces = [
                    Piece(os.path.join(folder, f"{number}.csv"), tuple((t, known.get(t.name)) for t in piece))
                    for number, piece in enumerate(_grouped(batch, PIECE_BYTES))
                ]
                results = list(run(pieces))
                store.add(
                    [r.rows for r in results if os.path.exists(r.rows)], [read for r in results for read in r.read]
                )
                problems += [problem for result in results for problem in result.problems]
                for result in results:
                    if os.path.exists(result.rows):
                        os.unlink(result.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return problems


@contextmanager
def _workers(size: int, processes: int | None) -> Iterator[Callable[[Iterable[Piece]], Iterator[Result]]]:
    """What reads pieces: this process, or several where `size` bytes are worth their start."""
    count = processes or min(MOST_PROCESSES, os.cpu_count() or 1)
    # A frozen program can't start a Python of its own.
    if count == 1 or size < ALONE_BYTES or getattr(sys, "frozen", False):
        yield lambda pieces: map(read_piece, pieces)
        return
    executor: Executor
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as executor:
        yield lambda pieces: executor.map(read_piece, pieces)


def read_piece(piece: Piece) -> Result:
    """Read the transcripts of a piece and write what they say to its CSV file. A file that fails costs only itself."""
    read, problems = [], []
    for transcript, before in piece.todo:
        try:
            found = _scan(transcript, before)
            rows = [(request, *_origin(transcript, request.session_id, found)) for request in found.requests]
            if rows:
                write_rows(piece.rows, rows)
        except OSError as error:
            problems.append(f"{transcript.path} can't be read: {error.strerror or error}")
            continue
        read.append(Read(transcript.name, transcript.mark, found.position.encoded()))
    return Result(piece.rows, tuple(read), tuple(problems))


def _scan(transcript: Transcript, before: Read | None) -> Scan:
    """Go on where the last reading ended; from the start where another file took the place of the one then read."""
    position = None
    if before is not None and before.mark.rpartition(":")[2] == transcript.mark.rpartition(":")[2]:
        position = Position.decoded(before.position)
    return scan(transcript.path, transcript.session_id, transcript.kind, position)


def _origin(transcript: Transcript, session_id: str, found: Scan) -> tuple[str, bool, str | None]:
    """The request's file, whether it is its session's own, and the project."""
    return transcript.name, session_id == transcript.session_id, folder_name(found.position.folder)


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
        (request, f"mods/{report.session_id}.json", True, projects.get(report.session_id))
        for report in found
        for ping in report.pings
        if (request := _ping_as_request(report, ping)).key not in known and ping.at >= oldest
    ]
    if not rows:
        return []
    path = os.path.join(paths.folder, "history-pings.csv")
    try:
        if os.path.lexists(path):
            os.unlink(path)  # of a run that was killed
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


# ---- notifications ----------------------------------------------------------


def _add_notified(paths: Paths, store: HistoryStore) -> None:
    """Take over of which expiries the user was notified; next time where the database can't be read now."""
    try:
        notified = Store(paths.database).notified()
    except SessionStatusError as error:
        log.info("%s", error)
    else:
        store.add_notified(notified)


# ---- prices -----------------------------------------------------------------


def _price(store: HistoryStore) -> None:
    """Look up the list prices that are not kept yet."""
    version = pricing.version()
    missing = store.missing_prices(version)
    if missing:
        sizes = _sizes()
        store.set_prices(version, {key: pricing.rates(key[0], key[1], sizes[key[2]]) for key in missing})


def _sizes() -> list[int]:
    """A number of tokens within each tier."""
    bounds = (0, *TIERS, 2 * TIERS[-1])
    return [(low + high) // 2 for low, high in pairwise(bounds)]
