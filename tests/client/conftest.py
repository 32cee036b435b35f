"""The real client for the tests: skipped with the reason, and the command that installs it, where it is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.client_clock import COMPILER, ClientClock, build
from client.harness import VERSIONS, Home, find_client, why_not
from client.keep_warm import KeepWarm
from client.prefix_cache import PrefixCache
from client.standin import StandIn
from desktop.desktops.xfce import xfce_with_panel
from desktop.harness import Desktop


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module's tests with the versions of the client that its CLIENT_VERSIONS names, else with the newest."""
    if "client_version" in metafunc.fixturenames:
        metafunc.parametrize("client_version", getattr(metafunc.module, "CLIENT_VERSIONS", VERSIONS[:1]))


@pytest.fixture
def client_program(client_version: str) -> Path:
    """Claude Code's program."""
    program = find_client(client_version)
    if (reason := why_not(client_version)) or program is None:
        pytest.skip(reason or "no client")
    return program


@pytest.fixture
def api() -> Iterator[StandIn]:
    """The stand-in for the Messages API, running."""
    with StandIn() as standin:
        yield standin


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    """A screen with a panel on it."""
    (tmp_path / "desktop").mkdir()
    with xfce_with_panel(tmp_path / "desktop") as desktop:
        yield desktop


@pytest.fixture
def bare_home(tmp_path: Path, api: StandIn, client_program: Path) -> Home:
    """A home whose settings hold the recorders and nothing of ours."""
    return Home(tmp_path, api.url, client_program).prepare()


@pytest.fixture
def home(bare_home: Home) -> Home:
    """A home in which our hooks are installed as a user installs them."""
    bare_home.install_hooks()
    return bare_home


@pytest.fixture(scope="session")
def clock_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that moves the client's clock."""
    if COMPILER is None:
        pytest.skip("no C compiler is installed; install one with: sudo apt-get install -y gcc libc6-dev")
    return build(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def keep(tmp_path: Path, client_program: Path, clock_library: Path) -> Iterator[KeepWarm]:
    """The client's home with our folder in it, the stand-in with a prefix cache, and the clock of both."""
    clock, cache = ClientClock(clock_library, tmp_path / "clock"), PrefixCache()
    with StandIn(prefix_cache=cache, now=clock.now) as api:
        made = KeepWarm(Home(tmp_path, api.url, client_program).prepare(), api, cache, clock)
        made.folder.mkdir(mode=0o700)
        yield made
