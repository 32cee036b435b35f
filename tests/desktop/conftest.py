"""A desktop for the tests that need one: skipped with the reason and the command that installs it."""

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from desktop.app import FakeApp
from desktop.desktops.xfce import Xfce
from desktop.harness import Desktop, Program, why_not
from desktop.screen import read


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests of a shared desktop in one worker, so that it starts once."""
    for item in items:
        if kind := getattr(item, "callspec", None) and item.callspec.params.get("seat"):  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.xdist_group(kind.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the text on the screen to a failure."""
    report = yield
    for name, desktop in getattr(item, "funcargs", {}).items():
        if report.failed and report.when == "call" and isinstance(desktop, Desktop):
            picture = desktop.root / f"{re.sub(r'[^A-Za-z0-9]+', '-', item.name).strip('-')}.png"
            words = " ".join(word.text for word in read(desktop.screenshot(picture), desktop.screen.box))
            report.sections.append((f"the screen of {name}: {picture}", words))
    return report


@pytest.fixture(scope="session")
def desktop_programs() -> None:
    """The programs of XFCE's desktop."""
    if reason := why_not(Xfce):
        pytest.skip(reason)


@pytest.fixture
def desktop(tmp_path: Path, desktop_programs: None) -> Iterator[Desktop]:
    """A screen, a bus and a window manager of XFCE's."""
    with Xfce(tmp_path) as desktop:
        yield desktop


@pytest.fixture
def panel(desktop: Desktop) -> Program:
    """XFCE's panel on the desktop."""
    return desktop.start_panel()


@pytest.fixture
def app(desktop: Desktop) -> Iterator[FakeApp]:
    """The tray with a made-up monitor, ready to start. Its log must hold no traceback at the end."""
    with FakeApp(desktop) as app:
        yield app
