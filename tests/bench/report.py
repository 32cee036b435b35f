"""What a benchmark prints: Markdown tables, the machine they were made on, and the place in this folder's README."""

import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

README = Path(__file__).resolve().parent / "README.md"
PROJECT_README = README.parents[2] / "README.md"

_SUMMARY = """
Claude Code waits for its hooks, so a hook only writes a small file: {0} ms while a tray or `watch` runs (bare Python
takes {1} ms), {2} ms otherwise. The menu changes {3} s after a hook's start. An idle tray with 12 warm sessions takes
{4} % of a core and {5} MB, of which {6} MB are its own and most of the rest is DuckDB's library. `status --short` takes
{7} times as long as bare Python. [All figures, and how other tools compare](tests/bench/README.md).
"""
_SUMMARISED = (
    r"^\| hook beside a monitor \| ([\d.]+) ",
    r"^\| bare `python -c pass` \| ([\d.]+) ",
    r"^\| hook alone \| ([\d.]+) ",
    r"^\| from the hook's start to the changed menu, [^|]* \| ([\d.]+) s",
    r"^\| tray idle with [^|]* \| ([\d.]+) %",
    r"^\| +resident memory after that \| (\d+) MB \((\d+) its own\)",
    r"^\| `status --short`, 12 warm sessions \| \d+ ms, ([\d.]+)x",
)


@dataclass(frozen=True)
class Figure:
    """One line of the table of costs. `holds` is None where nothing is wanted or nothing could be measured."""

    what: str
    measured: str
    wanted: str = ""
    holds: bool | None = None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is set to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures(lines: Sequence[Figure]) -> str:
    """The table of costs."""
    word = {True: "yes", False: "**no**", None: ""}
    return table(
        ["what", "measured", "wanted", "holds"], [[f.what, f.measured, f.wanted, word[f.holds]] for f in lines]
    )


def machine() -> str:
    """One line: when, on what, with which Python."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    cores = os.cpu_count() or 1
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{today}: {_processor()}, {cores} core{'s' * (cores != 1)}, {_system()}, {python}."


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def publish(name: str, text: str, readme: Path = README) -> bool:
    """Put `text` between the markers `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; False where they are missing."""
    start, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    before = readme.read_text("utf-8")
    head, found_start, rest = before.partition(start)
    _, found_end, tail = rest.partition(end)
    if not (found_start and found_end):
        print(f"{readme.name} has no {start} ... {end} to put this between", file=sys.stderr)
        return False
    readme.write_text(f"{head}{start}\n{text}\n{end}{tail}", "utf-8")
    return True


def publish_with_summary(name: str, text: str) -> bool:
    """Put `text` into this folder's README, and the figures of all its tables that the project's README repeats there.

    So both say the same. False where a marker or a figure is missing.
    """
    if not publish(name, text):
        return False
    summary = summary_of(README.read_text("utf-8"))
    if summary is None:
        print("the project's README keeps its figures: a table lacks one; run hooks.py and costs.py", file=sys.stderr)
        return False
    return publish("five", summary, PROJECT_README)


def summary_of(tables: str) -> str | None:
    """The five figures of the project's README, from the tables; None where one is missing."""
    found = [re.search(pattern, tables, re.MULTILINE) for pattern in _SUMMARISED]
    groups = [match.groups() for match in found if match is not None]
    if len(groups) < len(_SUMMARISED):
        return None
    return _SUMMARY.strip().format(*(value for group in groups for value in group))
