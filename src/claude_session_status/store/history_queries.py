"""The questions that the history answers, in SQL. Definitions: `costs.misses`.

*Advice* prices the same requests with another lifetime of the cache, T. Writes cost T's price. A request that came
later than T finds nothing: it writes what it had read of the previous context. A request that was late for its own
TTL, but not for T, reads what it had to rebuild. All other misses stay as they were, since T has no part in them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claude_session_status.costs.summary import Advice, By, Estimate, Group, KeptWarm, Miss, Notified, Summary, Totals
from claude_session_status.store.driver import duckdb

if TYPE_CHECKING:
    Connection = duckdb.DuckDBPyConnection
else:
    Connection = Any

FIVE_MINUTES, ONE_HOUR = 300, 3600
Day = tuple[float, str]  # when a day begins, UTC epoch seconds, and its name

_TOTALS = """count(cause), coalesce(sum(rebuilt_tokens) FILTER (cause IS NOT NULL), 0)::BIGINT, sum(miss_usd),
    count(*) FILTER (cause = 'expired'), coalesce(sum(rebuilt_tokens) FILTER (cause = 'expired'), 0)::BIGINT,
    sum(miss_usd) FILTER (cause = 'expired')"""
# The first request of a fork is recognized by its previous request, which is another session's.
_SPAN = """
    CREATE OR REPLACE TEMP TABLE span AS SELECT * EXCLUDE (file, is_own, effort, context_tokens, previous_key) REPLACE (
        CASE WHEN cause = 'vanished' AND key IN (
            SELECT r.key FROM request r JOIN request p ON p.key = r.previous_key
            WHERE r.cause = 'vanished' AND p.session_id <> r.session_id
        ) THEN 'started' ELSE cause END AS cause)
    FROM requests WHERE started_at >= ? AND started_at < ?
"""
_NOTIFIED = """
    SELECT count(*), coalesce(sum(rebuilt_tokens), 0)::BIGINT, sum(miss_usd) FROM span
    WHERE kind = 'main' AND cause = 'expired' AND EXISTS (SELECT 1 FROM notified n WHERE n.session_id = span.session_id
        AND abs(epoch(n.expires_at) - (epoch(span.started_at) - gap_seconds + previous_ttl_seconds)) <= 5)
"""  # 5 seconds: the status line and the transcript may disagree by some
_PINGS = """
    SELECT count(*), count(*) FILTER (rebuilt_tokens > 0), coalesce(sum(read_tokens), 0)::BIGINT, sum(usd) FROM span
    WHERE kind = 'ping'
"""
# A return that found a warm cache after the TTL of the request before it, with a ping that kept it in between.
_SAVED = """
    SELECT count(*), coalesce(sum(saved), 0)::BIGINT,
        sum(saved * (CASE WHEN previous_ttl_seconds >= 3600 THEN write_1h ELSE write_5m END - read))
    FROM (SELECT *, least(read_tokens, previous_context_tokens) AS saved FROM span
        WHERE kind = 'main' AND cause IS NULL AND gap_seconds > previous_ttl_seconds AND EXISTS (
            SELECT 1 FROM request p WHERE p.kind = 'ping' AND p.rebuilt_tokens = 0 AND p.session_id = span.session_id
            AND p.started_at < span.started_at AND epoch(span.started_at) - epoch(p.started_at) < span.gap_seconds))
