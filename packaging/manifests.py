"""Fills in the manifests for Homebrew and winget: version, repository, and the checksums of what was really built.

    python packaging/manifests.py --repository OWNER/NAME dist/ dist/manifests/

The first folder holds the release's files. Each checksum is computed from a file: nothing is filled in by hand.
"""

import argparse
import hashlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import identity
from claude_session_status import __version__

HERE = Path(__file__).parent
TEMPLATES = ("homebrew/*.rb", "winget/*.yaml")
PLACE = re.compile(r"@([A-Z0-9_]+)@")


def file_names(version: str) -> Mapping[str, str]:
    """What each release's file is called, by the place in the templates that takes its checksum."""
    return {
        "SHA256_SDIST": f"claude_session_status-{version}.tar.gz",
        "SHA256_MACOS_ARM64": f"claude-session-status-{version}-macos-arm64.zip",
        "SHA256_MACOS_X86_64": f"claude-session-status-{version}-macos-x86_64.zip",
        "SHA256_WINDOWS_X64": f"claude-session-status-{version}-windows-x64.zip",
    }


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each `@PLACE@` filled in. Raises KeyError for one that has no value."""
    return PLACE.sub(lambda found: values[found[1]], template)


def templates() -> Iterable[Path]:
    """The manifests' templates."""
    return sorted(path for pattern in TEMPLATES for path in HERE.glob(pattern))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the manifests; return the exit code."""
    parser = argparse.ArgumentParser(description="Fill in the manifests for Homebrew and winget.")
    parser.add_argument("--repository", required=True, help="OWNER/NAME on GitHub, where the release lies")
    parser.add_argument("files", type=Path, help="the folder with the release's files")
    parser.add_argument("target", type=Path)
    chosen = parser.parse_args(arguments)
    names = file_names(__version__)
    if missing := [name for name in names.values() if not (chosen.files / name).is_file()]:
        print(f"{chosen.files}: missing {', '.join(missing)}. Build them first", file=sys.stderr)
        return 1
    values = {place: checksum(chosen.files / name, place) for place, name in names.items()}
    values |= {"VERSION": __version__, "REPOSITORY": chosen.repository, "OWNER": chosen.repository.partition("/")[0]}
    values["BUNDLE_ID"] = identity.bundle_id(identity.repository())  # as the spec does: the app was built with it
    for path in templates():
        target = chosen.target / path.relative_to(HERE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fill(path.read_text("utf-8"), values), "utf-8")
        print(target)
    return 0


def checksum(path: Path, place: str) -> str:
    """The file's SHA-256; in capitals for winget, whose own tools write it so."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return digest.upper() if "WINDOWS" in place else digest


if __name__ == "__main__":
    sys.exit(main())
