"""The real client for the tests: skipped with the reason, and the line that installs it, where it is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.harness import Home, find_client, why_not
from client.standin import StandIn


@pytest.fixture(scope="session")
def client_program() -> Path:
    """Claude Code's program."""
    program = find_client()
    if (reason := why_not()) or program is None:
        pytest.skip(reason or "no client")
    return program


@pytest.fixture
def api() -> Iterator[StandIn]:
    """The stand-in of the Messages API, running."""
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
