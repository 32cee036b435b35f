"""`hosts`: lists other machines, adds and removes them, and says what is missing there."""

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from claude_session_status import __version__, config, host_states
from claude_session_status.cli import host_checks
from claude_session_status.cli.main import group
from claude_session_status.errors import SessionStatusError
from claude_session_status.lock import FileLock
from claude_session_status.model import Host, HostConnection, HostState
from claude_session_status.paths import Paths
from claude_session_status.remote import probe
from claude_session_status.remote.probe import Reply

BUILD = Host("build")
DEV = Host("dev", ("docker", "exec", "-i", "dev"))
USUAL = "~/.local/bin/claude-session-status"
Replies = Mapping[str, Reply]


def said(document: object) -> Reply:
    return Reply(HostConnection.CONNECTED, output=json.dumps(document).encode())


STATUS = said({"schema": 1, "version": "1.4.0", "sessions": [{}, {}]})
HOOKS = {"name": "hooks", "state": "ok", "meaning": "6 hooks run x", "command": None}
DOCTOR = said({"schema": 1, "checks": [HOOKS, {"name": "tray", "state": "bad", "meaning": "no icon"}]})
RUN_DOCTOR = "On build, run: claude-session-status doctor"
GONE = Reply(HostConnection.NO_PROGRAM, "it is not installed there")


def checked(
    host: Host, replies: Replies, place: str | None = None, *, is_on_index: bool = False
) -> list[tuple[str, str, str, str]]:
    """The lines for a host whose program replies like this, by its first argument; it may be in another place."""

    def ask(asked: Host, arguments: tuple[str, ...]) -> Reply:
        return replies[arguments[0]]

    found = host_checks.checks(host, ask, lambda _: place, is_on_index=is_on_index)
    return [(each.state.value, each.name, each.meaning, each.command) for each in found]


def last(
    host: Host, replies: Replies, place: str | None = None, *, is_on_index: bool = False
) -> tuple[str, str, str, str]:
    return checked(host, replies, place, is_on_index=is_on_index)[-1]


def test_a_machine_where_nothing_is_missing() -> None:
    assert checked(BUILD, {"status": STATUS, "doctor": DOCTOR}) == [
        ("ok", "reachable", "by ssh", ""),
        ("ok", "key", "accepted, without a password", ""),
        ("ok", "program", "claude-session-status runs there", ""),
        ("ok", "version", f"1.4.0 there; {__version__} here; it lists 2 sessions", ""),
        ("ok", "hooks", "6 hooks run x", ""),
    ]


def test_a_container_has_no_key() -> None:
    names = [name for _, name, *_ in checked(DEV, {"status": STATUS, "doctor": DOCTOR})]
    assert names == ["reachable", "program", "version", "hooks"]


@pytest.mark.parametrize(
    ("host", "reply", "lines"),
    [
        (
            BUILD, Reply(HostConnection.UNREACHABLE, "there is no route to it"),
            [("bad", "reachable", "there is no route to it", "Try it by hand: ssh build true")],
        ),
        (
            DEV, Reply(HostConnection.UNREACHABLE, "no such container"),
            [("bad", "reachable", "no such container", "Try it by hand: docker exec -i dev true")],
        ),
        (
            BUILD, Reply(HostConnection.REFUSED, "it accepts none of your keys"),
            [
                ("ok", "reachable", "by ssh", ""),
                ("bad", "key", "it accepts none of your keys", "Make this run without a question: ssh build true"),
            ],
        ),
    ],
)  # fmt: skip
def test_the_first_thing_missing_ends_the_checks(host: Host, reply: Reply, lines: list[object]) -> None:
    assert checked(host, {"status": reply}) == lines


def test_a_missing_program_names_the_line_that_installs_it() -> None:
    state, name, meaning, command = last(BUILD, {"status": GONE})
    assert (state, name, meaning) == ("bad", "program", "it is not installed there")
    in_clone = (
        "On build, in a clone of the project, run: uv tool install --force . && claude-session-status setup --yes"
    )
    assert command == in_clone
    from_index = last(BUILD, {"status": GONE}, is_on_index=True)[-1]
    wanted = f"uv tool install --force 'claude-session-status>={__version__}'"
    assert from_index == f"On build, run: {wanted} && claude-session-status setup --yes"


