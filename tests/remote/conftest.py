"""This machine, and others that it reaches by ssh."""

from collections.abc import Iterator

import pytest

from claude_session_status.paths import Paths
from remote.machines import Here, this_machine


@pytest.fixture
def here(where: Paths) -> Iterator[Here]:
    with this_machine(where) as found:
        yield found
