"""The real client for the tests: skipped with the reason, and the command that installs it, where it is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.harness import VERSIONS, Home, find_client, why_not
from client.standin import StandIn


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the comparisons with every version of the client, all else with the newest."""
    if "client_version" in metafunc.fixturenames:
        every = getattr(metafunc.module, "EVERY_CLIENT_VERSION", False)
        metafunc.parametrize("client_version", VERSIONS if every else VERSIONS[:1])


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
def bare_home(tmp_path: Path, api: StandIn, client_program: Path) -> Home:
    """A home whose settings hold the recorders and nothing of ours."""
    return Home(tmp_path, api.url, client_program).prepare()


@pytest.fixture
def home(bare_home: Home) -> Home:
    """A home in which our hooks are installed as a user installs them."""
    bare_home.install_hooks()
    return bare_home
