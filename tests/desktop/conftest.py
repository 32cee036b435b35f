"""A desktop for the tests that need one: skipped with the reason and the line that installs it where it is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.app import FakeApp
from desktop.harness import Desktop, Program, why_not


@pytest.fixture(scope="session")
def desktop_programs() -> None:
    """The programs of a desktop."""
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
def desktop(tmp_path: Path, desktop_programs: None) -> Iterator[Desktop]:
    """A screen, a bus and a window manager."""
    with Desktop(tmp_path) as desktop:
        yield desktop


@pytest.fixture
def panel(desktop: Desktop) -> Program:
    """XFCE's panel on the desktop."""
    return desktop.start_xfce_panel()


@pytest.fixture
def app(desktop: Desktop) -> Iterator[FakeApp]:
    """The tray with a made-up monitor, ready to be started. Whatever it went through, it must not have stumbled."""
    app = FakeApp(desktop)
    yield app
    app.program.end()
    assert "ResourceWarning" not in app.program.text
    if not app.may_stumble:
        assert "Traceback" not in app.program.text
