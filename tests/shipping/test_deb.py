"""The Debian package: installed, started, used, removed. Each test checks something that its user would see."""

import ast
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import identity
from claude_session_status import __version__
from claude_session_status.cli.main import group
from desktop.desktops.xfce import xfce_with_panel
from desktop.harness import Desktop
from desktop.programs import RecordingTerminal
from shipping.machine import Machine
from waiting import wait_for

pytestmark = [pytest.mark.package, pytest.mark.xdist_group("package")]

COMMAND = "claude-session-status"
LIBRARY = "/usr/lib/claude-session-status"
NOTE = '{"session_id": "s", "cwd": "/x/my-app"}'

Environment = dict[str, str]


@pytest.fixture
def user(tmp_path: Path) -> Environment:
    """The environment of somebody who has just installed it."""
    return {"HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


# ---- what it does -----------------------------------------------------------


def test_the_program_is_installed_and_runs(machine: Machine, user: Environment) -> None:
    assert machine.run(COMMAND, "--version", env=user).stdout.strip().endswith(__version__)
    assert "run: claude-session-status setup" in machine.run(COMMAND, "status", env=user).stdout


def test_a_hook_is_silent_and_its_row_is_there(machine: Machine, user: Environment) -> None:
    done = machine.run(COMMAND, "mark-turn", env=user, standard_input=NOTE)
    assert (done.stdout, done.stderr) == ("", "")
    (session,) = json.loads(machine.run(COMMAND, "status", "--json", env=user).stdout)["sessions"]
    assert (session["project"], session["cache"]) == ("my-app", "warm")


def test_hooks_name_the_path_that_outlives_an_upgrade(machine: Machine, user: Environment) -> None:
    settings = Path(user["HOME"], ".claude/settings.json")
    machine.run(COMMAND, "install-hooks", env=user)
    (stop,) = json.loads(settings.read_text())["hooks"]["Stop"]
    assert stop["hooks"][0]["command"] == f"/usr/bin/{COMMAND} mark-turn"
    machine.run(COMMAND, "uninstall-hooks", env=user)
    assert not settings.exists()


def test_nothing_of_the_user_or_the_folder_gets_into_a_hook(machine: Machine, user: Environment) -> None:
    """A project with a `json.py`, a PYTHONPATH, a broken start-up file: none of them is looked at."""
    trap = Path(user["HOME"], "trap")
    trap.mkdir()
    for name in ("os", "time", "duckdb", "sitecustomize", "claude_session_status"):
        (trap / f"{name}.py").write_text("raise SystemExit('imported from the trap')")
    trapped = {**user, "PYTHONPATH": str(trap), "PYTHONSTARTUP": str(trap / "os.py"), "PYTHONHOME": str(trap)}
    go = f'cd "{trap}" && exec {COMMAND} mark-turn'
    done = machine.run("sh", "-c", go, env=trapped, standard_input=NOTE)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_hook_imports_less_than_the_wheels(machine: Machine, user: Environment) -> None:
    """What takes a hook's time is what it imports, so this is what makes it as fast as the wheel's."""
    folder = Path(user["HOME"], ".claude/claude-session-status")
    folder.mkdir(parents=True)
    (folder / "monitor.alive").touch()
    head = (
        "import os, sys; sys.argv = ['claude-session-status', 'mark-turn']\n"
        "os._exit = lambda code: sys.exit(print(sorted(sys.modules)))\n"
    )
    tail = "from claude_session_status.__main__ import main; main()"
    ours = [*machine.inside("/usr/bin/python3", "-IS"), "-c", f"{head}sys.path.append('{LIBRARY}')\n{tail}"]
    wheels = [sys.executable, "-c", head + tail]
    output = [
        set(ast.literal_eval(subprocess.run(c, input=NOTE, env=user, capture_output=True, text=True).stdout))
        for c in (ours, wheels)
    ]
    assert "claude_session_status.claude.hook" in output[0]
    assert output[0] < output[1]
    assert "site" in output[1] - output[0]


def test_all_of_it_is_compiled_for_the_python_that_runs_it(machine: Machine) -> None:
    program = (
        "import importlib.util as u, pathlib\n"
        f"for path in pathlib.Path('{LIBRARY}').rglob('*.py'):\n"
        "    cached = pathlib.Path(u.cache_from_source(path))\n"
        "    if not cached.exists() or cached.read_bytes()[:4] != u.MAGIC_NUMBER: print(path)\n"
    )
    assert machine.run("/usr/bin/python3", "-c", program).stdout == ""


# ---- on a desktop -----------------------------------------------------------


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    """A screen with a panel on it."""
    with xfce_with_panel(tmp_path) as desktop:
        yield desktop


@pytest.mark.desktop
def test_what_the_menu_entry_starts_is_an_icon_that_hears_a_hook(machine: Machine, desktop: Desktop) -> None:
    entry = machine.run("cat", f"/usr/share/applications/{COMMAND}.desktop").stdout
    command = re.findall("^Exec=(.*)$", entry, re.MULTILINE)
    terminal = RecordingTerminal(desktop.root)
    tray = desktop.start(machine.inside(*command[0].split()), "tray", {"TERMINAL": str(terminal.program)})
    item = desktop.item()
    machine.run(COMMAND, "mark-turn", env=desktop.env, standard_input=NOTE)
    wait_for("the session in the menu", lambda: any(re.search("4:5. ● my-app", label) for label in item.labels()))
    item.click("Show table")
    assert wait_for("the terminal", terminal.arguments) == f"-e /usr/bin/{COMMAND} watch\n"
    assert tray.end(signal.SIGTERM, 5) == 0
    assert "Traceback" not in tray.text


# ---- what lies beside it ----------------------------------------------------


def test_the_menu_entry_is_valid_and_its_icon_is_there(machine: Machine) -> None:
    entry = f"/usr/share/applications/{COMMAND}.desktop"
    assert machine.run("desktop-file-validate", entry).stdout == ""
    name = re.findall("^Icon=(.*)$", machine.run("cat", entry).stdout, re.MULTILINE)[0]
    icons = {path for path in machine.files() if path.endswith(f"/apps/{name}.png")}
    assert {"/usr/share/icons/hicolor/48x48/apps/claude-session-status.png"} < icons  # the size that every menu has


def test_the_software_centre_can_read_it(machine: Machine) -> None:
    place = f"/usr/share/metainfo/{identity.application_id(identity.repository())}.metainfo.xml"
    assert "successful" in machine.run("appstreamcli", "validate", "--no-net", place).stdout
    assert f'version="{__version__}"' in machine.run("cat", place).stdout


def test_the_man_page_opens_without_a_complaint(machine: Machine, user: Environment) -> None:
    read = machine.run("man", "--warnings", COMMAND, env={**user, "MANWIDTH": "80"})
    assert read.stderr == ""
    assert all(f"   {name}" in read.stdout for name in group.commands)
    assert "claude-session-status" in machine.run("whatis", COMMAND, env=user).stdout


def test_systemd_takes_the_unit(machine: Machine, user: Environment, tmp_path: Path) -> None:
    unit = f"/usr/lib/systemd/user/{COMMAND}.service"
    verify = machine.run("systemd-analyze", "--user", "verify", unit, env={**user, "XDG_RUNTIME_DIR": str(tmp_path)})
    assert verify.stdout + verify.stderr == ""
    assert f"ExecStart=/usr/bin/{COMMAND} tray" in machine.run("cat", unit).stdout


def test_bash_completes_commands(machine: Machine, user: Environment) -> None:
    go = (
        f"source /usr/share/bash-completion/completions/{COMMAND}; COMP_WORDS=({COMMAND} inst); COMP_CWORD=1; "
        f"_claude_session_status_completion {COMMAND}; echo $COMPREPLY"
    )
    assert machine.run("bash", "-c", go, env=user).stdout == "install-hooks\n"


@pytest.mark.parametrize(
    ("shell", "place", "sign"),
    [
        ("zsh", f"/usr/share/zsh/vendor-completions/_{COMMAND}", f"#compdef {COMMAND}"),
        ("fish", f"/usr/share/fish/vendor_completions.d/{COMMAND}.fish", f"complete --no-files --command {COMMAND}"),
    ],
)
def test_the_other_shells_have_theirs(shell: str, place: str, sign: str, machine: Machine) -> None:
    """They are written by click for each shell; that these shells read them is not tried here."""
    assert sign in machine.run("cat", place).stdout


# ---- the package itself -----------------------------------------------------


def test_apt_refuses_it_beside_another_python(package: Path) -> None:
    output = subprocess.run(["dpkg-deb", "--field", package, "Depends"], capture_output=True, text=True).stdout
    found = re.match(r"python3 \(>= 3\.(\d+)\), python3 \(<< 3\.(\d+)\), ", output)
    assert found is not None, output
    assert int(found[2]) == int(found[1]) + 1
    assert "libc6 (>=" in output


def test_what_it_writes_is_roots_and_the_command_alone_is_executable(package: Path) -> None:
    output = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True).stdout
    files = [[*line.split()[:2], line.split()[-1]] for line in output.splitlines() if line.startswith("-")]
    assert {owner for _, owner, _ in files} == {"root/root"}
    assert [name for mode, _, name in files if mode == "-rwxr-xr-x"] == [f"./usr/bin/{COMMAND}"]
    assert {mode for mode, _, _ in files} == {"-rwxr-xr-x", "-rw-r--r--"}


def test_it_holds_no_path_of_the_machine_it_was_built_on(machine: Machine) -> None:
    found = machine.run("grep", "-rlE", "/deb-[a-z0-9_]{8}/", LIBRARY, check=False)
    assert found.stdout == ""


def test_dpkg_finds_every_file_as_it_was_packed(machine: Machine) -> None:
    assert machine.run("dpkg", "--verify", COMMAND).stdout == ""


def test_purged_it_leaves_nothing(package: Path, tmp_path: Path) -> None:
    with Machine(tmp_path / "ram") as another:
        before = another.files()
        another.run("dpkg", "--install", str(package))
        assert f"/usr/bin/{COMMAND}" in another.files()
        another.run("dpkg", "--purge", COMMAND)
        assert another.files() == before
