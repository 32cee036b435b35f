"""A Windows for the tests that need one: skipped with the reason and the commands that install it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from windows.prepare import ROOT, stamp
from windows.user import User
from windows.wine import CACHE, FROM_WHEEL, INSIDE, PREPARE, PREPARED, Wine, copy_of, missing

PACKAGE = "Lib/site-packages/claude_session_status"


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A prefix for this run alone, with the product of this working tree."""
    if reason := missing():
        pytest.skip(reason)
    if not PREPARED.exists() or PREPARED.read_text() != stamp():
        pytest.skip(f"no Windows Python, or one of an earlier time; run: {PREPARE}")
    folder = CACHE / f"session-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    prefix = folder / "prefix"
    copy_of(CACHE / "prefix", prefix)
    installed = prefix / INSIDE / PACKAGE
    from_wheel = prefix / FROM_WHEEL
    from_wheel.mkdir()
    installed.rename(from_wheel / installed.name)  # as pip installed it; a PYTHONPATH of that folder brings it back
    shutil.copytree(ROOT / "src/claude_session_status", installed, ignore=shutil.ignore_patterns("__pycache__"))
    yield prefix
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def wine(prepared: Path) -> Iterator[Wine]:
    """A Windows without a screen, for everything that runs in a terminal."""
    prefix = prepared.with_name("console")
    copy_of(prepared, prefix)
    with Wine(prefix) as wine:
        wine.must(wine.python, "-m", "compileall", "-q", wine.windows_path(prefix / INSIDE / PACKAGE))
        yield wine


@pytest.fixture
def user(wine: Wine, tmp_path: Path) -> User:
    """A user whose name and folders hold spaces and accents."""
    return User(wine, f"Zoë Müller {tmp_path.name}")
