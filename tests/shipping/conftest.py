"""The Debian package as CI built it, installed on a machine that nobody misses."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipping.machine import Machine, why_not

BUILD = "python -m build --wheel . && python packaging/build_deb.py dist/*.whl dist/"


@pytest.fixture(scope="session")
def package() -> Path:
    """The package's file: building it fetches libraries, which no test does."""
    built = os.environ.get("DEBIAN_PACKAGE")
    if not built:
        pytest.skip(f"DEBIAN_PACKAGE names no package; build one: {BUILD}, and set it to the file's path")
    return Path(built)


@pytest.fixture(scope="session")
def machine(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the package installed."""
    if reason := why_not():
        pytest.skip(reason)
    with Machine(tmp_path_factory.mktemp("machine") / "ram") as machine:
        machine.run("dpkg", "--install", str(package))
        yield machine
