"""What stores call the program: names that hold to their rules, all made from one repository."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

import build_deb
import identity

DAY = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("urls", "name"),
    [
        ('Repository = "https://github.com/some-body/countdown"', "some-body/countdown"),
        ('Repository = "https://github.com/some-body/countdown.git"', "some-body/countdown"),
        ('Repository = "https://github.com/some-body/countdown/"', "some-body/countdown"),
        ('Repository = "https://github.com/some-body"', None),
        ('Repository = "https://example.org/some-body/countdown"', None),
        ('Homepage = "https://github.com/some-body/countdown"', None),
        ("", None),
    ],
)
def test_the_repository_is_named_in_one_place(urls: str, name: str | None, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'x'\n[project.urls]\n{urls}\n")
    assert identity.repository(tmp_path) == name


@pytest.mark.parametrize(
    ("repository", "application", "bundle"),
    [
        ("Some-Body/x", "io.github.some_body.claude_session_status", "io.github.some-body.claude-session-status"),
        ("0x1/x", "io.github._0x1.claude_session_status", "io.github.0x1.claude-session-status"),
        (None, "io.github.claude_session_status", "io.github.claude-session-status"),
    ],
)
def test_the_names_hold_to_the_rules(repository: str | None, application: str, bundle: str) -> None:
    assert identity.application_id(repository) == application
    assert re.fullmatch(r"[a-z]+(\.[a-z_][a-z0-9_]*){2,}", application)
    assert identity.bundle_id(repository) == bundle
    assert re.fullmatch(r"[A-Za-z0-9.-]+", bundle)


@pytest.mark.parametrize("repository", ["some-body/x", "0x1/x", None])
def test_software_centres_take_the_id(repository: str | None, tmp_path: Path) -> None:
    if shutil.which("appstreamcli") is None:
        pytest.skip("appstreamcli is not installed; install it with: sudo apt-get install -y appstream")
    name = identity.application_id(repository)
    path = tmp_path / f"{name}.metainfo.xml"
    path.write_text(build_deb.metainfo(name, DAY))
    done = subprocess.run(["appstreamcli", "validate", "--no-net", "--pedantic", path], capture_output=True, text=True)
    assert (done.returncode, "successful" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(
    ("environment", "who"),
    [
        ({"DEBFULLNAME": "A. Body", "DEBEMAIL": "a@example.org"}, r"A\. Body <a@example\.org>"),
        ({"DEBEMAIL": "a@example.org"}, r"The claude-session-status authors <a@example\.org>"),
        ({}, r".+ <[^@<> ]+@[^@<> ]+>"),  # who made the last change, or this machine's user
    ],
)
def test_the_package_names_its_maintainer(
    environment: dict[str, str], who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEBFULLNAME", "DEBEMAIL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert re.fullmatch(who, build_deb.maintainer())
