"""For all tests: a `~/.claude` of their own, and no access to the user's. No process may outlive the run."""

import os
import signal
import sys
import uuid
from pathlib import Path

import pytest
from hypothesis import settings

import survivors
from claude_session_status.paths import Paths

# A run in the background, or under nohup, starts with these ignored, and its children would ignore them as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Tests start the program thousands of times: without its compiled files each start would compile it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No test may fail because the machine is busy.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fuzz` makes the fuzzers and the kill test in tests/safety large; `--fuzz-seed` gives them other inputs."""
    many = "how many random inputs each fuzzer tries; `full`: its own full size. Without it: a second's worth"
    parser.addoption("--fuzz", metavar="N|full", help=many)
    parser.addoption("--fuzz-seed", type=int, default=11, metavar="SEED", help="which random inputs are tried (11)")


MOST_WORKERS = 8  # each collects all tests, which takes seconds


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers `-n auto` starts: none for single files, whose tests end before workers have started."""
    if all(os.path.isfile(argument.partition("::")[0]) for argument in config.args):
        return 0
    return min(os.cpu_count() or 1, MOST_WORKERS)


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


SKIPPED = 9  # an exit code that no other failure has
SURVIVED = 10
SURVIVE_SECONDS = 5.0  # a process needs a moment to end


def pytest_configure(config: pytest.Config) -> None:
    """Give the processes of this run a mark of its own, but for pytest-xdist's workers, which inherit it."""
    if not hasattr(config, "workerinput"):
        os.environ[survivors.VARIABLE] = uuid.uuid4().hex


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a process that it started survives it, or, with FAIL_ON_SKIP as in CI, if a test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FAIL_ON_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = SKIPPED
    if hasattr(session.config, "workerinput"):
        return
    if found := survivors.of_run(os.environ[survivors.VARIABLE], SURVIVE_SECONDS):
        session.exitstatus = SURVIVED
        if reporter is not None:
            reporter.write_line("\n".join(["", "Processes of this run are still alive:", *found]), red=True)
