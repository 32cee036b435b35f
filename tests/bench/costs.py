"""What the product costs the machine, in one run: ratios beside peers where there are any, else plain figures.

    python tests/bench/costs.py [--quick] [--readme] [--python PATH] [--only NAME ...]

Prints for each bound whether it holds, and never fails: a time on a busy machine proves nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import (
    costs_bar,
    costs_commands,
    costs_memory,
    costs_polls,
    costs_status,
    costs_status_line,
    costs_transcripts,
    costs_tray,
    products,
    report,
)
from bench.report import Figure

PARTS: dict[str, Callable[[Path, products.Product, bool], list[Figure] | str]] = {
    "commands": lambda folder, product, quick: costs_commands.measure(folder, product, quick=quick),
    "status": lambda folder, product, quick: costs_status.measure(folder, product, quick=quick),
    "status-line": lambda folder, product, quick: costs_status_line.measure(folder, product, quick=quick),
    "bar": lambda folder, product, quick: costs_bar.measure(folder, product, quick=quick),
    "polls": lambda folder, product, quick: costs_polls.measure(folder, quick=quick),
    "transcripts": lambda folder, product, quick: costs_transcripts.measure(folder, product, quick=quick),
    "tray": lambda folder, product, quick: costs_tray.measure(folder, product, quick=quick),
    "memory": lambda folder, product, quick: costs_memory.measure(folder, product),
}


def main() -> int:
    """Measure and print; with --readme also write the table into this folder's README."""
    parser = argparse.ArgumentParser(description="Measure what the product costs.")
    parser.add_argument("--quick", action="store_true", help="few rounds and short waits: to see that it works")
    parser.add_argument("--readme", action="store_true", help="put the table into tests/bench/README.md")
    parser.add_argument("--python", help="take the product that is installed beside this interpreter; builds none")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; can be given several times")
    options = parser.parse_args()
    try:
        product = products.at(options.python) if options.python else products.ours()
    except products.NotAvailableError as error:
        print(error, file=sys.stderr)
        return 1
    figures: list[Figure] = []
    tables: list[str] = []
    for name in options.only or PARTS:
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
            found = PARTS[name](Path(folder), product, options.quick)
        if isinstance(found, str):
            tables.append(found)
        else:
            figures += found
    blocks = [*([report.figures(figures)] if figures else []), *tables, report.machine()]
    text = "\n\n".join(blocks)
    print(text)
    return 0 if not options.readme or report.publish_with_summary("costs", text) else 1


if __name__ == "__main__":
    sys.exit(main())
