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

# Added up first, then once more by each question: to group all requests each time would take several times as long.
_ADDED_UP = "count(*) AS requests, sum(rebuilt_tokens) AS rebuilt_tokens, sum(usd) AS usd, sum(miss_usd) AS miss_usd"
_REQUESTS = "coalesce(sum(requests), 0)::BIGINT"
_TOTALS = """coalesce(sum(requests) FILTER (cause IS NOT NULL), 0)::BIGINT,
    coalesce(sum(rebuilt_tokens) FILTER (cause IS NOT NULL), 0)::BIGINT, sum(miss_usd),
    coalesce(sum(requests) FILTER (cause = 'expired'), 0)::BIGINT,
    coalesce(sum(rebuilt_tokens) FILTER (cause = 'expired'), 0)::BIGINT, sum(miss_usd) FILTER (cause = 'expired')"""


def _repriced(ttl: int) -> str:
    price = "write_1h" if ttl >= ONE_HOUR else "write_5m"
    kept_own = f"ttl_seconds = {ttl} OR gap_seconds IS NULL"
    moved = f"""CASE WHEN {kept_own} OR previous_ttl_seconds = {ttl} THEN 0
        WHEN gap_seconds > {ttl} AND cause IS NULL THEN least(read_tokens, previous_context_tokens)
        WHEN gap_seconds > {ttl} THEN 0
        WHEN cause = 'expired' THEN -rebuilt_tokens ELSE 0 END"""
    return f"""input_tokens * input + output_tokens * output
        + (written_5m_tokens + written_1h_tokens + ({moved})) * {price} + (read_tokens - ({moved})) * read"""


# The first request of a fork is recognized by its previous request, which is another session's.
_SPAN = """
    CREATE OR REPLACE TEMP VIEW span AS SELECT * REPLACE (
        CASE WHEN cause = 'vanished' AND key IN (
            SELECT r.key FROM request r JOIN request p ON p.key = r.previous_key
            WHERE r.cause = 'vanished' AND p.session_id <> r.session_id
        ) THEN 'started' ELSE cause END AS cause)
    FROM requests WHERE started_at >= make_timestamp({}) AND started_at < make_timestamp({})
"""
_PART = f"""
    CREATE OR REPLACE TEMP TABLE part AS SELECT kind, session_id, project, model, cause, {_ADDED_UP},
        sum({_repriced(FIVE_MINUTES)}) AS usd_5m, sum({_repriced(ONE_HOUR)}) AS usd_1h,
        count(*) FILTER (gap_seconds > {FIVE_MINUTES} AND gap_seconds <= {ONE_HOUR}) AS returns
    FROM span GROUP BY kind, session_id, project, model, cause
"""  # noqa: S608 - our own names
_MISS = """
    CREATE OR REPLACE TEMP TABLE miss AS SELECT session_id, host, project, model, started_at, gap_seconds,
        previous_ttl_seconds, previous_context_tokens, rebuilt_tokens, cause, miss_usd
    FROM span WHERE kind = 'main' AND cause IS NOT NULL
"""
_NOTIFIED = """
    SELECT count(*), coalesce(sum(rebuilt_tokens), 0)::BIGINT, sum(miss_usd) FROM miss
    WHERE cause = 'expired' AND EXISTS (SELECT 1 FROM notified n WHERE n.session_id = miss.session_id
        AND abs(epoch(n.expires_at) - (epoch(miss.started_at) - gap_seconds + previous_ttl_seconds)) <= 5)
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
# By five minutes first, as it takes long to compare each request with the days. A day begins at a multiple of five
# minutes, in every time zone.
_BY_DAY = f"""
    SELECT day.name, {_REQUESTS}, {_TOTALS}
    FROM (SELECT time_bucket(INTERVAL 5 MINUTES, started_at) AS moment, cause, {_ADDED_UP} FROM span WHERE kind = 'main'
        GROUP BY moment, cause) AS part
    ASOF JOIN day ON part.moment >= day.start GROUP BY day.name
"""  # noqa: S608 - our own names
_GROUPED = {
    By.PROJECT: "project",
    By.MODEL: "model",
    By.CAUSE: "cause",
    By.SESSION: "session_id",
}


def summary(connection: Connection, since: float, until: float, days: Sequence[Day]) -> Summary:
    """The history from `since` to `until` (UTC epoch seconds); `days` are the local days in it. Raises duckdb.Error."""
    connection.execute(_SPAN.format(_microseconds(since), _microseconds(until)))
    connection.execute(_PART)
    connection.execute(_MISS)
    all_of_them = f"SELECT {_REQUESTS}, sum(usd), {_TOTALS} FROM part WHERE kind = 'main'"  # noqa: S608 - our own names
    requests, usd, *totals = _row(connection, all_of_them)
    side_requests, side_usd = _row(connection, f"SELECT {_REQUESTS}, sum(usd) FROM part WHERE kind = 'subagent'")  # noqa: S608 - our own names
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
        " cause, miss_usd FROM miss ORDER BY started_at, session_id, rebuilt_tokens"
    ).fetchall()
    return tuple(Miss(*row) for row in rows)


def _by(connection: Connection, by: By, column: str) -> tuple[Group, ...]:
    only = "AND cause IS NOT NULL" if by is By.CAUSE else ""
    title = "max(project)" if by is By.SESSION else "NULL"
    rows = connection.execute(
        f"SELECT {column}, {_REQUESTS}, {title}, {_TOTALS} FROM part WHERE kind = 'main' {only} GROUP BY {column}"  # noqa: S608 - our own names
        " ORDER BY sum(miss_usd) DESC NULLS LAST, 5 DESC, 1"
    ).fetchall()
    return tuple(Group(row[0], row[1], Totals(*row[3:]), row[2]) for row in rows)


def _by_day(connection: Connection, days: Sequence[Day]) -> tuple[Group, ...]:
    """Each day, also one without a request, oldest first."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE day AS SELECT unnest(?) AS start, unnest(?) AS name",
        [[_utc(start) for start, _ in days], [name for _, name in days]],
    )
    rows = connection.execute(_BY_DAY).fetchall()
    found = {row[0]: Group(row[0], row[1], Totals(*row[2:])) for row in rows}
    none = Totals(0, 0, None, 0, 0, None)
    return tuple(found.get(name, Group(name, 0, none)) for _, name in days)


def _advice(connection: Connection) -> tuple[Advice, ...]:
    rows = connection.execute(
        "SELECT grouping(project), project, sum(usd), sum(usd_5m), sum(usd_1h), sum(returns)::BIGINT FROM part"
        " WHERE kind = 'main' GROUP BY GROUPING SETS ((), (project)) ORDER BY 1 DESC, 3 DESC NULLS LAST, 2"
    ).fetchall()
    return tuple(Advice(None if is_all else project, *sums) for is_all, project, *sums in rows)


def _estimate(connection: Connection) -> Estimate | None:
    row = _row(
        connection,
        "SELECT count(*), quantile_cont(share, 0.1), quantile_cont(share, 0.5), quantile_cont(share, 0.9) FROM ("
        " SELECT rebuilt_tokens / previous_context_tokens AS share FROM miss WHERE cause = 'expired'"
        " AND previous_context_tokens > 0)",
    )
    return Estimate(*row) if row[0] else None


def _microseconds(at: float) -> int:
    return round(at * 1e6)


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
