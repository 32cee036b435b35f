"""What reading all transcripts costs: `history` beside ccusage 18, on the same made-up transcripts, in one run.

    python tests/bench/history.py [--quick] [--readme] [--python PATH] [--without-peer]

The transcripts are made by this script, in the shapes of real ones: 1 GB in 4,000 files, 128,000 requests of two lines
each, tool results between them. They are in the page cache when they are read. `history` compares each request with the
one before it, keeps a row of each, and prints misses, groups and advice; ccusage counts tokens and money of each day,
and keeps nothing. ccusage is installed by npm into the cache folder of the other benchmarks.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import products, report
from bench.report import Figure

PEER = "ccusage@18.0.11"
FIRST_SECONDS, UNCHANGED_SECONDS, MOST_MB = 5.0, 0.4, 400  # what is wanted of the whole size
FIRST, UNCHANGED = "`history`, first time", "`history`, nothing has changed"
COUNTED = "`history` counts"
_WHAT_EACH_DOES = (
    "`history` compares each request with the one before it and keeps a row of each; ccusage adds up the tokens of each"
    " day, and keeps nothing"
)
_TEXT = 'def total(rows):\n    return sum(row["price"] for row in rows)  # "quoted", \u00e9\n' * 4_000


@dataclass(frozen=True)
class Size:
    """How much is made."""

    files: int
    requests: int
    megabytes: int


WHOLE, QUICK = Size(4_000, 128_000, 1_000), Size(20, 600, 4)
BARE_BYTES = 2_120  # of a request's three lines without their texts


def make(folder: Path, size: Size, now: float) -> int:
    """Make the transcripts under `folder`; return how many bytes there are."""
    rng = random.Random(7)
    made = 0
    for number in range(size.files):
        project = f"project-{number % 200}"
        path = folder / "projects" / f"-home-me-{project}" / f"{number:08x}-0000-4000-8000-000000000000.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for line in _conversation(rng, size, project, path.stem, now):
                file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
        made += path.stat().st_size
    return made


def _conversation(rng: random.Random, size: Size, project: str, session: str, now: float) -> list[dict[str, object]]:
    """The lines of one conversation: prompts, tool results, responses of two lines, some of them too late."""
    text_bytes = size.megabytes * 1e6 / size.requests - BARE_BYTES
    at, context, ttl = now - rng.uniform(1, 28) * 86_400, 15_000, rng.choice((300, 3_600, 3_600))
    common = {"parentUuid": session, "isSidechain": False, "userType": "external", "cwd": f"/home/me/{project}"}
    common |= {"sessionId": session, "version": "2.1.332", "gitBranch": "main"}
    lines: list[dict[str, object]] = []
    for number in range(size.requests // size.files):
        is_prompt = number % 6 == 0
        gap = rng.choice((5, 20, 60, 200, 400, 900, 4_000)) if is_prompt else rng.uniform(3, 20)
        at += gap
        text = _text(rng, text_bytes * 0.5)
        result = [{"tool_use_id": "toolu_1", "type": "tool_result", "content": text}]
        content = "Add the total to the page." if is_prompt else result
        user: dict[str, object] = {"type": "user", "message": {"role": "user", "content": content}}
        lines.append({**common, **user, "uuid": f"{session}-{number}", "timestamp": _iso(at)})
        if not is_prompt:  # the client keeps what a tool printed a second time, for its own screen
            lines[-1]["toolUseResult"] = {"stdout": text, "stderr": "", "interrupted": False, "isImage": False}
        new = rng.randint(200, 3_000)
        is_cold = number == 0 or gap > ttl
        written, read = (context + new, 0) if is_cold else (new, context)
        context += new
        usage = {
            "input_tokens": 4,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written if ttl == 300 else 0,
                "ephemeral_1h_input_tokens": written if ttl == 3_600 else 0,
            },
            "output_tokens": 300,
            "service_tier": "standard",
        }
        identity = f"msg_{session}_{number}"
        head = {"model": "claude-opus-4-8", "id": identity, "type": "message", "role": "assistant"}
        for part in range(2):
            block = {"type": "text", "text": _text(rng, text_bytes * 0.05)}
            message = {**head, "content": [block], "stop_reason": None, "stop_sequence": None, "usage": usage}
            line = {"message": message, "requestId": f"req_{identity}", "type": "assistant"}
            lines.append({**common, **line, "uuid": f"{identity}-{part}", "timestamp": _iso(at + 2 + part)})
        at += 3
    return lines


def _text(rng: random.Random, average_bytes: float) -> str:
    return _TEXT[: int(rng.expovariate(1 / average_bytes))]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---- measuring --------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One run of a program: seconds, the most memory of it and its children in MB, and what it printed."""

    seconds: float
    megabytes: float
    printed: str


