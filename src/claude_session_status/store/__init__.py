"""The DuckDB file that holds the sessions. Nothing outside this package imports duckdb."""
