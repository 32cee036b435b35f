"""The tables of the history: the requests of the past, and how far each transcript was read.

The table `request` has the tokens of each request, `price` the list prices in USD per token, and the view `requests`
both together, for anybody with a query of their own. All times are UTC. Rows come from the files of `history_rows`.

The key of `request` is unique, but no constraint says so: an index of such long texts takes more room than all the
rows, and longer to write.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from claude_session_status.costs.rates import Rates
from claude_session_status.store.driver import duckdb
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
SCHEMA = f"""
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
_CHANGED = "INSERT OR REPLACE INTO transcript SELECT unnest(?), unnest(?), unnest(?)"
_PRICED = f"INSERT OR REPLACE INTO price SELECT {', '.join(['unnest(?)'] * 8)}"
_NOTIFIED = "INSERT OR IGNORE INTO notified SELECT unnest(?), make_timestamp((unnest(?) * 1e6)::BIGINT), unnest(?)"


class HistoryTables:
    """The tables through an open connection, which can write where something is to be changed. Raises duckdb.Error."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ---- reading ------------------------------------------------------------

    def check(self) -> None:
        """Read something of each table that has many rows: damage shows."""
        for query in _CHECKS:
            self._connection.execute(query).fetchone()

    def marks(self) -> dict[str, str]:
        """The mark that each transcript had when it was read, by its name below the projects folder."""
        return dict(self._rows("SELECT file, mark FROM transcript"))

    def read_files(self, names: Sequence[str]) -> dict[str, Read]:
        """How far these transcripts were read."""
        query = "SELECT file, mark, position FROM transcript SEMI JOIN (SELECT unnest(?) AS file) USING (file)"
        return {file: Read(file, mark, position) for file, mark, position in self._rows(query, [list(names)])}

    def missing_prices(self, version: str) -> list[PriceKey]:
        """The prices that no row has yet; all of them where they came from another version of the price list."""
        which = "WHERE p.model IS NULL" if self._price_version() == version else ""
        rows = self._rows(
            f"SELECT DISTINCT r.model, r.started_at::DATE, {_TIER} AS tier FROM request r LEFT JOIN price p"  # noqa: S608 - our own names
            f" ON p.model = r.model AND p.day = r.started_at::DATE AND p.tier = {_TIER} {which}"
        )
        return [(model, day, tier) for model, day, tier in rows if model is not None]

    def unknown(self, notified: Iterable[Notified]) -> list[Notified]:
        """The notifications that the history does not have yet."""
        known = self._rows("SELECT session_id, epoch(expires_at), lead_seconds FROM notified")
        return sorted(set(notified) - set(known))

    def has_before(self, moment: float) -> bool:
        """Whether there are requests from before `moment` (epoch seconds)."""
        return bool(self._rows("SELECT 1 FROM request WHERE started_at < ? LIMIT 1", [_utc(moment)]))

    def pings(self) -> set[str]:
        """The keys of the keep-warm pings that are kept."""
        return {key for (key,) in self._rows("SELECT key FROM request WHERE kind = 'ping'")}

    def projects(self) -> dict[str, str]:
        """The sessions' projects."""
        return dict(
            self._rows(
                "SELECT session_id, max(project) FROM request WHERE kind = 'main' AND project IS NOT NULL GROUP BY 1"
            )
        )

    # ---- changing -----------------------------------------------------------

    def add(self, rows: Sequence[str], read: Iterable[Read] = ()) -> None:
        """Take in files of `write_rows`, and how far the transcripts were read.

        A copy of a request never replaces the one from its own session's transcript.
        """
        if rows:
            self._connection.execute(_FIND, [list(rows)])
            self._connection.execute(_MAKE_ROOM)
            self._connection.execute(_TAKE)
        self._put(_CHANGED, [(r.file, r.mark, r.position) for r in read])

    def set_prices(self, version: str, prices: Mapping[PriceKey, Rates | None]) -> None:
        """Keep prices; None for a model without a known one."""
        if self._price_version() != version:
            self._connection.execute("DELETE FROM price")
            self._connection.execute("INSERT OR REPLACE INTO fact VALUES ('prices', ?)", [version])
        self._put(_PRICED, [(*key, *_amounts(rates)) for key, rates in prices.items()])

    def add_notified(self, notified: Sequence[Notified]) -> None:
        """Keep of which expiries the user was notified."""
        self._put(_NOTIFIED, notified)

    def drop_before(self, moment: float) -> None:
        """Forget requests from before `moment` (epoch seconds)."""
        limit = _utc(moment)
        self._connection.execute("DELETE FROM request WHERE started_at < ?", [limit])
        self._connection.execute("DELETE FROM notified WHERE expires_at < ?", [limit])
        self._connection.execute("DELETE FROM price WHERE day < ?", [limit.date() - timedelta(days=1)])

    def _price_version(self) -> str | None:
        rows = self._rows("SELECT value FROM fact WHERE name = 'prices'")
        return rows[0][0] if rows else None

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, list(values)).fetchall()

    def _put(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement that takes a list of values for each column."""
        if rows:
            self._connection.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _amounts(rates: Rates | None) -> tuple[float | None, ...]:
    return (None,) * 5 if rates is None else (rates.input, rates.write_5m, rates.write_1h, rates.read, rates.output)


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
