"""An open database: the sessions in its tables."""

from collections.abc import Container, Iterable

from claude_session_status.model import Session
from claude_session_status.store import schema
from claude_session_status.store.driver import duckdb
from claude_session_status.store.rows import (
    FORGET,
    INSERT,
    INSERT_ALL,
    UPDATE,
    UPDATE_ALL,
    Row,
    row_of,
    select,
    sessions_of,
    to_timestamp,
)
from claude_session_status.values import Value

_LAST_SIGN = "greatest(last_event_at, last_turn_at, transcript_at, started_at, found_at)"  # columns of version 1

NOTIFIED_DAYS = 45  # longer than Claude Code keeps transcripts; the history has its own copy
Notified = tuple[str, float, float]  # session, expiry (epoch seconds), lead (seconds)

MANY = 5  # from so many rows on, one statement for all is faster than one for each: 40 times with 500


class Tables(Value):
    """The tables behind an open connection, and the queries for their rows in the order of `rows.NAMES`."""

    connection: schema.Connection
    sessions: str = select(schema.SESSIONS)
    forgotten: str = select(schema.FORGOTTEN)

    def load(self, since: float | None, ended_since: float | None) -> list[Session]:
        """All sessions, or those with a sign of life after `since`, ended ones after `ended_since` (epoch seconds)."""
        if since is None:
            return sessions_of(self.connection.execute(self.sessions).fetchall())
        # The times stand in the query: for its first parameter the driver imports decimal, uuid and platform.
        least = f"CASE WHEN status = 'ended' THEN {_literal(ended_since)} ELSE {_literal(since)} END"
        return sessions_of(self.connection.execute(f"{self.sessions} WHERE {_LAST_SIGN} >= {least}").fetchall())

    def with_rows(self, session_ids: list[str]) -> dict[str, Session]:
        """The sessions with these ids that have a row."""
        return self._select(self.sessions, session_ids)

    def without_rows(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """The sessions with these ids that were forgotten.

        Their rows are gone. What is kept is when they were forgotten, since older notes must not bring them back, and
        what came afterwards, such as that one is muted: that counts once a late note has brought it back.
        """
        return self._select(self.forgotten, list(session_ids))

    def _select(self, query: str, session_ids: list[str]) -> dict[str, Session]:
        if not session_ids:
            return {}
        query += f" WHERE session_id IN ({', '.join('?' * len(session_ids))})"
        return {s.session_id: s for s in sessions_of(self.connection.execute(query, session_ids).fetchall())}

    def write(self, sessions: Iterable[Session], existing: Container[str]) -> None:
        """Write rows for the sessions, of which the `existing` ids have one. Raises duckdb.Error."""
        new: list[Row] = []
        old: list[Row] = []
        for session in sessions:
            if session.is_forgotten:
                for table in ("session_status", "notified"):
                    self.connection.execute(f"DELETE FROM {table} WHERE session_id = ?", [session.session_id])  # noqa: S608 - our own names
                self.connection.execute(FORGET, row_of(session))
                continue
            (old if session.session_id in existing else new).append(row_of(session))
        self._execute(INSERT, INSERT_ALL, new)
        self._execute(UPDATE, UPDATE_ALL, old)

    def add_notified(self, notified: Iterable[Notified]) -> None:
        """Remember of which expiries the user was notified, for `NOTIFIED_DAYS`. Raises duckdb.Error."""
        for session_id, expires_at, lead_seconds in notified:
            at = to_timestamp(expires_at)
            self.connection.execute("INSERT INTO notified VALUES (?, ?, ?)", [session_id, at, lead_seconds])
            self.connection.execute(
                f"DELETE FROM notified WHERE expires_at < ?::TIMESTAMP - INTERVAL {NOTIFIED_DAYS} DAY",  # noqa: S608 - our own number
                [at],
            )

    def notified(self) -> list[Notified]:
        """Of which expiries the user was notified. Raises duckdb.Error."""
        query = "SELECT session_id, epoch(expires_at), lead_seconds FROM notified"
        try:
            rows = self.connection.execute(query).fetchall()
        except duckdb.CatalogException:
            return []  # the next write upgrades the file
        return [(session_id, at, lead) for session_id, at, lead in rows]

    def _execute(self, for_one: str, for_all: str, rows: list[Row]) -> None:
        if len(rows) < MANY:
            for row in rows:
                self.connection.execute(for_one, [*row[1:], row[0]])
        else:
            self.connection.execute(for_all, [list(column) for column in zip(*rows, strict=True)])

    def read_all(self) -> None:
        """Read every row. Raises duckdb.Error where any of it is damaged."""
        for query in (self.sessions, self.forgotten):
            self.connection.execute(query).fetchall()


def _literal(at: float | None) -> str:
    """Epoch seconds as a TIMESTAMP in SQL."""
    moment = to_timestamp(at)
    return "NULL" if moment is None else f"TIMESTAMP '{moment.isoformat(' ')}'"
