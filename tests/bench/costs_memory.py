"""What takes the tray's memory: a fresh interpreter imports one library after the other and prints its size after each.

Anonymous pages are this process's own; the rest are pages of libraries' files, which all processes that use them share
and which the kernel takes back when it needs them. How many of those count as resident also depends on how the kernel
came to hold the file: of DuckDB's library some 14 MB more after it was just written than after it was read from disk.
"""

import json
import subprocess
import sys
from pathlib import Path

from bench import scenes
from bench.products import Product
from bench.report import table

# Run by the product's own interpreter: title and code of each step.
_STEPS = (
    ("bare Python", "pass"),
    (
        "the monitor, its rules and the spool",
        "import claude_session_status.config, claude_session_status.policy, json, logging",
    ),
    ("DuckDB's native module", "import _duckdb"),
    ("DuckDB's first open, closed again", "import _duckdb; _duckdb.connect(sys.argv[1]).close()"),
    ("20 more opens, each with a write", "import _duckdb\nfor n in range(20): step(_duckdb, n)"),
    ("Pillow", "import PIL.Image, PIL.ImageDraw"),
    ("jeepney", "import jeepney, jeepney.io.blocking"),
    (
        "the tray's own code",
        "import claude_session_status.cli.tray as a, claude_session_status.desktop.linux.panel as b",
    ),
)
_PROGRAM = """
import os, sys
os.environ["PYSTRAY_BACKEND"] = "dummy"
def step(duckdb, n):
    with duckdb.connect(sys.argv[1], config={"threads": "1"}) as c:
        c.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER, s TEXT)")
        c.execute("INSERT INTO t VALUES (?, ?)", [n, "x" * 1000])
        c.execute("SELECT * FROM t").fetchall()
sizes = []
for code in STEPS:
    exec(code)
    text = open("/proc/self/status").read()
    sizes.append([int(text.partition(name + ":")[2].split()[0]) for name in ("VmRSS", "RssAnon")])
print(sizes)
"""


def measure(folder: Path, product: Product) -> str:
    """A table with one line a step: how large the process is after it, and what the step added."""
    if sys.platform != "linux":
        return "What holds the memory: not measured; only Linux has the /proc that shows it."
    program = _PROGRAM.replace("STEPS", repr([code for _, code in _STEPS]))
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [product.python, "-c", program, str(folder / "memory.duckdb")],
        env=scenes.environment(folder, folder),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the memory of the libraries can't be measured: {done.stderr}")
    sizes: list[tuple[int, int]] = json.loads(done.stdout)
    rows = []
    before = before_own = 0
    for (title, _), (resident, own) in zip(_STEPS, sizes, strict=True):
        rows.append(
            [title, *(f"{kilobytes / 1024:.1f}" for kilobytes in (resident, resident - before, own - before_own))]
        )
        before, before_own = resident, own
    return table(["what holds the memory", "resident, MB", "added", "of that its own"], rows)
