"""Random rows, as another program may write them: each is read, makes sense, is shown, and takes the next event."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import duckdb

from claude_session_status import notes
from claude_session_status.claude.ingest import DrainResult, Ingester
from claude_session_status.future_times import CLOCK_SLACK_SECONDS
from claude_session_status.model import Event, EventKind
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store import rows
from claude_session_status.store.database import Store
from fakes import NOW
from safety.absurd import must_make_sense
from safety.fuzzing import Fuzz
from safety.odd_json import HOSTILE

SMALL, FULL = 500, 100_000
PER_DATABASE = 1000
LATER = (0.0, 299.0, 90_000.0)
_STAMPS = (
    "infinity", "-infinity", "0001-01-01", "0044-03-15 (BC)", "1969-12-31", "1970-01-01", "290000-01-01", "2026-11-24",
    "9999-12-31 23:59:59.999999", "2026-11-24 08:39:59.999999",
)  # fmt: skip
_WHOLE = ("0", "-1", "1", "300", "3600", "86400", "86401", "2147483647", "-2147483648")
_LONG = (*_WHOLE, "9223372036854775807", "-9223372036854775808", "9007199254740992")
_TEXTS = (
    "over", "asked", "tool", "busy", "idle", "waiting", "hook", "transcript", "statusline", "active", "ended", "[]",
    '[["title", NaN]]', '[[30.0, 1795509900.0], ["x", 1e999], [[], 2]]', "[" * 5000, '[["cwd", 1e308]]', "{}", "7",
    f"[[{'9' * 400}, 1]]", "[[30, null]]", *(text.replace("\ud83d", "?") for text in HOSTILE),
)  # fmt: skip
_VALUES = {"TIMESTAMP": _STAMPS, "INTEGER": _WHOLE, "BIGINT": _LONG, "BOOLEAN": ("true", "false"), "TEXT": _TEXTS}


def _row(random: Random, number: int) -> list[str | None]:
    """Values of the right types, as text: half of them missing, and of the times half near NOW."""
    row: list[str | None] = []
    for kind in rows.COLUMNS.values():
        if random.random() < 0.5:
            row.append(None)
        elif kind == "TIMESTAMP" and random.random() < 0.5:
            row.append(str(rows.to_timestamp(NOW - random.uniform(-100, 4000))))
        else:
            row.append(random.choice(_VALUES[kind]))
    return [f"r{number}", *row[1:]]


def _write(where: Paths, made: list[list[str | None]]) -> None:
    """Insert the rows as another program would."""
    columns = ", ".join(f"unnest(?::TEXT[])::{kind}" for kind in rows.COLUMNS.values())
    with duckdb.connect(where.database) as db:
        statement = f"INSERT INTO session_status ({', '.join(rows.COLUMNS)}) SELECT {columns}"
        db.execute(statement, [list(column) for column in zip(*made, strict=True)])


def _batches(size: int) -> Iterator[range]:
    return (range(start, min(size, start + PER_DATABASE)) for start in range(0, size, PER_DATABASE))


def test_any_row_is_read_shown_and_takes_the_next_event(fuzz: Fuzz, where: Paths) -> None:
    requests, size = 0, fuzz.size(SMALL, FULL)
    for batch in _batches(size):
        paths = Paths(f"{where.claude_dir}/{batch.start}")
        store = Store(paths.database)
        store.update([], lambda before: [])
        made = [_row(fuzz.case(number), number) for number in batch]
        _write(paths, made)
        with fuzz.naming(lambda made=made: repr(made[-1])):  # type: ignore[misc]
            before = {session.session_id: session for session in store.load()}
            assert len(before) == len(batch)
            requests += sum(session.request is not None for session in before.values())
            for seconds in LATER:
                must_make_sense(list(before.values()), NOW + seconds)
            continued = [f"r{number}" for number in list(batch)[::20]]
            for name in continued:
                Spool(paths.spool).write(notes.encode(Event(EventKind.TURN, name, NOW)), NOW)
            assert Ingester(paths, store, clock=lambda: NOW).drain() is DrainResult.DONE
            assert Spool(paths.spool).names() == []
            after = {session.session_id: session for session in store.load()}
            must_make_sense(list(after.values()), NOW)
            for name in continued:
                forgotten_at = before[name].forgotten_at
                if before[name].host is not None:
                    continue  # no hook changes another machine's session
                if forgotten_at is None or not NOW <= forgotten_at <= NOW + CLOCK_SLACK_SECONDS:
                    assert (after[name].answered_at or 0.0) >= NOW, name
            assert before.keys() - after.keys() <= {name for name in continued if before[name].is_forgotten}
    assert size // 20 < requests < size
    fuzz.report(f"{size} rows, {requests} of them with a request")


def test_values_of_any_type_are_read_and_make_sense(fuzz: Fuzz) -> None:
    """A column can have another type too, where another program made the table."""
    values: list[Any] = [
        *("", "x", "\x00", "\x1b]0;p\x07", "over", "busy", "hook", "[[1,2]]", "[[null,NaN]]", "{", "-1"),
        *(None, True, False, 0, -1, 1, 300, 1 << 31, (1 << 63) - 1, -(1 << 63), 1 << 100),
        *(0.0, -1.5, 1e308, math.inf, -math.inf, math.nan, Decimal("NaN"), Decimal("1e30")),
        *(datetime(2026, 11, 24), datetime.min, datetime.max, datetime(1970, 1, 1), datetime.now(UTC)),  # noqa: DTZ001, DTZ901
        *(timedelta(days=999999), b"bytes", [], {}, (1, 2), object()),
    ]
    size = fuzz.size(SMALL, FULL)
    for chance in fuzz.cases(size):
        row = ("s", *chance.choices(values, k=len(rows.NAMES) - 1))
        with fuzz.naming(lambda row=row: repr(row)):  # type: ignore[misc]
            (session,) = rows.sessions_of([row])
            must_make_sense([session], NOW)
            assert len(rows.row_of(session)) == len(rows.NAMES)
    fuzz.report(f"{size} rows of any types")
