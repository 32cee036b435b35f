"""The release checklist, as a script that checks itself.

    python packaging/release.py check          what must hold before a tag is set; says what does not, and exits with 1
    python packaging/release.py check --tag    the same, and that the tag in GITHUB_REF_NAME is this version's
    python packaging/release.py notes          this version's part of the changelog

A release: set the version in `src/claude_session_status/__init__.py` and in the plugin, give `[Unreleased]` in
CHANGELOG.md the version and the day, run `check`, commit, tag `v1.2.3`, push the tag. The rest is done by the workflow.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import identity

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)
RELEASE = re.compile(r"\d+\.\d+\.\d+")
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<day>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)
LINKS = re.compile(r"^\[[^\]]+\]: ", re.MULTILINE)  # where the headings lead to, at the end of the file
PLUGINS = ("packaging/claude-plugin", "packaging/claude-plugin-keep-warm")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def version_of(root: Path) -> str:
    """The version, from the one place where it is set."""
    found = VERSION.search((root / "src/claude_session_status/__init__.py").read_text("utf-8"))
    return found["version"] if found else ""


def notes_of(changelog: str, version: str) -> str:
    """The part of the changelog on one version, empty where there is none."""
    if links := LINKS.search(changelog):
        changelog = changelog[: links.start()]
    headings = list(HEADING.finditer(changelog))
    for number, heading in enumerate(headings):
        if heading["version"] == version:
            end = headings[number + 1].start() if number + 1 < len(headings) else len(changelog)
            return changelog[heading.end() : end].strip()
    return ""


# ---- the checks: each yields what does not hold -----------------------------


def check_version(root: Path) -> Iterator[str]:
    """A plain version, and each plugin's is the same."""
    version = version_of(root)
    if not RELEASE.fullmatch(version):
        yield f"__version__ is {version!r}: set it to MAJOR.MINOR.PATCH"
    for plugin in PLUGINS:
        manifest = root / plugin / ".claude-plugin/plugin.json"
        its = json.loads(manifest.read_text("utf-8")).get("version")
        if its != version:
            yield f"{manifest.relative_to(root)} says {its!r}: set it to {version!r}"


def check_changelog(root: Path) -> Iterator[str]:
    """The version has a dated part of its own, newest first, with known kinds of changes and something in it."""
    text, version = (root / "CHANGELOG.md").read_text("utf-8"), version_of(root)
    found = {heading["version"]: heading["day"] for heading in HEADING.finditer(text)}
    numbered = [name for name in found if name != "Unreleased"]
    if version not in found:
        yield f"CHANGELOG.md has no part '## [{version}] - YYYY-MM-DD': give [Unreleased] the version and the day"
        return
    if found[version] is None:
        yield f"CHANGELOG.md: [{version}] has no day"
    if numbered[0] != version:
        yield f"CHANGELOG.md: [{version}] is not the newest part"
    notes = notes_of(text, version)
    if not re.search("^- ", notes, re.MULTILINE):
        yield f"CHANGELOG.md: [{version}] lists no change"
    if f"\n[{version}]: https://" not in text:
        yield f"CHANGELOG.md: [{version}] leads nowhere: end the file with [{version}]: https://..."
    if unknown := set(re.findall("^### (.*)$", notes, re.MULTILINE)) - KINDS:
        yield f"CHANGELOG.md: [{version}] has parts that Keep a Changelog does not know: {', '.join(sorted(unknown))}"
    if notes_of(text, "Unreleased"):
        yield f"CHANGELOG.md: [Unreleased] holds changes that would not be in [{version}]"


def check_licences(root: Path) -> Iterator[str]:
    """Each plugin's licence is ours: it is published without the rest."""
    for plugin in PLUGINS:
        if (root / "LICENSE").read_bytes() != (root / plugin / "LICENSE").read_bytes():
            yield f"{plugin}/LICENSE differs from LICENSE: copy it"


def check_pictures(root: Path) -> Iterator[str]:
    """The logo is there in every form that is shipped, and each plugin's icon is the logo."""
    for name in ("logo.svg", "logo.ico", "logo.icns", "logo-512.png"):
        if not (root / "assets" / name).is_file():
            yield f"assets/{name} is missing: run packaging/make_assets.py"
    logo = root / "assets/logo-512.png"
    for icon in (root / plugin / ".claude-plugin/icon.png" for plugin in PLUGINS):
        if logo.is_file() and (not icon.is_file() or icon.read_bytes() != logo.read_bytes()):
            yield f"{icon.relative_to(root)} is not assets/logo-512.png: copy it"


def check_readme(root: Path) -> Iterator[str]:
    """Nothing in the README waits to be written, and every picture in it is there."""
    text = (root / "README.md").read_text("utf-8")
    for word in ("TODO", "FIXME", "XXX"):
        if word in text:
            yield f"README.md: {word}"
    for picture in re.findall(r"!\[[^\]]*\]\((?!https?:)([^)]+)\)", text):
        if not (root / picture).is_file():
            yield f"README.md shows {picture}, which is missing"


def check_owner(root: Path) -> Iterator[str]:
    """What only the owner of the project knows is filled in: where it lies, and so what stores call it."""
    name = identity.repository(root)
    if name is None:
        yield 'pyproject.toml: [project.urls] names no Repository: add Repository = "https://github.com/OWNER/NAME"'
    for path in ("README.md", *(f"{plugin}/README.md" for plugin in PLUGINS)):
        if (root / path).is_file() and "OWNER/" in (root / path).read_text("utf-8"):
            yield f"{path}: OWNER/ stands for {name or 'the repository'}: fill it in"


def check_tree(root: Path) -> Iterator[str]:
    """What is released is what is committed."""
    left = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True).stdout
    if left:
        yield f"not committed: {', '.join(line[3:] for line in left.splitlines())}"


CHECKS: tuple[Callable[[Path], Iterator[str]], ...] = (
    check_version,
    check_changelog,
    check_licences,
    check_pictures,
    check_readme,
    check_owner,
    check_tree,
)


def problems(root: Path, tag: str | None = None) -> list[str]:
    """The reasons not to release; with `tag` also a tag that is not this version's."""
    found = [problem for check in CHECKS for problem in check(root)]
    if tag is not None and tag != f"v{version_of(root)}":
        found.append(f"the tag is {tag!r}, the version {version_of(root)!r}: they must be the same, with a v before it")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, or print the notes; return the exit code."""
    parser = argparse.ArgumentParser(description="Check that this version can be released, or print its notes.")
    parser.add_argument("what", choices=["check", "notes"])
    parser.add_argument("--tag", action="store_true", help="also check the tag in GITHUB_REF_NAME")
    chosen = parser.parse_args(arguments)
    if chosen.what == "notes":
        print(notes_of((ROOT / "CHANGELOG.md").read_text("utf-8"), version_of(ROOT)))
        return 0
    found = problems(ROOT, os.environ.get("GITHUB_REF_NAME", "") if chosen.tag else None)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"{version_of(ROOT)} can be released: git tag v{version_of(ROOT)} && git push origin v{version_of(ROOT)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
