"""The names by which stores know the program, made from the repository's address.

`Repository` in pyproject.toml's `[project.urls]` has it, as `https://github.com/OWNER/NAME`. Flathub, software centres
and macOS want names that begin with a domain of the owner's, and a GitHub account owns OWNER.github.io. Before the
address is filled in, a package can be built and tried under the project's own name, and `release.py check` names what
is missing.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = "claude-session-status"
REPOSITORY = re.compile(r"https://github\.com/(?P<name>[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+?)(?:\.git)?/?")


def repository(root: Path = ROOT) -> str | None:
    """`OWNER/NAME` on GitHub; None where pyproject.toml does not say."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    found = REPOSITORY.fullmatch(project.get("urls", {}).get("Repository", ""))
    return found["name"] if found else None


def application_id(name: str | None) -> str:
    """AppStream's id of the program in this repository. Its parts are letters, digits and underscores."""
    if name is None:
        return _part(f"io.github.{PROGRAM}")
    owner = name.partition("/")[0].lower()
    # A part must not begin with a digit: Flathub's rule is an underscore before it.
    return _part(f"io.github.{'_' if owner[0].isdigit() else ''}{owner}.{PROGRAM}")


def bundle_id(name: str | None) -> str:
    """macOS's id of it, which has hyphens in the place of underscores."""
    return f"io.github.{PROGRAM}" if name is None else f"io.github.{name.partition('/')[0].lower()}.{PROGRAM}"


def _part(text: str) -> str:
    return text.replace("-", "_")