def test_a_program_beside_the_path_is_found_and_the_line_that_says_so_is_named() -> None:
    state, name, meaning, command = last(DEV, {"status": GONE}, USUAL)
    assert (state, name) == ("bad", "program")
    assert meaning == f"it is in {USUAL}, which is not on the PATH of a login shell there"
    assert command == (
        "claude-session-status hosts remove dev && "
        f"claude-session-status hosts add dev --command 'docker exec -i dev' --program '{USUAL}'"
    )


def test_a_program_that_the_settings_name_is_not_looked_for_anywhere_else() -> None:
    host = Host("build", (), "~/x")
    assert last(host, {"status": GONE}, USUAL)[1:3] == ("program", "~/x does not exist there")


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (said({"schema": 1, "sessions": []}), "claude-session-status there is too old: update it there"),
        (Reply(HostConnection.WRONG_VERSION, "x"), "claude-session-status there is too old: update it there"),
        (said({"schema": 2, "version": "9"}), "claude-session-status there is newer: update it here"),
        (said(["x"]), "what it prints is not what claude-session-status prints"),
        (Reply(HostConnection.CONNECTED, output=b"[" * 100_000), "what it prints is not what claude-session-status"),
        (Reply(HostConnection.BAD_DATA, "it prints too much"), "it prints too much"),
    ],
)
def test_a_version_that_does_not_fit_is_named(reply: Reply, meaning: str) -> None:
    state, name, found, command = last(BUILD, {"status": reply})
    assert (state, name) == ("bad", "version")
    assert found.startswith(meaning)
    assert command


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (
            said({"checks": [HOOKS | {"state": "bad", "meaning": "none", "command": "claude-session-status setup"}]}),
            ("bad", "hooks", "none", "On build, run: claude-session-status setup"),
        ),
        (
            said({"checks": [HOOKS, {"name": "inbox", "state": "bad", "meaning": "no room", "command": "Free some"}]}),
            ("bad", "inbox", "no room", "On build, run: Free some"),
        ),
        (said({"checks": "x"}), ("note", "hooks", "doctor there does not report its hooks", RUN_DOCTOR)),
        (Reply(HostConnection.UNREACHABLE, "late"), ("note", "hooks", "late", RUN_DOCTOR)),
        (
            said({"checks": [{"name": "hooks", "state": "\x1b[31m", "meaning": "\x1b]0;x\x07", "command": ["rm"]}]}),
            ("note", "hooks", "]0;x", ""),
        ),
    ],
)  # fmt: skip
def test_the_doctor_there_says_whether_hooks_are_set_up(reply: Reply, line: tuple[str, ...]) -> None:
    assert last(BUILD, {"status": STATUS, "doctor": reply}) == line


# ---- the command ----------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["hosts", *arguments], standalone_mode=True)


@pytest.fixture
def path(claude_dir: Path) -> Path:
    return claude_dir / "claude-session-status/config.toml"


@pytest.fixture(autouse=True)
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "run", lambda *_: Reply(HostConnection.UNREACHABLE, "no route"))


def test_without_hosts_the_list_says_how_to_add_one() -> None:
    done = run()
    assert done.exit_code == 0
    assert "hosts add NAME" in done.output


def test_a_host_is_added_listed_and_removed(path: Path) -> None:
    added = run("add", "dev", "--command", "docker exec -i 'my dev'", "--program", "~/bin/x")
    assert added.exit_code == 0
    assert "bad   reachable     no route" in added.output
    assert config.load(str(path)).config.hosts == (Host("dev", ("docker", "exec", "-i", "my dev"), "~/bin/x"),)
    assert run().output == "dev  docker exec -i 'my dev'  not connected: neither the tray nor watch runs here\n"
    assert run("remove", "dev").exit_code == 0
    assert config.load(str(path)).config.hosts == ()


