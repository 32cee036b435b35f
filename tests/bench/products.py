"""The programs to measure, each installed as its users have it: from a package, into its own environment.

Ours is built from this checkout each time, and never installed as editable: that adds an import hook to every start.
Both environments get a current pip first, since older ones write console scripts that import `re`, which costs a hook
several milliseconds. They are kept in the user's cache folder; delete it to start anew.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAME = "claude-session-status"
ORIGINAL = f"{NAME}==0.2.11"
ROOT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS = 600.0


class NotAvailableError(Exception):
    """A program can't be installed here; the message says why and what helps."""


@dataclass(frozen=True)
class Product:
    """An installed program and the interpreter it runs on."""

    python: str
    command: str

    @property
    def installed(self) -> tuple[str, ...]:
        """The start of the command lines that our own `setup` installs: not the console script."""
        return (self.python, "-E", "-P", "-s", "-m", "claude_session_status")

    def version(self) -> str:
        """The version that the package manager knows."""
        code = f"import importlib.metadata as m; print(m.version({NAME!r}))"
        return subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def at(python: str) -> Product:
    """The product whose console script lies beside this interpreter. Raises NotAvailableError."""
    absolute = os.path.abspath(python)  # not resolved: a venv's interpreter is a link, and the link is what counts
    command = shutil.which(NAME, path=os.path.dirname(absolute))
    if command is None:
        raise NotAvailableError(f"no {NAME} beside {python}; install it there with pip")
    return Product(absolute, command)


def ours() -> Product:
    """This checkout, built as a wheel and installed. Raises NotAvailableError."""
    folder = cache() / f"ours-{sys.implementation.cache_tag}"
    python = _environment(folder)
    with tempfile.TemporaryDirectory() as built:
        _pip(python, "wheel", "--quiet", "--no-deps", "--wheel-dir", built, str(ROOT))
        wheel = str(next(Path(built).glob("*.whl")))
        _pip(python, "install", "--quiet", wheel)  # with what it needs
        _pip(
            python, "install", "--quiet", "--force-reinstall", "--no-deps", wheel
        )  # also where the version is the same
    return at(python)


def original() -> Product:
    """The last version of the package that this one succeeds. Raises NotAvailableError.

    BENCH_ORIGINAL may name an environment in which it is installed already.
    """
    if ready := os.environ.get("BENCH_ORIGINAL"):
        return at(_python_in(Path(ready)))
    return at(_environment(cache() / f"original-{sys.implementation.cache_tag}", ORIGINAL))


def cache() -> Path:
    """The folder in which installed programs are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/.cache")
    return Path(home) / f"{NAME}-bench"


def _python_in(folder: Path) -> str:
    return str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


def _environment(folder: Path, *requirements: str) -> str:
    """Make an environment in `folder` with a current pip and the requirements; return its interpreter."""
    python = _python_in(folder)
    if not (folder / "ready").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _pip(python, "install", "--quiet", "--upgrade", "pip")
        if requirements:
            _pip(python, "install", "--quiet", *requirements)
        (folder / "ready").touch()
    return python


def _pip(python: str, *arguments: str) -> None:
    run([python, "-m", "pip", "--disable-pip-version-check", "--retries", "2", *arguments])


def run(argv: Sequence[str]) -> None:
    """Run an installer. Raises NotAvailableError."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NotAvailableError(f"{' '.join(argv)} took more than {INSTALL_SECONDS:.0f} s") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise NotAvailableError(f"{' '.join(argv)} failed, check that pip reaches its index: {last}")
