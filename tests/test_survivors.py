"""The check at the end of a test run that none of its processes is left."""

import os
import subprocess
import sys

import pytest

import survivors


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc: start these tests under Linux")
def test_a_process_of_the_run_is_named_until_it_has_ended() -> None:
    environ = os.environ | {survivors.VARIABLE: "this test"}
    with subprocess.Popen(["sleep", "600"], env=environ) as process:
        assert survivors.of_run("this test", 0) == [f"{process.pid}: sleep 600 "]
        process.kill()
        assert survivors.of_run("this test", 10) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc: start these tests under Linux")
def test_a_process_with_an_environment_of_its_own_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs on a test's desktop inherit nothing else from the run."""
    monkeypatch.setenv(survivors.VARIABLE, "this test")
    with subprocess.Popen(["sleep", "600"], env={**survivors.variable_of_run()}) as process:
        assert survivors.of_run("this test", 0) == [f"{process.pid}: sleep 600 "]
        process.kill()
