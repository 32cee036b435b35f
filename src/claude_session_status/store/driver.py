"""DuckDB's native module, where it can be had: the same `connect`, for a fifth of the time of the package around it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
else:
    try:
        import _duckdb as duckdb
    except ImportError:
        import duckdb

__all__ = ["duckdb"]
