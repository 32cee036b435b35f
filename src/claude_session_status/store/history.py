"""The requests of the past in `history.duckdb`, one row each, and how far each transcript was read.

A change is made in a copy, which then takes the file's place: readers never wait, and a kill at any moment leaves
either the old state or the new one. Rows come from the files of `history_rows`. The history can be made again from the
transcripts only as far as Claude Code still has them, so a damaged one is set aside under its date, never deleted.

The key of `request` is unique, but no constraint says so: an index of such long texts takes as much room as all the
rows, and as long to write as reading the transcripts.

The table `request` has the tokens of each request, `price` the list prices in USD per token, and the view
`requests` both together, for anybody with a query of their own. All times are UTC.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from claude_session_status.costs.rates import Rates
from claude_session_status.private import give_to_owner, open_private
from claude_session_status.store import connection as opening
from claude_session_status.store import failures, files
from claude_session_status.store.driver import duckdb, open_file, quoted
from claude_session_status.store.history_rows import COLUMNS, Read
from claude_session_status.store.tables import Notified

if TYPE_CHECKING:
    Connection = duckdb.DuckDBPyConnection
else:
    Connection = Any

VERSION = 1
TIERS = (100_000, 200_000, 400_000, 1_000_000)  # tokens of a request, up to which one price per token holds

_CONVERTED = {"started_at": "TIMESTAMP"}
_TIER = " + ".join(
    f"(r.input_tokens + r.read_tokens + r.written_5m_tokens + r.written_1h_tokens > {t})::INT" for t in TIERS
)
_SCHEMA = f"""
    CREATE TABLE request ({", ".join(f"{name} {kind}" for name, kind in (COLUMNS | _CONVERTED).items())});
    CREATE TABLE transcript (file TEXT PRIMARY KEY, mark TEXT, position TEXT);
    CREATE TABLE price (model TEXT, day DATE, tier INTEGER, input DOUBLE, write_5m DOUBLE, write_1h DOUBLE,
        read DOUBLE, output DOUBLE, PRIMARY KEY (model, day, tier));
    CREATE TABLE notified (session_id TEXT, expires_at TIMESTAMP, lead_seconds DOUBLE,
        PRIMARY KEY (session_id, expires_at, lead_seconds));
    CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
    INSERT INTO fact VALUES ('version', '{VERSION}');
    CREATE VIEW requests AS SELECT r.*, p.input, p.write_5m, p.write_1h, p.read, p.output,
        r.input_tokens * p.input + r.written_5m_tokens * p.write_5m + r.written_1h_tokens * p.write_1h
            + r.read_tokens * p.read + r.output_tokens * p.output AS usd,
        CASE WHEN r.cause IS NOT NULL THEN r.rebuilt_tokens *
            (CASE WHEN r.previous_ttl_seconds >= 3600 THEN p.write_1h ELSE p.write_5m END - p.read) END AS miss_usd
        FROM request r LEFT JOIN price p ON p.model = r.model AND p.day = r.started_at::DATE AND p.tier = {_TIER};
