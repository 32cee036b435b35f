"""Reads what is left of a damaged database: its rows, and as much of its log as is whole.

A power cut can leave the log's last entry half written, and then DuckDB reads none of them. But it reads a log that
ends early, wherever that is: so the longest beginning that it reads is found by halving.
"""

import os
from contextlib import closing

from claude_session_status.errors import StoreBrokenError, StoreLockedError, StoreUnusableError
from claude_session_status.model import Session
from claude_session_status.store import failures, files, schema
from claude_session_status.store.connection import connect
from claude_session_status.store.driver import duckdb
from claude_session_status.store.rows import select, sessions_of


def rows(path: str, scratch: str) -> list[Session]:
    """The rows of the database at `path`, forgotten sessions too; none where nothing can be read.

    `scratch`: a name beside it, on the same disk, that is free to be used. Raises OSError and StoreLockedError.
    """
    found = _read(path)
    if found is not None:
        return found
    try:
        with open(files.open_regular(path + ".wal"), "rb") as file:
            log = file.read()
    except FileNotFoundError:
        return []
    try:
        os.link(path, scratch)
    except OSError:  # this file system gives a file one name only
        files.copy_file(path, scratch)
    try:
        return _read_with_part_of(log, scratch)
    finally:
        files.remove(scratch)


def _read_with_part_of(log: bytes, scratch: str) -> list[Session]:
    best = _read(scratch)
    if best is None:
        return []
    good, bad = 0, len(log)
    while bad - good > 1:
        middle = (good + bad) // 2
        with open(files.open_anew(scratch + ".wal"), "wb") as file:
            file.write(log[:middle])
        found = _read(scratch)
        if found is None:
            bad = middle
        else:
            good, best = middle, found
    return best


def _read(path: str) -> list[Session] | None:
    """The rows of the tables that can be read; None where the database can't be opened. Raises StoreLockedError."""
    found: list[Session] = []
    try:
        with closing(connect(path, read_only=True)) as connection:
            for table in schema.TABLES:
                try:
                    names = schema.column_names(connection, table)
                    if "last_event_at" in names:  # else it is the original's, whose times are local
                        found += sessions_of(connection.execute(select(table, names)).fetchall())
                except duckdb.Error:
                    continue
    except (StoreBrokenError, StoreUnusableError):
        return None
    except duckdb.Error as error:
        failure = failures.failure(path, error)
        if isinstance(failure, StoreLockedError):
            raise failure from error
        return None
    return found
