"""Another program that has the database open for writing, as a real process: only that holds DuckDB's lock."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PROGRAM = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@contextmanager
def held_by_another_program(database: str) -> Iterator[None]:
    """Within this context the database is locked."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline().strip() == b"held"
        try:
            yield
        finally:
            other.stdin.close()