"""  # noqa: S608 - our own names


PriceKey = tuple[str, date, int]  # model, day, index of the tier


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)


class HistoryStore:
    """The history at `path`. Nothing is opened before a method is called, and nothing stays open after it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._reader: Connection | None = None  # within `open`

    def exists(self) -> bool:
        """Whether there is a history."""
        return os.path.lexists(self._path)

    def marks(self) -> dict[str, str]:
        """The mark that each transcript had when it was read, by its name below the projects folder.

        Raises what `open` raises.
        """
        with self.open() as connection:
            return dict(connection.execute("SELECT file, mark FROM transcript").fetchall())

    def read_files(self, names: Sequence[str]) -> dict[str, Read]:
        """How far these transcripts were read. Raises what `open` raises."""
        query = "SELECT file, mark, position FROM transcript SEMI JOIN (SELECT unnest(?) AS file) USING (file)"
        with self.open() as connection:
            rows = connection.execute(query, [list(names)]).fetchall()
        return {file: Read(file, mark, position) for file, mark, position in rows}

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """A connection that can only read; the methods that read use it within the block, those that write must not.

        Raises StoreBrokenError, StoreUnusableError, StoreLockedError.
        """
        if self._reader is not None:
            yield self._reader
            return
        with self._errors(self._path), closing(opening.connect(self._path, read_only=True)) as connection:
            self._reader = connection
            try:
                yield connection
            finally:
                self._reader = None

    def check(self) -> None:
        """Read something of each table. Raises StoreBrokenError, StoreUnusableError, StoreLockedError."""
        with self.open() as connection:
            for query in _CHECKS:
                connection.execute(query).fetchone()

    def set_aside(self, now: float) -> str:
        """Move a history that can't be read away, under its date; return where to. Raises StoreUnusableError."""
        target = files.aside_name(self._path, now)
        try:
            os.rename(self._path, target)
        except OSError as error:
            raise failures.unusable(f"{self._path} is broken and can't be set aside", error) from error
        return target

    @contextmanager
    def adding(self, paths: Sequence[str]) -> Iterator["Addition"]:
        """What takes in files of `write_rows` among `paths`: wholly when the block ends, or not at all.

        The caller holds the history's lock. Raises StoreUnusableError and StoreBrokenError.
        """
        with self._changed(paths) as connection:
            yield Addition(connection)

    def missing_prices(self, version: str) -> list[PriceKey]:
        """The prices that no row has yet; all of them where they came from another version of the price list."""
        with self.open() as connection:
            known = connection.execute("SELECT value FROM fact WHERE name = 'prices'").fetchone()
            which = "WHERE p.model IS NULL" if known == (version,) else ""
            rows = connection.execute(
                f"SELECT DISTINCT r.model, r.started_at::DATE, {_TIER} AS tier FROM request r LEFT JOIN price p"  # noqa: S608 - our own names
                f" ON p.model = r.model AND p.day = r.started_at::DATE AND p.tier = {_TIER} {which}"
            ).fetchall()
        return [(model, day, tier) for model, day, tier in rows if model is not None]

    def set_prices(self, version: str, prices: dict[PriceKey, Rates | None]) -> None:
        """Keep prices; None for a model without a known one. The caller holds the history's lock."""
        with self._changed(()) as connection:
            if connection.execute("SELECT value FROM fact WHERE name = 'prices'").fetchone() != (version,):
                connection.execute("DELETE FROM price")
                connection.execute("INSERT OR REPLACE INTO fact VALUES ('prices', ?)", [version])
            for (model, day, tier), rates in prices.items():
                values = (
                    (None,) * 5
                    if rates is None
                    else (rates.input, rates.write_5m, rates.write_1h, rates.read, rates.output)
                )
                connection.execute(
                    "INSERT OR REPLACE INTO price VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [model, day, tier, *values]
                )

    def unknown(self, notified: Iterable[Notified]) -> list[Notified]:
        """The notifications that the history does not have yet."""
        with self.open() as connection:
            rows = connection.execute("SELECT session_id, epoch(expires_at), lead_seconds FROM notified").fetchall()
        return sorted(set(notified) - set(rows))

    def add_notified(self, notified: Sequence[Notified]) -> None:
        """Keep of which expiries the user was notified. The caller holds the history's lock."""
        with self._changed(()) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO notified SELECT unnest(?), make_timestamp((unnest(?) * 1e6)::BIGINT), unnest(?)",
                [list(column) for column in zip(*notified, strict=True)],
            )

    def has_before(self, moment: float) -> bool:
        """Whether there are requests from before `moment` (epoch seconds)."""
        with self.open() as connection:
            found = connection.execute("SELECT 1 FROM request WHERE started_at < ? LIMIT 1", [_utc(moment)]).fetchone()
        return found is not None

    def drop_before(self, moment: float) -> None:
        """Forget requests from before `moment` (epoch seconds). The caller holds the history's lock."""
        limit = _utc(moment)
        with self._changed(()) as connection:
            connection.execute("DELETE FROM request WHERE started_at < ?", [limit])
            connection.execute("DELETE FROM notified WHERE expires_at < ?", [limit])
            connection.execute("DELETE FROM price WHERE day < ?", [limit.date() - timedelta(days=1)])

    def pings(self) -> set[str]:
        """The keys of the keep-warm pings that are kept. Raises what `open` raises."""
        with self.open() as connection:
            return {key for (key,) in connection.execute("SELECT key FROM request WHERE kind = 'ping'").fetchall()}

    def projects(self) -> dict[str, str]:
        """The sessions' projects. Raises what `open` raises."""
        query = "SELECT session_id, max(project) FROM request WHERE kind = 'main' AND project IS NOT NULL GROUP BY 1"
        with self.open() as connection:
            return dict(connection.execute(query).fetchall())

    def delete(self) -> bool:
        """Delete the history and what was set aside of it; return whether there was any. Raises StoreUnusableError."""
        found = False
        for path in (self._path, f"{self._path}.new", *files.set_aside(self._path)):
            for name in (path, f"{path}.wal"):
                if os.path.lexists(name):
                    found = True
                    try:
                        os.unlink(name)
                    except OSError as error:
                        raise failures.unusable(f"{name} can't be deleted", error) from error
        return found

    @contextmanager
    def _changed(self, reads: Sequence[str]) -> Iterator[Connection]:
        """A connection to a copy that takes the history's place when the block ends without an error.

        It can read the files `reads` and no others.
        """
        new = f"{self._path}.new"
        try:
            files.discard(new)
            files.discard(f"{new}.wal")
            os.close(open_private(new, os.O_WRONLY))
            if self.exists():
                with open(self._path, "rb") as source, open(new, "wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            else:
                os.unlink(new)  # DuckDB takes no empty file for a database
        except OSError as error:
            raise failures.unusable(f"{new} can't be written", error) from error
        with self._errors(new):
            is_new = not os.path.lexists(new)
            with closing(open_file(new, config=_WRITER)) as connection:
                if is_new and os.name == "posix":
                    os.chmod(new, 0o600)
                connection.execute(f"SET allowed_paths = [{', '.join(map(quoted, reads))}]")
                connection.execute("SET enable_external_access = false")
                connection.execute("BEGIN")
                if is_new:
                    connection.execute(_SCHEMA)
                yield connection
                connection.execute("COMMIT")
                connection.execute("CHECKPOINT")
        try:
            give_to_owner(new, os.path.dirname(new))
            os.replace(new, self._path)
            files.discard(f"{new}.wal")
        except OSError as error:
            raise failures.unusable(f"{self._path} can't be written", error) from error

    @staticmethod
    @contextmanager
    def _errors(path: str) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise failures.failure(path, error) from error
        except OSError as error:
            raise failures.unusable(f"{path} can't be used", error) from error


_WRITER = {
    "threads": "2",
    "storage_compatibility_version": "v1.0.0",  # older DuckDBs can read it
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
}
_CHECKS = (
    "SELECT count(*), sum(context_tokens), max(cause) FROM request",
    "SELECT count(*), max(read) FROM price",
    "SELECT 1 FROM requests LIMIT 1",
)
_ROWS = f"""read_csv(?, header = false, auto_detect = false, nullstr = '', delim = '\t', quote = '', escape = '',
    columns = {{{", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())}}})"""
# The best copy of each request: the one from its own session's transcript, else the first.
_FIND = f"""
    CREATE OR REPLACE TEMP TABLE found AS
    SELECT * EXCLUDE number REPLACE (make_timestamp(started_at) AS started_at)
    FROM (SELECT *, row_number() OVER () AS number FROM {_ROWS})
    QUALIFY row_number() OVER (PARTITION BY key ORDER BY is_own DESC, number) = 1
"""  # noqa: S608 - our own names
_MAKE_ROOM = """
    DELETE FROM request USING found WHERE request.key = found.key
    AND (request.file = found.file OR (found.is_own AND NOT request.is_own))
"""
_TAKE = "INSERT INTO request SELECT * FROM found ANTI JOIN request USING (key)"


class Addition:
    """What one change of the history adds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, rows: Sequence[str], read: Iterable[Read] = ()) -> None:
        """Take in files of `write_rows`, and how far the transcripts were read. Raises duckdb.Error.

        A copy of a request never replaces the one from its own session's transcript.
        """
        if rows:
            self._connection.execute(_FIND, [list(rows)])
            self._connection.execute(_MAKE_ROOM)
            self._connection.execute(_TAKE)
        if marks := [(r.file, r.mark, r.position) for r in read]:
            columns = [list(column) for column in zip(*marks, strict=True)]
            self._connection.execute(
                "INSERT OR REPLACE INTO transcript SELECT unnest(?), unnest(?), unnest(?)", columns
            )
