"""Parquet files of several hosts in one folder, read by one query."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from claude_session_status.errors import StoreUnusableError
from claude_session_status.paths import Paths
from claude_session_status.store.history_export import export
from costs.conversations import Ask, history, write

QUERY = """
SELECT host, count(*) AS requests, sum(rebuilt_tokens) FILTER (cause = 'expired') AS expired_tokens
FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true) GROUP BY host ORDER BY host
"""


def rows_of(query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, as any program with DuckDB gets them."""
    return duckdb.connect().execute(query).fetchall()


def made(folder: Path, late: int) -> Paths:
    """A machine with one session, `late` of whose requests came too late."""
    asks = [Ask(900 * number, wrote_5m=10_000) for number in range(late + 1)]
    write(folder / "projects" / "-p" / f"{folder.name}.jsonl", asks)
    paths = Paths(str(folder))
    history(paths)
    return paths


def test_three_hosts_exports_are_one_table(tmp_path: Path) -> None:
    shared = tmp_path / "shared it's"
    for number, host in enumerate(("ada", "build", "../gpu"), 1):
        assert export(made(tmp_path / host.strip("./"), number).history, str(shared), host) == number + 1

    rows = rows_of(QUERY.format(folder=str(shared).replace("'", "''")))

    assert rows == [("-gpu", 4, 30_000), ("ada", 2, 10_000), ("build", 3, 20_000)]
    assert {path.parent.parent.parent for path in shared.rglob("*.parquet")} == {shared}


def test_a_second_export_adds_only_what_is_new(tmp_path: Path) -> None:
    paths = made(tmp_path / "ada", 1)
    folder = tmp_path / "out"
    assert export(paths.history, str(folder), "ada") == 2
    assert export(paths.history, str(folder), "ada") == 0
    write(tmp_path / "ada" / "projects" / "-p" / "ada.jsonl", [Ask(5_000, wrote_5m=10_000)])
    history(paths)

    assert export(paths.history, str(folder), "ada") == 1
    assert rows_of(f"SELECT count(*), count(DISTINCT key) FROM '{folder}/**/*.parquet'") == [(3, 3)]


def test_no_title_and_no_folder_is_exported(tmp_path: Path) -> None:
    paths = made(tmp_path / "ada", 1)
    export(paths.history, str(tmp_path / "out"), "ada")

    files = f"'{tmp_path}/out/**/*.parquet'"
    columns = {name for name, *_ in rows_of(f"DESCRIBE SELECT * FROM {files}")}
    assert "/home/me" not in str(rows_of(f"SELECT * FROM {files}"))
    assert {"title", "file", "cwd"}.isdisjoint(columns)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    paths = made(tmp_path / "ada", 1)
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnusableError, match="file/out can't be made"):
        export(paths.history, str(tmp_path / "file" / "out"), "ada")
