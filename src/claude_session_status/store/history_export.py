"""Writes the history as Parquet files, partitioned by month and host, for any engine that reads them.

Several machines can export into one folder: each writes only below its own host name. A second run adds only requests
that its host's files do not have yet. No texts, no titles and no folders' paths: a project's name, ids and numbers.
"""

import os
from contextlib import closing

from claude_session_status.errors import StoreUnusableError
from claude_session_status.store import failures
from claude_session_status.store.driver import duckdb, open_file, quoted

_COLUMNS = """key, session_id, project, kind, model, effort, started_at, ttl_seconds, context_tokens, read_tokens,
    written_5m_tokens, written_1h_tokens, input_tokens, output_tokens, gap_seconds, previous_ttl_seconds,
    previous_context_tokens, rebuilt_tokens, cause, usd, miss_usd"""
_ADVICE = "Choose a folder that you can write to"


def export(history: str, folder: str, host: str) -> int:
    """Add to `folder` what the history at `history` has and the files of `host` there do not; return how many.

    Raises StoreUnusableError and StoreBrokenError.
    """
    host = _name(host)
    folder = os.path.abspath(folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise failures.unusable(f"{folder} can't be made", error) from error
    if not os.path.lexists(history):
        return 0
    config = {"autoload_known_extensions": "false", "autoinstall_known_extensions": "false"}
    try:
        with closing(open_file(history, read_only=True, config=config)) as connection:
            connection.execute(f"SET allowed_paths = [{quoted(folder)}]")
            connection.execute(f"SET allowed_directories = [{quoted(folder + os.sep)}]")
            connection.execute("SET enable_external_access = false")
            pattern = os.path.join(_escaped(folder), "month=*", f"host={host}", "*.parquet")
            known = "SELECT NULL::TEXT AS key WHERE false"
            if connection.execute("SELECT count(*) FROM glob(?)", [pattern]).fetchone() != (0,):
                known = f"SELECT key FROM read_parquet({quoted(pattern)})"  # noqa: S608 - quoted above
            connection.execute(
                f"CREATE TEMP TABLE added AS SELECT {_COLUMNS}, strftime(started_at, '%Y-%m') AS month,"  # noqa: S608 - our own names
                f" {quoted(host)} AS host FROM requests WHERE host IS NULL AND key NOT IN ({known})"
            )
            count = connection.execute("SELECT count(*) FROM added").fetchone()
            if count and count[0]:
                connection.execute(
                    f"COPY added TO {quoted(folder)} (FORMAT parquet, PARTITION_BY (month, host), APPEND,"
                    " FILENAME_PATTERN 'requests-{uuid}')"
                )
    except duckdb.Error as error:
        if "Permission" in str(error) or "No space" in str(error):
            raise StoreUnusableError(f"{folder} can't be used: {failures.first_line(error)}", _ADVICE) from error
        raise failures.failure(history, error) from error
    return int(count[0]) if count else 0


def _name(host: str) -> str:
    """The host's name as part of a path: letters, digits, dots, dashes."""
    return "".join(c if c.isalnum() or c in ".-_" else "-" for c in host).lstrip(".") or "this-machine"


def _escaped(folder: str) -> str:
    """The folder for a glob pattern: its own special characters stand for themselves."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in folder)
