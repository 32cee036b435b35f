"""What each command imports: that is most of what a short command costs, and a test can hold it without a clock."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status.paths import Paths
from fakes import Transcript
from ingester import wait_until_applied

# Runs a command and prints the modules that it has imported, instead of leaving at once.
PROGRAM = """
import os, sys
os._exit = lambda code: sys.exit(code)
from claude_session_status.__main__ import main
try:
    sys.argv[0] = "claude-session-status"
    main()
finally:
    sys.stderr.write("\\n" + " ".join(sys.modules))
"""
SLOW = {
    "PIL", "asyncio", "click", "dataclasses", "difflib", "duckdb", "email", "genai_prices", "html",
    "importlib.metadata", "inspect", "jeepney", "logging", "plyer", "psutil", "pydantic", "pystray", "rich", "shutil",
    "socket", "subprocess", "tempfile", "tomllib", "uuid",
}  # fmt: skip
OURS = "claude_session_status."


@pytest.fixture
def warm(where: Paths) -> Paths:
    """A session with a row and a transcript that was read; its price is known, too."""
    transcript = Transcript(Path(where.claude_dir) / "projects/-x-app/s.jsonl").user(seconds_ago(20))
    transcript.answer(seconds_ago(18), wrote_5m=142_000)
    note = {"session_id": "s", "cwd": "/x/app", "transcript_path": str(transcript.path)}
    subprocess.run([sys.executable, "-m", "claude_session_status", "mark-turn"], input=json.dumps(note).encode())
    wait_until_applied(where)
    imported("status", "--json")
    return where


def seconds_ago(seconds: float) -> float:
    import time

    return time.time() - seconds


def imported(*arguments: str) -> set[str]:
    """Run a command; return the modules that it imported: ours, and the slow ones of others."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    names = set(done.stderr.rpartition("\n")[2].split())
    return {name for name in names if name in SLOW or name.startswith(OURS)}


def slow(*arguments: str) -> set[str]:
    return imported(*arguments) & SLOW


@pytest.mark.parametrize("form", ["--short", "--waybar", "--json"])
def test_status_for_a_bar_or_a_program_imports_nothing_slow_and_reads_no_transcript_again(
    form: str, warm: Paths
) -> None:
    found = imported("status", form)
    # DuckDB's driver asks for the platform by itself, with the first parameter of a query.
    assert found & SLOW == set()
    unneeded = {
        "claude.transcript",
        "claude.transcript_line",
        "claude.setup",
        "cli.main",
        "cli.table",
        "desktop",
        "demo",
    }
    assert found & {OURS + name for name in unneeded} == set()
    assert (OURS + "pricing" in found) == (form == "--json")


def test_the_table_brings_rich_and_no_click(warm: Paths) -> None:
    assert {"click", "rich"} & slow("status") == {"rich"}


@pytest.mark.parametrize("arguments", [("--help",), (), ("completion", "bash"), ("status", "--help")])
def test_help_and_completion_bring_click_and_nothing_of_what_commands_do(arguments: tuple[str, ...]) -> None:
    found = imported(*arguments)
    assert {"click", "duckdb", "psutil", "rich", "tomllib"} & found == {"click"}
    assert found & {OURS + name for name in ("model", "words", "monitor", "store", "claude.setup", "desktop")} == set()


def test_config_reads_no_database() -> None:
    assert OURS + "store" not in imported("config")


def test_doctor_asks_no_price_and_draws_nothing(warm: Paths) -> None:
    found = imported("doctor", "--json")
    assert {"genai_prices", "rich", "pystray"} & found == set()