def test_the_list_shows_each_state_and_is_no_failure_when_one_is_down(path: Path, claude_dir: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('hosts = ["build", "gpu"]\n')
    paths = Paths(str(claude_dir))
    states = [
        HostState("build", HostConnection.CONNECTED, 1_800_000_000.0, None, "1.4.0"),
        HostState("gpu", HostConnection.REFUSED, None, "it accepts none of your keys"),
    ]
    host_states.write(paths.hosts, states)
    holder = FileLock(paths.hosts_lock)
    assert holder.acquire()
    done, as_json = run(), run("--json")
    holder.release()
    assert (done.exit_code, done.output.splitlines()) == (
        0,
        [
            "build  ssh  connected, version 1.4.0",
            "gpu    ssh  refuses the connection: it accepts none of your keys",
        ],
    )
    first, second = json.loads(as_json.output)["hosts"]
    assert list(first.values()) == ["build", None, None, "connected", "2027-01-15T08:00:00.000Z", None, "1.4.0"]
    assert (second["state"], second["since"]) == ("refused", None)


def test_check_exits_with_one_where_something_is_missing(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('hosts = ["build"]\n')
    assert run("check", "build").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "--", "-x"), "NAME must be a name of at most 64 letters"),
        (("add", "a b"), "NAME must be a name of at most 64 letters"),
        (("add", "a", "--command", "x 'y"), "The command has an unfinished quote"),
        (("add", "a", "--command", ""), "--command must be a list of a program and its arguments"),
        (("add", "a", "--program", "-x"), "--program must be a path there"),
        (("--json", "check", "a"), "--json is for the list only."),
    ],
)
def test_wrong_usage_changes_nothing(arguments: tuple[str, ...], message: str, path: Path) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert not path.exists()


@pytest.mark.parametrize("arguments", [("check", "build"), ("remove", "build"), ("add", "gpu")])
def test_an_unknown_or_a_known_name_is_named(arguments: tuple[str, ...], path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('hosts = ["gpu"]\n')
    done = run(*arguments)
    assert isinstance(done.exception, SessionStatusError)
    assert path.read_text() == 'hosts = ["gpu"]\n'


def test_a_program_that_is_only_where_installers_put_it_is_written_into_the_settings(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        probe, "run", lambda host, arguments, _: {"status": STATUS if host.program else GONE}.get(arguments[0], DOCTOR)
    )
    monkeypatch.setattr(probe, "find", lambda *_: USUAL)
    path.parent.mkdir(parents=True)
    path.write_text('hosts = ["gpu"]  # mine\n')
    done = run("add", "build")
    assert f"The program is in {USUAL} there" in done.output
    assert "ok    hooks" in done.output
    assert config.load(str(path)).config.hosts == (Host("gpu"), Host("build", (), USUAL))
    assert path.read_text().startswith('hosts = ["gpu"]  # mine\n')


@pytest.mark.parametrize("command", ["check", "remove"])
def test_a_file_that_can_not_be_read_is_named_with_the_host_that_is_missing_because_of_it(
    command: str, path: Path
) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('hosts = ["build"\n')
    done = run(command, "build")
    assert "is not valid TOML" in done.output
    assert str(done.exception).startswith("build is not among the hosts")


# ---- a real program -------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="needs sh")
def test_a_real_program_is_asked(claude_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: a command enters another environment, and the program there is found by its path."""
    monkeypatch.undo()
    program = tmp_path / "claude-session-status"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m claude_session_status "$@"\n')
    program.chmod(0o755)
    host = Host("dev", ("env", f"CLAUDE_CONFIG_DIR={claude_dir}"), str(program))
    ask = partial(probe.run, seconds=60)
    found = {each.name: each for each in host_checks.checks(host, ask, lambda _: None, is_on_index=False)}
    assert [found[name].state.value for name in ("reachable", "program", "version", "hooks")] == ["ok"] * 3 + ["bad"]
    assert found["hooks"].command == "On dev, run: claude-session-status install-hooks"


@pytest.mark.skipif(os.name != "posix", reason="needs sh")
@pytest.mark.parametrize(
    ("script", "connection"),
    [
        ("sleep 60", HostConnection.UNREACHABLE),
        ("yes", HostConnection.BAD_DATA),
        ("exit 127", HostConnection.NO_PROGRAM),
        ("echo why >&2; sleep 0.2; echo 7", HostConnection.CONNECTED),
    ],
)
def test_a_program_that_hangs_or_floods_costs_little(
    script: str, connection: HostConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert probe.run(Host("dev", ("sh", "-c", script)), ("--version",), 1).connection is connection
