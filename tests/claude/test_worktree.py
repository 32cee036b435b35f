"""A git worktree is named after its repository, as git itself lays it out."""

import subprocess
from pathlib import Path

import pytest

from claude_session_status import reducer, words
from claude_session_status.claude import hook
from claude_session_status.claude.payload import worktree_project
from claude_session_status.model import Event, EventKind, Session
from fakes import NOW


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_worktree_of_git_shows_its_repository(tmp_path: Path) -> None:
    shop, other = tmp_path / "web-shop", tmp_path / "fix-login"
    shop.mkdir()
    git(shop, "init")
    git(shop, "commit", "--allow-empty", "-m", "x")
    git(shop, "worktree", "add", str(other))
    git(tmp_path, "clone", "--bare", str(shop), "bare.git")
    git(tmp_path / "bare.git", "worktree", "add", str(tmp_path / "two"), "-b", "two")
    assert worktree_project(str(other)) == "web-shop/fix-login"
    assert worktree_project(str(tmp_path / "two")) == "bare/two"
    assert worktree_project(str(shop)) is None
    note = hook.note_of({"session_id": "s", "cwd": str(other)}, "mark-start", NOW, {})
    assert note is not None
    assert note["project"] == "web-shop/fix-login"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gitdir: /a/.bare/worktrees/fix\n", "a/fix-login"),
        ("gitdir: C:\\a\\web-shop\\.git\\worktrees\\fix", "web-shop/fix-login"),
        ("gitdir: ../.git/modules/fix\n", None),
        ("gitdir: worktrees/x", None),
        ("something else", None),
        ("", None),
    ],
)
def test_only_a_pointer_to_a_worktree_counts(tmp_path: Path, text: str, expected: str | None) -> None:
    folder = tmp_path / "fix-login"
    folder.mkdir()
    (folder / ".git").write_text(text)
    assert worktree_project(str(folder)) == expected


@pytest.mark.parametrize("folder", [None, "", "/no/such/folder", "/a\0b", "C:\\x"])
def test_a_folder_that_is_not_here_has_no_name_of_its_own(folder: str | None) -> None:
    assert worktree_project(folder) is None


def test_a_worktree_of_the_client_is_known_by_its_path() -> None:
    folder = "/home/me/web-shop/.claude/worktrees/fix-login"
    found = Event(EventKind.FOUND, "s", NOW, cwd=folder, project_folder=folder)
    assert words.name_of(reducer.apply(Session("s"), found)) == "web-shop/fix-login"
