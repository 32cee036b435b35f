"""Brings the history up to date: reads what is new in all transcripts and prices it.

A transcript that did not change since the last time is not opened. The rest is read from where the last reading ended
(`history_reader`). The work is published in batches, so a killed run goes on where it was.
Only files are read that Claude Code writes; it is not disturbed, and nothing of a prompt or a response is kept.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, pairwise

from claude_session_status import history_reader, pricing
from claude_session_status.claude.mod_reports import ModReports
from claude_session_status.costs.request import Cause, Kind, PastRequest, TokenCounts
from claude_session_status.errors import SessionStatusError, StoreBrokenError, StoreLockedError
from claude_session_status.history_reader import Todo, Transcript
from claude_session_status.keep_warm import ModReport, Ping
from claude_session_status.lazy_log import Log
from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from claude_session_status.private import make_private_folder
from claude_session_status.store.database import Store
from claude_session_status.store.history import TIERS, HistoryStore, PriceKey
from claude_session_status.store.history_rows import Row, write_rows
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
        store = HistoryStore(paths.history)
        problems = []
        found = history_reader.transcripts(paths.projects)
        reports = _with_pings(ModReports(paths.mods))
        notified, oldest = _notified(paths), now - keep_days * DAY_SECONDS
        all_of_them: list[Todo] = [(transcript, None) for transcript in found]
        todo, gaps = all_of_them, None
        try:
            if store.exists():
                with store.open():
                    todo = _changed(store, found)
                    if not todo and not reports:
                        gaps = _gaps(store, notified, oldest)
        except StoreBrokenError:
            todo = all_of_them
            problems.append(f"{paths.history} was damaged and is now {store.set_aside(now)}. A new one was made")
        problems += _read_all(paths, store, todo, processes)
        if not store.exists():
            with store.adding(()):
                pass  # an empty one can be asked, too
        problems += _add_pings(paths, store, reports, oldest)
        _fill(store, gaps or _gaps(store, notified, oldest))
    finally:
        lock.release()
    return Updated(Outcome.DONE, tuple(problems))


def _changed(store: HistoryStore, found: Sequence[Transcript]) -> list[Todo]:
    """The transcripts that are new or have changed. Raises StoreBrokenError for a history that can't be read."""
    store.check()
    marks = store.marks()
    changed = [transcript for transcript in found if marks.get(transcript.name) != transcript.mark]
    read = store.read_files([transcript.name for transcript in changed if transcript.name in marks])
    return [(transcript, read.get(transcript.name)) for transcript in changed]


def _read_all(paths: Paths, store: HistoryStore, todo: Sequence[Todo], processes: int | None) -> list[str]:
    """Read the transcripts and keep what they say; return problems."""
    if not todo:
        return []
    problems: list[str] = []
    folder = os.path.join(paths.folder, "history-rows")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    make_private_folder(folder)
    try:
        pieces = history_reader.pieces(todo, folder)
        with history_reader.readers(sum(transcript.size for transcript, _ in todo), processes) as run:
            results = run(pieces)
            for begin in range(0, len(pieces), BATCH_PIECES):
                batch = pieces[begin : begin + BATCH_PIECES]
                with store.adding([piece.rows for piece in batch]) as addition:
                    ours = islice(results, len(batch))
                    while found := list(islice(ours, ADDED_PIECES)):
                        rows = [result.rows for result in found if result.has_rows]
                        addition.add(rows, [read for result in found for read in result.read])
                        problems += [problem for result in found for problem in result.problems]
                        for path in rows:
                            os.unlink(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
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


def _with_pings(reports: ModReports) -> list[ModReport]:
    found = map(reports.of, reports.names())
    return [report for report in found if report is not None and report.pings]


def _add_pings(paths: Paths, store: HistoryStore, found: Sequence[ModReport], oldest: float) -> list[str]:
    """Take over the pings that the keep-warm plugin reports, from `oldest` on (epoch seconds); return problems."""
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
    path = os.path.join(paths.folder, "history-pings.rows")
    try:
        write_rows(path, rows)
        with store.adding([path]) as addition:
            addition.add([path])
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


# ---- prices, notifications, age ---------------------------------------------


@dataclass(frozen=True, slots=True)
class _Gaps:
    """What the rows of a history need to be complete, and whether some are too old."""

    version: str  # of the price list
    prices: Sequence[PriceKey]
    notified: Sequence[Notified]
    has_old: bool
    oldest: float  # epoch seconds


def _gaps(store: HistoryStore, notified: Sequence[Notified], oldest: float) -> _Gaps:
    version = pricing.version()
    with store.open():
        return _Gaps(version, store.missing_prices(version), store.unknown(notified), store.has_before(oldest), oldest)


def _fill(store: HistoryStore, gaps: _Gaps) -> None:
    """Add prices and notifications, and drop what is too old."""
    if gaps.prices:
        sizes = _sizes()
        store.set_prices(gaps.version, {key: pricing.rates(key[0], key[1], sizes[key[2]]) for key in gaps.prices})
    if gaps.notified:
        store.add_notified(gaps.notified)
    if gaps.has_old:
        store.drop_before(gaps.oldest)


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
