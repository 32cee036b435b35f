"""The check at the end of a test run that none of its processes is left."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import survivors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc: start these tests under Linux")


@contextmanager
def sleeping(environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a run, which is killed at the end."""
    with subprocess.Popen(["sleep", "600"], env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_process_of_the_run_is_named_until_it_has_ended() -> None:
    run = f"a run of {os.getpid()}"  # other workers run these tests at the same time
    with sleeping(os.environ | {survivors.VARIABLE: run}) as process:
        assert survivors.of_run(run, 0) == [f"{process.pid}: sleep 600 "]
        process.kill()
        assert survivors.of_run(run, 10) == []


def test_a_process_with_an_environment_of_its_own_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs on a test's desktop inherit nothing else from the run."""
    run = f"a run of {os.getpid()}"
    monkeypatch.setenv(survivors.VARIABLE, run)
    with sleeping(survivors.variable_of_run()) as process:
        assert survivors.of_run(run, 0) == [f"{process.pid}: sleep 600 "]
