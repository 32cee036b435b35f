"""Makes the README's pictures and links whole for PyPI, which shows the text alone and knows no files beside it.

    python packaging/pypi_readme.py --repository OWNER/NAME        rewrites README.md, before `python -m build`

Each path becomes an address in the repository at this version's tag, so that an old version keeps its own pictures. The
release's workflow runs it in its own checkout; nothing of it is committed.
"""

import argparse
import re
import sys
from collections.abc import Sequence

import release

PATH = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!https?:|#)(?P<path>[^)\s]+)\)")


def whole(readme: str, repository: str, version: str) -> str:
    """The README with addresses in place of paths."""

    def address(found: re.Match[str]) -> str:
        at = f"https://github.com/{repository}/{'raw' if found['picture'] else 'blob'}/v{version}/{found['path']}"
        return f"{found['picture']}[{found['text']}]({at})"

    return PATH.sub(address, readme)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite README.md; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the README's pictures and links whole for PyPI.")
    parser.add_argument("--repository", required=True, help="OWNER/NAME on GitHub")
    chosen = parser.parse_args(arguments)
    path = release.ROOT / "README.md"
    text = path.read_text("utf-8")
    path.write_text(whole(text, chosen.repository, release.version_of(release.ROOT)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