"""
_GROUPED = {
    By.PROJECT: "project",
    By.MODEL: "model",
    By.CAUSE: "cause",
    By.SESSION: "session_id",
}


def summary(connection: Connection, since: float, until: float, days: Sequence[Day]) -> Summary:
    """The history from `since` to `until` (UTC epoch seconds); `days` are the local days in it. Raises duckdb.Error."""
    connection.execute(_SPAN, [_utc(since), _utc(until)])
    all_of_them = f"SELECT count(*), sum(usd), {_TOTALS} FROM span WHERE kind = 'main'"  # noqa: S608 - our own names
    requests, usd, *totals = _row(connection, all_of_them)
    side_requests, side_usd = _row(connection, "SELECT count(*), sum(usd) FROM span WHERE kind = 'subagent'")
    return Summary(
        since,
        until,
        requests,
        usd,
        side_requests,
        side_usd,
        Totals(*totals),
        _misses(connection),
        {By.DAY: _by_day(connection, days)} | {by: _by(connection, by, column) for by, column in _GROUPED.items()},
        _advice(connection),
        _estimate(connection),
        Notified(*_row(connection, _NOTIFIED)),
        KeptWarm(*_row(connection, _PINGS), *_row(connection, _SAVED)),
    )


def _row(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None, "an aggregate without groups has one row"  # noqa: S101 - SQL's own rule
    return tuple(row)


def _misses(connection: Connection) -> tuple[Miss, ...]:
    rows = connection.execute(
        "SELECT session_id, host, project, model, epoch(started_at), gap_seconds, previous_ttl_seconds, rebuilt_tokens,"
        " cause, miss_usd FROM span WHERE kind = 'main' AND cause IS NOT NULL ORDER BY started_at, key"
    ).fetchall()
    return tuple(Miss(*row) for row in rows)


def _by(connection: Connection, by: By, column: str) -> tuple[Group, ...]:
    only = "AND cause IS NOT NULL" if by is By.CAUSE else ""
    title = "max(project)" if by is By.SESSION else "NULL"
    rows = connection.execute(
        f"SELECT {column}, count(*), {title}, {_TOTALS} FROM span WHERE kind = 'main' {only} GROUP BY {column}"  # noqa: S608 - our own names
        " ORDER BY sum(miss_usd) DESC NULLS LAST, 5 DESC, 1"
    ).fetchall()
    return tuple(Group(row[0], row[1], Totals(*row[3:]), row[2]) for row in rows)


def _by_day(connection: Connection, days: Sequence[Day]) -> tuple[Group, ...]:
    """Each day, also one without a request, oldest first."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE day AS SELECT unnest(?) AS start, unnest(?) AS name",
        [[_utc(start) for start, _ in days], [name for _, name in days]],
    )
    rows = connection.execute(
        f"SELECT day.name, count(*), {_TOTALS} FROM span ASOF JOIN day ON span.started_at >= day.start"  # noqa: S608 - our own names
        " WHERE kind = 'main' GROUP BY day.name"
    ).fetchall()
    found = {row[0]: Group(row[0], row[1], Totals(*row[2:])) for row in rows}
    none = Totals(0, 0, None, 0, 0, None)
    return tuple(found.get(name, Group(name, 0, none)) for _, name in days)


def _repriced(ttl: int) -> str:
    price = "write_1h" if ttl >= ONE_HOUR else "write_5m"
    kept_own = f"ttl_seconds = {ttl} OR gap_seconds IS NULL"
    moved = f"""CASE WHEN {kept_own} OR previous_ttl_seconds = {ttl} THEN 0
        WHEN gap_seconds > {ttl} AND cause IS NULL THEN least(read_tokens, previous_context_tokens)
        WHEN gap_seconds > {ttl} THEN 0
        WHEN cause = 'expired' THEN -rebuilt_tokens ELSE 0 END"""
    return f"""sum(input_tokens * input + output_tokens * output
        + (written_5m_tokens + written_1h_tokens + ({moved})) * {price} + (read_tokens - ({moved})) * read)"""


def _advice(connection: Connection) -> tuple[Advice, ...]:
    returns = f"count(*) FILTER (gap_seconds > {FIVE_MINUTES} AND gap_seconds <= {ONE_HOUR})"
    rows = connection.execute(
        f"SELECT grouping(project), project, sum(usd), {_repriced(FIVE_MINUTES)}, {_repriced(ONE_HOUR)}, {returns}"  # noqa: S608 - our own names
        " FROM span WHERE kind = 'main' GROUP BY GROUPING SETS ((), (project)) ORDER BY 1 DESC, 3 DESC NULLS LAST, 2"
    ).fetchall()
    return tuple(Advice(None if is_all else project, *sums) for is_all, project, *sums in rows)


def _estimate(connection: Connection) -> Estimate | None:
    row = _row(
        connection,
        "SELECT count(*), quantile_cont(share, 0.1), quantile_cont(share, 0.5), quantile_cont(share, 0.9) FROM ("
        " SELECT rebuilt_tokens / previous_context_tokens AS share FROM span WHERE kind = 'main' AND cause = 'expired'"
        " AND previous_context_tokens > 0)",
    )
    return Estimate(*row) if row[0] else None


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
