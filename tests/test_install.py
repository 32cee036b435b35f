"""The commands that the README prints for installing, setting up and removing work as printed on a bare machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from claude_session_status.paths import Paths
from ingester import wait_until_applied
from pages import TOP, block, lines

pytestmark = pytest.mark.install
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: no display, a POSIX shell")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone: the files in git, and nothing made from them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (TOP / name).is_file():
            target = tmp_path / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, target)
    return tmp_path / "clone"


def bare_environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with only Python on PATH, without compiler, git or panel, and with a new home."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    (tools / "rm").symlink_to(str(shutil.which("rm")))
    home = tmp_path / "home"
    home.mkdir()
    # uv uses its own certificates; this makes it use the machine's, as pip does.
    return {"HOME": str(home), "PATH": str(tools), "LANG": "C.UTF-8", "UV_SYSTEM_CERTS": "1"}


@pytest.fixture
def bare(clone: Path, tmp_path: Path) -> "Bare":
    """A bare machine, with the clone as working folder."""
    return Bare(clone, bare_environment(tmp_path))


class Bare:
    """Runs the README's commands as its reader would."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.home = Path(environment["HOME"])

    def find_also(self, *folders: Path) -> None:
        """Put folders before the others on PATH."""
        self.environment["PATH"] = os.pathsep.join([*map(str, folders), self.environment["PATH"]])

    def run(self, command: str, stdin: str = "", code: int = 0) -> "subprocess.CompletedProcess[str]":
        argv = ["/bin/sh", "-c", command]
        done = subprocess.run(argv, cwd=self.folder, env=self.environment, capture_output=True, text=True, input=stdin)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def left(self) -> list[str]:
        """Return the files in the home, except for the installers' own."""
        theirs = {".cache", "uv", "pipx"}
        found = (p.relative_to(self.home) for p in self.home.rglob("*") if not p.is_dir())
        return [str(path) for path in found if not theirs & set(path.parts)]


needs_clone = pytest.mark.skipif(not (TOP / ".git").exists(), reason="needs a clone: git clone the repository")


@linux
@needs_clone
def test_on_a_bare_machine_its_commands_work_as_printed_and_leave_nothing(bare: Bare) -> None:
    install, set_up = lines("# install, and set up")
    assert lines("# install, and run the tray")[0].startswith(f"{install} && ")
    tray = bare.run(block("# install, and run the tray"), code=1)
    assert "claude-session-status: no tray: No graphical display found" in tray.stderr, tray.stderr
    bare.run(block("# install, and pass the tests").rstrip() + " -q tests/test_policy.py")

    bare.find_also(bare.folder / ".venv/bin")
    done = bare.run(f"{set_up} --yes")
    assert "Done, without a tray: No graphical display found" in done.stdout
    bare.run("claude-session-status mark-turn", stdin='{"session_id": "s"}')
    wait_until_applied(Paths(str(bare.home / ".claude")))
    assert (bare.home / ".claude/claude-session-status/status.duckdb").exists()
    bare.run(block("# leave nothing"))
    assert bare.left() == []
    assert not (bare.folder / ".venv").exists()


@linux
@needs_clone
@pytest.mark.parametrize("installer", ["uv", "pipx"])
def test_each_way_to_install_works_as_printed_and_leaves_nothing(installer: str, bare: Bare, tmp_path: Path) -> None:
    """As printed, except that the clone replaces the name, so that this version is tested."""
    install, remove = (
        next(line for line in lines(title) if line.startswith(installer))
        for title in ("# install\n", "# remove the program")
    )
    tools = tmp_path / "tools"
    bare.run(f"python3 -m venv {tools} && {tools}/bin/pip install --quiet {installer}")
    bare.find_also(tools / "bin", bare.home / ".local/bin")

    bare.run(install.replace("'claude-session-status>=1'", "."))
    bare.run("claude-session-status setup --yes")
    if installer == "pipx":
        assert (bare.home / ".local/share/man/man1/claude-session-status.1").exists()
    bare.run("claude-session-status mark-turn", stdin='{"session_id": "s", "cwd": "/x/my-app"}')
    assert "next 4:5" in bare.run("claude-session-status status --short").stdout
    bare.run(block("# uninstall"))
    bare.run(remove)
    assert bare.left() == []
    bare.run("claude-session-status --version", code=127)
