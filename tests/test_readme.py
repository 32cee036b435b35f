"""The README and the pages behind it are true: commands work as printed on a bare machine, and the rest exists."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

import readme_help
from claude_session_status import config, report
from claude_session_status.cli.autostart import APART, APART_ON_WINDOWS
from fakes import Transcript
from pages import PAGES, README, TOP, lines
from rows import make, shot

MOST_LINES = 250
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: no display, a POSIX shell")


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES, "move what few users need to one of the other pages"


def test_every_page_can_be_reached_from_the_readme() -> None:
    assert [name for name in PAGES if name != "README.md" and f"]({name}" not in README] == []


@pytest.mark.parametrize("name", PAGES)
def test_its_links_and_pictures_exist(name: str) -> None:
    links = re.findall(r"\]\((?!https:)([^)#\s]*)(?:#([^)\s]+))?\)", PAGES[name])
    missing = [path for path, _ in links if path and not (TOP / name).parent.joinpath(path).exists()]
    assert missing == []
    for path, anchor in links:
        target = (TOP / name).parent.joinpath(path).resolve() if path else TOP / name
        assert not anchor or anchor in anchors(target.read_text("utf-8")), f"{path}#{anchor}"


def anchors(page: str) -> set[str]:
    """Return what GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_its_figures_are_measured() -> None:
    (costs,) = re.findall(r"## What it costs\n(.*?)\[All figures", README, re.DOTALL)
    figures = re.findall(r"[\d.]+ (?:ms|s|%|MB)", costs)
    assert len(figures) >= 5
    measured = PAGES["tests/bench/README.md"]
    unknown = [
        figure for figure in figures if not re.search(rf"(?<![\d.]){re.escape(figure.partition(' ')[0])}\b", measured)
    ]
    assert unknown == []


def test_the_list_of_commands_is_what_help_prints() -> None:
    assert readme_help.filled(README) == README, "run: python packaging/readme_help.py"
    assert readme_help.main(["--check"]) == 0, "run: python packaging/readme_help.py"


def test_a_different_list_of_commands_is_noticed() -> None:
    assert readme_help.filled(README.replace("Show a live table", "Hide a live table", 1)) == README
    with pytest.raises(ValueError, match="no <!-- help -->"):
        readme_help.filled("# no markers")


def test_the_example_of_the_json_has_every_key() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGES[".github/STATUS-BARS.md"], re.DOTALL)
    example_json = json.loads(example)
    real = report.as_json(shot(make("my-app", 10)))
    assert list(example_json) == list(real)
    assert list(example_json["sessions"][0]) == list(real["sessions"][0])


def test_the_example_config_holds_every_key_and_the_defaults() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert config.parse(example) == config.Loaded()
    assert re.findall(r"^(\w+) =", example, re.MULTILINE) == [f.name for f in fields(config.Config)]


def test_the_command_for_a_tray_without_a_terminal_is_autostarts() -> None:
    assert f"`{APART}`" in PAGES["packaging/README.md"]
    assert f"`{APART_ON_WINDOWS}`" in PAGES["packaging/README.md"]


def test_the_layout_names_what_exists() -> None:
    (layout,) = re.findall(r"```text\n(Claude Code ──.*?)```", PAGES[".github/CONTRIBUTING.md"], re.DOTALL)
    package, *rest = re.findall(r"^( *)(\S+(?:\.py|/))(?: |$)", layout, re.MULTILINE)
    assert package == ("", "src/claude_session_status/")
    assert len(rest) > 10
    assert [name for indent, name in rest if not (TOP / (package[1] if indent else "") / name).exists()] == []


@pytest.mark.parametrize("command", lines("# lint, types, layers"))
def test_contributing_lists_the_same_checks_as_ci(command: str) -> None:
    assert command in (TOP / ".ci/run").read_text("utf-8").splitlines()


@pytest.mark.parametrize("command", lines("# tests by their kind"))
def test_each_kind_of_test_exists(command: str) -> None:
    """Its markers are known and used, and its files exist. CI sees that pytest runs them."""
    variables = [word.partition("=") for word in shlex.split(command) if re.match("[A-Z]+=", word)]
    program, module, pytest_itself, *options = shlex.split(command)[len(variables) :]
    assert (program, module, pytest_itself) == (".venv/bin/python", "-m", "pytest")
    packages = (TOP / "tests/desktop/desktops/packages.txt").read_text("utf-8")
    assert all(name == "DESKTOPS" and f"\n{value}: " in packages for name, _, value in variables)
    settings = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    known = {mark.partition(":")[0] for mark in settings["markers"]}
    if options[:1] == ["-m"]:
        named = set(re.findall(r"\w+", options.pop(1))) - {"not", "and"}
        options.pop(0)
        assert named <= known, "pytest would refuse it"
        assert len(named) == 1 or named == known, "the quick ones are those without a marker"
    assert [path for path in options if not (TOP / path).exists()] == []


@linux
@pytest.mark.parametrize("command", lines("# scripts"))
def test_each_script_exists(command: str) -> None:
    done = run_here(command)
    assert done.returncode == 0, done.stderr


def run_here(command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of a page with this Python."""
    argv = ["/bin/sh", "-c", command.replace(".venv/bin/python", sys.executable)]
    return subprocess.run(argv, cwd=TOP, capture_output=True, text=True, stdin=subprocess.DEVNULL)


# ---- nothing leaves the machine -----------------------------------------------


def without_network() -> list[str]:
    """Return the command prefix that runs a program without any network, even the loopback."""
    argv = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    done = subprocess.run([*argv, "true"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a network namespace can't be made, run as root: {done.stderr.strip()}")
    return argv


@linux
def test_installed_it_needs_no_network(tmp_path: Path, claude_dir: Path) -> None:
    now = time.time()
    transcript = Transcript(claude_dir / "projects/p/s.jsonl").user(now - 20).answer(now - 18, wrote_5m=142_000)
    note = {"session_id": "s", "cwd": "/x/my-app", "transcript_path": str(transcript.path)}
    environment = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(claude_dir), "PATH": os.environ["PATH"]}

    def run(*arguments: str, code: int = 0) -> str:
        argv = [*without_network(), sys.executable, "-m", "claude_session_status", *arguments]
        done = subprocess.run(argv, env=environment, input=json.dumps(note), capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout

    assert run("mark-turn") == ""
    (session,) = json.loads(run("status", "--json"))["sessions"]
    assert (session["project"], session["cache"], session["rewrite_cost_usd"] > 0) == ("my-app", "warm", True)
    assert "my-app" in run("watch", "--once")
    run("install-hooks")
    assert "inbox" in run("doctor")
    run("uninstall-hooks")
