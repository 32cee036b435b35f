"""The release checklist finds each thing that is not as it should be, and nothing where all is well."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import release

ROOT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-11-24

### Added

- Something.

## [1.2.2] - 2026-11-01

### Fixed

- Something else.

[Unreleased]: https://example.org
[1.2.3]: https://example.org/1.2.3
[1.2.2]: https://example.org/1.2.2
"""


PLUGINS = ("claude-plugin", "claude-plugin-keep-warm")
IN_A_PLUGIN = {
    ".claude-plugin/plugin.json": '{"name": "x", "version": "1.2.3"}',
    ".claude-plugin/icon.png": "picture",
    "LICENSE": "MIT",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository that can be released."""
    files = {
        "src/claude_session_status/__init__.py": '"""Doc."""\n\n__version__ = "1.2.3"\n',
        **{f"packaging/{plugin}/{name}": content for plugin in PLUGINS for name, content in IN_A_PLUGIN.items()},
        "LICENSE": "MIT",
        "pyproject.toml": '[project]\n[project.urls]\nRepository = "https://github.com/somebody/countdown"\n',
        "packaging/claude-plugin/README.md": "/plugin marketplace add somebody/countdown\n",
        "CHANGELOG.md": CHANGELOG,
        "README.md": "# Title\n\n![Here](assets/logo-512.png) ![elsewhere](https://example.org/x.png)\n",
        **{f"assets/{name}": "picture" for name in ("logo.svg", "logo.ico", "logo.icns", "logo-512.png")},
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(tree: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=tree, check=True, capture_output=True)


def commit(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "All")


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Change a file."""

    def do(tree: Path) -> None:
        path = tree / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return do


def remove(name: str) -> Callable[[Path], None]:
    """Delete a file."""
    return lambda tree: (tree / name).unlink()


def test_a_release_that_is_ready_has_no_shortcoming(tree: Path) -> None:
    assert release.problems(tree, "v1.2.3") == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (edit("packaging/claude-plugin/.claude-plugin/plugin.json", "1.2.3", "1.2.2"), "plugin.json says '1.2.2'"),
        (
            edit("packaging/claude-plugin-keep-warm/.claude-plugin/plugin.json", "1.2.3", "1.2.2"),
            "keep-warm/.claude-plugin/plugin.json says '1.2.2'",
        ),
        (
            edit("packaging/claude-plugin-keep-warm/LICENSE", "MIT", "other"),
            "packaging/claude-plugin-keep-warm/LICENSE differs",
        ),
        (edit("CHANGELOG.md", "## [1.2.3] - 2026-11-24\n", ""), "has no part '## [1.2.3]"),
        (edit("CHANGELOG.md", " - 2026-11-24", ""), "has no day"),
        (edit("CHANGELOG.md", "[1.2.3] - 2026", "[1.2.3] - 26"), "has no part '## [1.2.3]"),
        (edit("CHANGELOG.md", "## [1.2.3]", "## [1.3.0] - 2026-11-25\n\n- X\n\n## [1.2.3]"), "is not the newest part"),
        (edit("CHANGELOG.md", "- Something.", ""), "lists no change"),
        (edit("CHANGELOG.md", "[1.2.3]: https://example.org/1.2.3\n", ""), "[1.2.3] leads nowhere"),
        (edit("CHANGELOG.md", "### Added", "### Improved"), "does not know: Improved"),
        (edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- Later\n"), "[Unreleased] holds changes"),
        (edit("packaging/claude-plugin/LICENSE", "MIT", "MIT, 2026"), "claude-plugin/LICENSE differs"),
        (remove("assets/logo.icns"), "assets/logo.icns is missing"),
        (
            edit("packaging/claude-plugin-keep-warm/.claude-plugin/icon.png", "picture", "new picture"),
            "icon.png is not assets/logo-512.png",
        ),
        (remove("packaging/claude-plugin/.claude-plugin/icon.png"), "icon.png is not assets/logo-512.png"),
        (edit("README.md", "# Title", "# Title\n\nTODO: more"), "README.md: TODO"),
        (edit("README.md", "logo-512.png", "gone.png"), "README.md shows assets/gone.png"),
        (edit("pyproject.toml", "somebody/countdown", "somebody"), "names no Repository"),
        (edit("pyproject.toml", "[project.urls]\nRepository", "version"), "names no Repository"),
        (
            edit("packaging/claude-plugin/README.md", "somebody/countdown", "OWNER/NAME"),
            "claude-plugin/README.md: OWNER/ stands for somebody/countdown",
        ),
    ],
)
def test_each_shortcoming_is_named(spoil: Callable[[Path], None], said: str, tree: Path) -> None:
    spoil(tree)
    commit(tree)
    (problem,) = release.problems(tree)
    assert said in problem


def test_a_version_that_is_not_plain_is_named(tree: Path) -> None:
    edit("src/claude_session_status/__init__.py", "1.2.3", "1.2.4.dev0")(tree)
    assert next(iter(release.check_version(tree))) == "__version__ is '1.2.4.dev0': set it to MAJOR.MINOR.PATCH"


def test_what_is_not_committed_is_named(tree: Path) -> None:
    (tree / "new.py").write_text("")
    (problem,) = release.problems(tree)
    assert problem == "not committed: new.py"


@pytest.mark.parametrize("tag", ["", "1.2.3", "v1.2.4"])
def test_a_tag_of_another_version_is_named(tag: str, tree: Path) -> None:
    (problem,) = release.problems(tree, tag)
    assert repr(tag) in problem


def test_the_notes_are_one_part_of_the_changelog() -> None:
    assert release.notes_of(CHANGELOG, "1.2.3") == "### Added\n\n- Something."
    assert release.notes_of(CHANGELOG, "1.2.2") == "### Fixed\n\n- Something else."
    assert release.notes_of(CHANGELOG, "9.9.9") == ""


def test_this_repository_is_ready_but_for_unreleased_changes() -> None:
    assert list(release.check_version(ROOT)) == []
    # Between releases there are changes that are in none yet.
    assert [problem for problem in release.check_changelog(ROOT) if "[Unreleased]" not in problem] == []
    assert list(release.check_licences(ROOT)) == []
    assert list(release.check_readme(ROOT)) == []
    assert list(release.check_pictures(ROOT)) == []
