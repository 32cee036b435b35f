"""`hosts check` against real sshds: the first thing that is missing is named, with what to do about it."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from claude_session_status.cli import host_checks
from claude_session_status.cli.check_result import Check
from claude_session_status.model import Host
from claude_session_status.remote import probe
from remote.machines import PROGRAM, Here

SECONDS = 60.0


def check(host: Host) -> list[Check]:
    ask, find = partial(probe.run, seconds=SECONDS), partial(probe.find, seconds=SECONDS)
    return list(host_checks.checks(host, ask, find, is_on_index=True))


def test_nothing_is_missing_but_the_hooks(here: Here) -> None:
    here.add("build")
    found = check(Host("build"))
    assert [(each.name, each.state.value) for each in found] == [
        ("reachable", "ok"), ("key", "ok"), ("program", "ok"), ("version", "ok"), ("hooks", "bad"),
    ]  # fmt: skip
    assert found[-1].command == "On build, run: claude-session-status install-hooks"


def no_server(here: Here) -> None:
    here.add("build").stop()


def no_key(here: Here) -> None:
    here.add("build", accepted=False)


def unknown_host(here: Here) -> None:
    here.add("build", known=False)


def password_only(here: Here) -> None:
    here.add("build", accepted=False, options="PubkeyAuthentication no\nPasswordAuthentication yes")


def no_program(here: Here) -> None:
    os.unlink(here.add("build").home / ".local/bin" / PROGRAM)


def program_beside_the_path(here: Here) -> None:
    (here.add("build").home / ".profile").write_text("PATH=/usr/bin:/bin\n")


@pytest.mark.parametrize(
    ("breaks", "name", "meaning", "command"),
    [
        (no_server, "reachable", "no ssh server listens there", "Try it by hand: ssh build true"),
        (no_key, "key", "it accepts none of your keys", "Make this run without a question: ssh build true"),
        (unknown_host, "key", "its host key is not known", "Make this run without a question: ssh build true"),
        (password_only, "key", "it takes only a password", "Make this run without a question: ssh build true"),
        (no_program, "program", "is not installed there", "On build, run: uv tool install"),
        (program_beside_the_path, "program", "it is in ~/.local/bin", "hosts add build --program '~/.local/bin/"),
    ],
)
def test_the_first_thing_missing(
    here: Here, breaks: Callable[[Here], None], name: str, meaning: str, command: str
) -> None:
    breaks(here)
    last = check(Host("build"))[-1]
    assert (last.name, last.state.value) == (name, "bad")
    assert meaning in last.meaning
    assert command in last.command


def test_a_program_that_is_named_is_found(here: Here) -> None:
    program_beside_the_path(here)
    host = replace(Host("build"), program=probe.find(Host("build"), SECONDS))
    assert host.program == "~/.local/bin/claude-session-status"
    assert [each.name for each in check(host)][-1] == "hooks"


def test_a_command_that_is_not_installed_here_is_named() -> None:
    (broken,) = check(Host("dev", ("no-such-docker", "exec", "dev")))
    assert (broken.name, broken.meaning) == (
        "reachable", "no-such-docker can't be started here: No such file or directory",
    )  # fmt: skip
