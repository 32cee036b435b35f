"""Brings the history up to date: reads what is new in all transcripts and prices it.

A transcript that did not change since the last time is not opened. The rest is read from where the last reading ended
(`history_reader`). The work is published in batches, so a killed run goes on where it was.
Only files are read that Claude Code writes; it is not disturbed, and nothing of a prompt or a response is kept.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, pairwise

from claude_session_status import history_reader, pricing
from claude_session_status.claude.mod_reports import ModReports
from claude_session_status.costs.request import Cause, Kind, PastRequest, TokenCounts
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreLockedError
from claude_session_status.history_reader import Result, Todo, Transcript
from claude_session_status.keep_warm import ModReport, Ping
from claude_session_status.lazy_log import Log
from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from claude_session_status.private import make_private_folder
from claude_session_status.store.database import Store
from claude_session_status.store.history import HistoryStore
from claude_session_status.store.history_rows import Row, write_rows
from claude_session_status.store.history_tables import TIERS, HistoryTables, PriceKey
from claude_session_status.store.tables import Notified

log = Log(__name__)

BATCH_PIECES = 64  # after so many, the work so far is kept
ADDED_PIECES = 16  # so many are added at once, while the next ones are read
DAY_SECONDS = 86_400.0
ONE_HOUR_SECONDS = 3600


class Outcome(StrEnum):
    """What an update did."""

    DONE = "done"
    BUSY = "busy"  # another process is just doing it


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
        oldest = now - keep_days * DAY_SECONDS
        sources = _Sources(
            history_reader.transcripts(paths.projects), _pings(ModReports(paths.mods), oldest), _notified(paths), oldest
        )
        store = HistoryStore(paths.history)
        work, problems = _Work([(transcript, None) for transcript in sources.transcripts], sources.pings), []
        try:
            if store.exists():
                with store.open() as connection:
                    work = _work(HistoryTables(connection), sources)
        except StoreBrokenError:
            problems.append(f"{paths.history} was damaged and is now {store.set_aside(now)}. A new one was made")
        if not work.is_nothing:
            problems += _do(paths, store, work, sources, processes)
    finally:
        lock.release()
    return Updated(Outcome.DONE, tuple(problems))


@dataclass(frozen=True, slots=True)
class _Sources:
    """What the history is made from. `oldest`: epoch seconds, what is older is forgotten."""

    transcripts: Sequence[Transcript]
    pings: Sequence[PastRequest]
    notified: Sequence[Notified]
    oldest: float


@dataclass(frozen=True, slots=True)
class _Gaps:
    """What the rows of a history need to be complete, and whether some are too old."""

    version: str  # of the price list
    prices: Sequence[PriceKey]
    notified: Sequence[Notified]
    has_old: bool


@dataclass(frozen=True, slots=True)
class _Work:
    """What is new in the sources. `has_gaps`: the history lacks something in any case."""

    todo: Sequence[Todo]
    pings: Sequence[PastRequest]
    has_gaps: bool = True

    @property
    def is_nothing(self) -> bool:
        return not (self.todo or self.pings or self.has_gaps)


def _work(tables: HistoryTables, sources: _Sources) -> _Work:
    """What the history lacks. Raises duckdb.Error where the history can't be read."""
    tables.check()
    marks, pings = tables.marks(), tables.pings()
    changed = [transcript for transcript in sources.transcripts if marks.get(transcript.name) != transcript.mark]
    read = tables.read_files([transcript.name for transcript in changed if transcript.name in marks])
    gaps = _gaps(tables, sources)
    return _Work(
        [(transcript, read.get(transcript.name)) for transcript in changed],
        [ping for ping in sources.pings if ping.key not in pings],
        bool(gaps.prices or gaps.notified or gaps.has_old),
    )


def _do(paths: Paths, store: HistoryStore, work: _Work, sources: _Sources, processes: int | None) -> list[str]:
    """Read the transcripts, keep what they say, and fill the gaps; return problems."""
    problems: list[str] = []
    size = sum(transcript.size for transcript, _ in work.todo)
    with _folder(paths) as folder:
        pieces = history_reader.pieces(work.todo, folder)
        ping_rows = os.path.join(folder, "pings.rows")
        batches = [pieces[begin : begin + BATCH_PIECES] for begin in range(0, len(pieces), BATCH_PIECES)] or [[]]
        with history_reader.readers(size, processes) as run:
            results = run(pieces)
            for batch in batches:
                with store.changing([*(piece.rows for piece in batch), ping_rows]) as connection:
                    tables = HistoryTables(connection)
                    problems += _add(tables, islice(results, len(batch)))
                    if batch is batches[-1]:
                        _add_pings(tables, work.pings, ping_rows)
                        _fill(tables, _gaps(tables, sources), sources.oldest)
    return problems


@contextmanager
def _folder(paths: Paths) -> Iterator[str]:
    """A folder for rows."""
    folder = os.path.join(paths.folder, "history-rows")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    make_private_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _add(tables: HistoryTables, results: Iterator[Result]) -> list[str]:
    """Add what was found, while the processes read on; return problems."""
    problems: list[str] = []
    while found := list(islice(results, ADDED_PIECES)):
        rows = [result.rows for result in found if result.has_rows]
        tables.add(rows, [read for result in found for read in result.read])
        problems += [problem for result in found for problem in result.problems]
        for path in rows:
            os.unlink(path)
    return problems


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


# ---- keep-warm pings --------------------------------------------------------


def _pings(reports: ModReports, oldest: float) -> list[PastRequest]:
    """The pings that the keep-warm plugin reports, from `oldest` on (epoch seconds)."""
    found = map(reports.of, reports.names())
    return [_ping_as_request(report, ping) for report in found if report for ping in report.pings if ping.at >= oldest]


def _add_pings(tables: HistoryTables, pings: Sequence[PastRequest], path: str) -> None:
    """Add pings through a file of rows at `path`. Raises OSError and duckdb.Error."""
    if pings:
        projects = tables.projects()
        write_rows(
            path,
            (Row(p, f"mods/{p.session_id}.json", is_own=True, project=projects.get(p.session_id)) for p in pings),
        )
        tables.add([path])


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


# ---- prices, notifications, age ---------------------------------------------


def _gaps(tables: HistoryTables, sources: _Sources) -> _Gaps:
    version = pricing.version()
    return _Gaps(
        version,
        tables.missing_prices(version),
        tables.unknown(sources.notified),
        tables.has_before(sources.oldest),
    )


def _fill(tables: HistoryTables, gaps: _Gaps, oldest: float) -> None:
    """Add prices and notifications, and drop what is from before `oldest` (epoch seconds)."""
    if gaps.prices:
        sizes = _sizes()
        tables.set_prices(gaps.version, {key: pricing.rates(key[0], key[1], sizes[key[2]]) for key in gaps.prices})
    tables.add_notified(gaps.notified)
    if gaps.has_old:
        tables.drop_before(oldest)


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
