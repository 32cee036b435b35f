"""`history` as a person calls it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from claude_session_status.cli.history import GROUPS, local_days
from claude_session_status.cli.main import group
from claude_session_status.costs.summary import By
from costs.conversations import Ask, write
from fakes import NOW

ASKS = [Ask(0, wrote_5m=100_000), Ask(900, wrote_5m=101_000)]


@pytest.fixture
def conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Claude Code with one conversation of an hour ago."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setattr("os.nice", lambda _: 0)
    write(tmp_path / "projects" / "-p" / "a.jsonl", ASKS, start=NOW - 3_600)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["history", *arguments], catch_exceptions=False)


def test_the_table_shows_what_was_rebuilt_and_why(conversation: Path) -> None:
    done = run()

    assert done.exit_code == 0
    assert "1 request missed the cache and rebuilt 100k tokens" in done.stdout.replace("\n", " ")
    assert "came after the cache expired" in done.stdout
    assert "100k" in run("--by", "project").stdout


def test_json_is_one_object_of_schema_1(conversation: Path) -> None:
    data = json.loads(run("--json").stdout)

    assert (data["schema"], data["requests"], len(data["misses"])) == (1, 2, 1)


def test_the_page_is_written_for_its_owner_only(conversation: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    assert run("--html", str(page)).stdout == f"The page is {page}.\n"
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert page.stat().st_mode & 0o077 == 0


def test_an_export_says_how_much_it_added(conversation: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "out")

    assert run("--export", folder, "--host", "ada").stdout == f"2 new requests are in {folder}.\n"
    assert run("--export", folder, "--host", "ada").stdout == f"0 new requests are in {folder}.\n"


def test_forgetting_deletes_the_file(conversation: Path) -> None:
    run()
    file = conversation / "claude-session-status" / "history.duckdb"

    assert run("--forget").stdout == f"{file} is deleted.\n"
    assert not file.exists()
    assert run("--forget").stdout == "There is no history.\n"


@pytest.mark.parametrize("arguments", [("--json", "--html", "x"), ("--host", "ada"), ("--days", "0")])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_without_any_transcript_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))

    assert "no request in any transcript" in run().stdout


def test_days_begin_at_local_midnight() -> None:
    starts = local_days(3, NOW)

    assert [name for _, name in starts] == sorted(name for _, name in starts)
    assert len(starts) == 3
    assert starts[-1][0] <= NOW < starts[-1][0] + 90_000


def test_the_trays_line_is_json(conversation: Path) -> None:
    assert json.loads(run("--brief").stdout)["week"] == "1 cold return, about $0.57"


def test_open_writes_the_page_into_the_programs_folder(conversation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    assert run("--open").stdout == ""

    page = conversation / "claude-session-status" / "cold-caches.html"
    assert opened == [page.as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert run("--open").stdout == f"No browser was found. The page is {page}.\n"


def test_the_groups_in_the_help_are_all_there_are() -> None:
    assert tuple(By) == GROUPS
