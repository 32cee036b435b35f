"""What a benchmark prints: Markdown tables, the machine they were made on, and the place in this folder's README."""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

README = Path(__file__).resolve().parent / "README.md"


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