def measured(argv: Sequence[str], env: dict[str, str], removed: Path | None = None) -> Run:
    """Run a program to its end, without the folder `removed`. Raises RuntimeError when it fails."""
    if removed is not None:
        shutil.rmtree(removed, ignore_errors=True)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        began = time.perf_counter()
        with (
            subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=errors) as process,
            _most_memory(process.pid) as most,
        ):
            process.wait()
            seconds = time.perf_counter() - began
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{argv} failed with {process.returncode}: {errors.read()[-500:]}")
        return Run(seconds, most() / 1e6, out.read())


def _seconds(run: Run) -> float:
    return run.seconds


@contextmanager
def _most_memory(pid: int) -> Iterator[Callable[[], int]]:
    """Look at a process ten times a second: more often takes time from it. The function returns the most bytes."""
    seen = [_memory(pid)]
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.1):
            seen.append(_memory(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: max(seen)
    finally:
        is_over.set()
        thread.join()


def _memory(pid: int) -> int:
    """Resident bytes of a process and its children, what they share counted once."""
    try:
        whole = psutil.Process(pid)
        first = whole.memory_info().rss
        children = [child.memory_info() for child in whole.children(recursive=True)]
    except psutil.Error:
        return 0
    return first + sum(info.rss - getattr(info, "shared", 0) for info in children)


def peer() -> str:
    """The program of ccusage. Raises NotAvailableError."""
    folder = products.cache() / "ccusage"
    program = folder / "node_modules" / ".bin" / "ccusage"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise products.NotAvailableError("npm is not installed, which installs ccusage")
        products.run([npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), PEER])
    return str(program)


def measure(folder: Path, product: products.Product, size: Size, *, with_peer: bool) -> tuple[list[Figure], list[str]]:
    """The figures, and notes on what was counted."""
    now = time.time()
    megabytes = make(folder, size, now) / 1e6
    env = {**os.environ, "CLAUDE_CONFIG_DIR": str(folder), "TZ": "UTC"}
    history = (product.command, "history", "--json", "--days", "40")
    first = min((measured(history, env, removed=folder / "claude-session-status") for _ in range(2)), key=_seconds)
    again = min((measured(history, env) for _ in range(3)), key=_seconds)
    is_whole = size == WHOLE
    figures = [
        Figure(
            f"{FIRST}: {size.requests:,} requests in {size.files:,} files, {megabytes:,.0f} MB",
            f"{first.seconds:.1f} s, {first.megabytes:.0f} MB",
            f"at most {FIRST_SECONDS:g} s, {MOST_MB} MB" if is_whole else "",
            first.seconds <= FIRST_SECONDS and first.megabytes <= MOST_MB if is_whole else None,
        ),
        Figure(
            UNCHANGED,
            f"{again.seconds:.2f} s, {again.megabytes:.0f} MB",
            f"at most {UNCHANGED_SECONDS:g} s" if is_whole else "",
            again.seconds <= UNCHANGED_SECONDS if is_whole else None,
        ),
    ]
    ours = json.loads(again.printed)
    notes = [f"{COUNTED} {ours['requests']:,} of {size.requests:,} requests, list price ${ours['usd']:,.2f}"]
    if with_peer:
        other = measured([peer(), "daily", "--json", "--offline"], env)
        totals = json.loads(other.printed)["totals"]
        figures.append(
            Figure(
                "ccusage 18 `daily`",
                f"{other.seconds:.1f} s, {other.megabytes:.0f} MB; {other.seconds / first.seconds:.1f}x `history`",
            )
        )
        price = f"${totals['totalCost']:,.2f}" if totals["totalCost"] else "and knows no price of this model offline"
        notes.append(f"ccusage counts {totals['totalTokens']:,} tokens, {price}")
        notes.append(_WHAT_EACH_DOES)
    return figures, notes


def main() -> int:
    """Measure and print; with --readme also write the table into this folder's README."""
    parser = argparse.ArgumentParser(description="Measure what reading all transcripts costs.")
    parser.add_argument("--quick", action="store_true", help="few transcripts: to see that it works")
    parser.add_argument("--readme", action="store_true", help="put the table into tests/bench/README.md")
    parser.add_argument("--python", help="take the product that is installed beside this interpreter; builds none")
    parser.add_argument("--without-peer", action="store_true", help="do not install and run ccusage")
    options = parser.parse_args()
    try:
        product = products.at(options.python) if options.python else products.ours()
        with tempfile.TemporaryDirectory(prefix="bench-history-") as folder:
            size = QUICK if options.quick else WHOLE
            figures, notes = measure(Path(folder), product, size, with_peer=not options.without_peer)
    except products.NotAvailableError as error:
        print(error, file=sys.stderr)
        return 1
    text = "\n\n".join([report.figures(figures), "\n".join(f"- {note}" for note in notes), report.machine()])
    print(text)
    return 0 if not options.readme or report.publish("history", text) else 1


if __name__ == "__main__":
    sys.exit(main())
