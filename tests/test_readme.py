"""What the README says is true: its commands work as printed on a bare machine, and it names what there is."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from claude_session_status import config
from claude_session_status.cli.main import group

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text("utf-8")
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def block(first_line: str) -> str:
    """The commands under a comment in the README."""
    return next(text for text in BLOCKS if text.startswith(first_line))


@pytest.mark.parametrize("name", sorted(group.commands))
def test_each_command_is_named(name: str) -> None:
    assert f"`{name}" in README


def test_the_example_config_holds_every_key_and_the_defaults() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert config.parse(example) == config.Loaded()
    assert re.findall(r"^(\w+) =", example, re.MULTILINE) == [f.name for f in fields(config.Config)]


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    assert [p for p in pictures if not (TOP / p).is_file()] == []


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a stranger has after cloning: the files that git knows, and nothing that was made of them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (TOP / name).is_file():
            target = tmp_path / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, target)
    return tmp_path / "clone"


def bare_environment(tmp_path: Path) -> dict[str, str]:
    """Nothing on PATH but Python: no compiler, no git, no panel. A home that nobody has used."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    (tools / "rm").symlink_to(str(shutil.which("rm")))
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": str(home), "PATH": str(tools), "LANG": "C.UTF-8"}


@pytest.mark.skipif(not (TOP / ".git").exists(), reason="needs a clone: git clone the repository")
def test_on_a_bare_machine_its_commands_work_as_printed_and_leave_nothing(clone: Path, tmp_path: Path) -> None:
    environment = bare_environment(tmp_path)

    def run(command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    tray = run(block("# install, and run the tray"))
    assert "claude-session-status: no tray: There is no graphical display here" in tray.stderr, tray.stderr
    tests = run(block("# install, and pass the tests").rstrip() + " -q tests/test_policy.py")
    assert tests.returncode == 0, tests.stdout + tests.stderr

    home = Path(environment["HOME"])
    installed = run(block("# report sessions"))
    assert installed.returncode == 0, installed.stderr
    program = clone / ".venv" / "bin" / "claude-session-status"
    marked = subprocess.run([program, "mark-turn"], input=b'{"session_id": "s"}', env=environment, capture_output=True)
    assert (marked.returncode, marked.stderr) == (0, b"")
    assert (home / ".claude" / "claude-session-status" / "status.duckdb").exists()
    removed = run(block("# leave nothing"))
    assert removed.returncode == 0, removed.stderr
    left = [str(p.relative_to(home)) for p in home.rglob("*") if ".cache" not in p.parts]
    assert left in ([], [".claude"])
    assert not os.path.exists(program)
