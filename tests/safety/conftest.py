"""The size of the fuzzers, and the desktop's fixtures for the tests here that need a real panel."""

import pytest

from desktop.conftest import desktop, desktop_programs, panel
from safety.fuzzing import Fuzz

__all__ = ["desktop", "desktop_programs", "panel"]


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzz:
    """How many random inputs to try, and which."""
    return Fuzz(request.config.getoption("--fuzz"), request.config.getoption("--fuzz-seed"))
