"""What all tests have: a folder of Claude Code's of their own, and no way to the user's."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from claude_session_status.paths import Paths

# Started in the background, or by nohup, we are to ignore these, and whatever we start would too.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# No test may fail because the machine is busy.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fuzz N`: how many random inputs each fuzzer tries, instead of its own small number."""
    parser.addoption("--fuzz", type=int, metavar="N", help="how many random inputs each fuzzer tries")


@pytest.fixture(autouse=True)
def claude_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `~/.claude` that nobody has used yet."""
    folder = tmp_path / "claude"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(folder))
    monkeypatch.delenv("CLAUDE_PID", raising=False)
    return folder


@pytest.fixture
def where(claude_dir: Path) -> Paths:
    """The product's places in it."""
    return Paths(str(claude_dir))


SKIPPED = 9  # an exit code of its own: no second try makes a skipped test run


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where FAIL_ON_SKIP is set, as it is in CI, a skipped test fails the run: there nothing may be missing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FAIL_ON_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = SKIPPED
