"""The benchmarks run and print what they promise. No time is judged here: on a busy machine it would be noise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import costs_tray, history, hooks, products, report

pytestmark = pytest.mark.bench

HERE = Path(__file__).parent
SECONDS = 300.0  # a slow package index takes less; longer means a hang


def run(script: str, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a benchmark briefly, on the product that these tests run on."""
    argv = [sys.executable, str(HERE / script), "--quick", "--python", sys.executable, *options]
    return subprocess.run(
        argv, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=SECONDS, env=utf8()
    )


def utf8() -> dict[str, str]:
    """Our environment, with output that a test can read everywhere."""
    return {**os.environ, "PYTHONIOENCODING": "utf-8"}


def first_column(printed: str) -> list[str]:
    """What the tables in `printed` have lines for, without their heads."""
    cells = [line.split(" | ")[0].removeprefix("| ").strip() for line in printed.splitlines() if line.startswith("| ")]
    return [cell for number, cell in enumerate(cells) if cell != "---" and cells[number + 1 : number + 2] != ["---"]]


@pytest.fixture(scope="module")
def hooks_run(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """One run for both tests: beside the original where that can be had, else without it."""
    folder = tmp_path_factory.mktemp("hooks")
    done = run("hooks.py", folder)
    return run("hooks.py", folder, "--without-original") if done.returncode == hooks.NO_ORIGINAL else done


@pytest.mark.xdist_group("bench-hooks")
def test_the_hooks_are_measured(hooks_run: subprocess.CompletedProcess[str]) -> None:
    assert hooks_run.returncode == 0, hooks_run.stderr
    assert [line for line in first_column(hooks_run.stdout) if line not in (hooks.OLD, hooks.OLD_NEW)] == [
        hooks.BARE, hooks.BESIDE, hooks.ALONE, hooks.ALONE_NEW, hooks.BARE_MANY, hooks.BESIDE_MANY, hooks.ALONE_MANY,
        hooks.LOGGING, hooks.READING, hooks.LINE, hooks.WRAPPED,
    ]  # fmt: skip
    assert "beside a monitor at most 2x bare Python" in hooks_run.stdout
    assert "that status line command behind ours at most 2x" in hooks_run.stdout
    if sys.platform != "win32":
        assert hooks_run.stdout.count("holds: 72 of their 72 events are in the database") == 2
        assert re.search(r"the slowest of 3 times 24 hooks at once alone: \d+ ms, a [A-Z]\w+ ", hooks_run.stdout)
    assert re.search(
        r"Medians of 3 interleaved calls.*\d{4}-\d\d-\d\d: .*\d+ cores?, .*Python 3\.\d+", hooks_run.stdout
    )


@pytest.mark.xdist_group("bench-hooks")
def test_the_original_is_measured_beside_them(hooks_run: subprocess.CompletedProcess[str]) -> None:
    if hooks.OLD not in first_column(hooks_run.stdout):
        pytest.skip(
            "the original can't be installed here; set BENCH_ORIGINAL to an environment that has it, made by: "
            "python3 -m venv DIR && DIR/bin/pip install claude-session-status==0.2.11"
        )
    assert first_column(hooks_run.stdout)[-2:] == [hooks.OLD, hooks.OLD_NEW]
    assert "beside a monitor at least 6x faster than the original" in hooks_run.stdout
    assert "alone never slower than the original" in hooks_run.stdout


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param(
            "commands",
            "`status --short`, 12 warm sessions",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no wait4"),
        ),
        ("status", "`status`: last beside first"),
        ("status-line", "every 30 s while a session is idle"),
        pytest.param(
            "bar",
            "`status --short --follow`, a line each second",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bars"),
        ),
        ("polls", "poll of 20 sessions, nothing has changed"),
        ("transcripts", "100 MB beside an empty one"),
        pytest.param(
            "memory",
            "Pillow",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc"),
        ),
    ],
)
def test_costs_are_measured(tmp_path: Path, part: str, expected: str) -> None:
    done = run("costs.py", tmp_path, "--only", part)
    assert done.returncode == 0, done.stderr
    assert expected in first_column(done.stdout)


def test_the_history_is_measured(tmp_path: Path) -> None:
    done = run("history.py", tmp_path, "--without-peer")
    assert done.returncode == 0, done.stderr
    assert first_column(done.stdout) == [f"{history.FIRST}: 600 requests in 20 files, 4 MB", history.UNCHANGED]
    assert f"{history.COUNTED} 600 of 600 requests" in done.stdout


@pytest.mark.desktop
def test_the_tray_is_measured(tmp_path: Path) -> None:
    if reason := costs_tray.why_not():
        pytest.skip(reason)
    done = run("costs.py", tmp_path, "--only", "tray")
    assert done.returncode == 0, done.stderr
    titles = first_column(done.stdout)
    assert any(title.startswith("tray idle with 12 warm sessions") for title in titles)
    assert any(title.startswith("from the hook's start to the changed menu") for title in titles)


def test_without_a_desktop_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs_tray, "why_not", lambda: "missing: Xvfb")
    (figure,) = costs_tray.measure(tmp_path, products.Product("python", "none"), quick=True)
    assert figure.measured == "not measured: missing: Xvfb"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    argv = [sys.executable, str(HERE / "hooks.py"), "--quick", "--python", str(tmp_path / "bin/python")]
    done = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", env=utf8())
    assert done.returncode == 1
    assert "install it there" in done.stderr


def test_a_table_goes_between_its_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb\n", "utf-8")
    assert report.publish("x", "| new |", readme)
    assert readme.read_text("utf-8") == "# a\n<!-- bench:x -->\n| new |\n<!-- /bench:x -->\nb\n"


def test_a_readme_without_the_markers_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# a\n<!-- bench:x -->\n", "utf-8")
    assert not report.publish("x", "| new |", readme)
    assert readme.read_text("utf-8") == "# a\n<!-- bench:x -->\n"
    assert "has no <!-- bench:x -->" in capsys.readouterr().err


def test_the_projects_readme_repeats_five_figures_of_the_tables() -> None:
    tables = "\n".join(
        (
            "| bare `python -c pass` | 11.9 | 1.00x | 14.1x faster |",
            "| hook beside a monitor | 15.2 | 1.28x | 11.0x faster |",
            "| hook alone | 16.5 | 1.39x | 10.1x faster |",
            "| `status --short`, 12 warm sessions | 92 ms, 7.3x | at most 9x | yes |",
            "| tray idle with 12 warm sessions for 120 s, share of a core | 0.08 % | at most 0.1 % | yes |",
            "|   resident memory after that | 74 MB (24 its own) | at most 80 MB (25) | yes |",
            "| from the hook's start to the changed menu, 12 times | 0.12 s, slowest 0.14 s | at most 2.5 s | yes |",
        )
    )
    summary = report.summary_of(tables)
    assert summary is not None
    assert re.findall(r"\d[\d.]*\d", summary) == ["15.2", "11.9", "16.5", "0.12", "12", "0.08", "74", "24", "7.3"]
    assert report.summary_of(tables.replace("hook alone", "hook")) is None
