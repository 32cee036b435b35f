"""The README and the pages behind it, and the commands that stand in their fenced blocks."""

import re
from pathlib import Path

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text("utf-8")
# The README is for users. What few of them need is on the pages that it links to.
PAGES = {
    name: (TOP / name).read_text("utf-8")
    for name in (
        "README.md",
        ".github/CONTRIBUTING.md",
        ".github/COUNTDOWN.md",
        ".github/DATABASE.md",
        ".github/GO-TO-SESSION.md",
        ".github/HISTORY.md",
        ".github/KEEP-WARM.md",
        ".github/MAC-AND-WINDOWS.md",
        ".github/ON-ALERT.md",
        ".github/OTHER-MACHINES.md",
        ".github/STATUS-BARS.md",
        "packaging/README.md",
        "tests/bench/README.md",
    )
}
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", "".join(PAGES.values()), re.DOTALL)


def block(first_line: str) -> str:
    """Return the block of a page that starts with this comment."""
    return next(text for text in BLOCKS if text.startswith(first_line))


def lines(first_line: str) -> list[str]:
    """Return the commands of a block, one per line, without comments."""
    printed = (line.partition("  #")[0].strip() for line in block(first_line).splitlines())
    return [line for line in printed if line and not line.startswith("#")]
