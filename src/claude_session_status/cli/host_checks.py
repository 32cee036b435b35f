"""The checks of `hosts check`: pure functions from what another machine replied to lines as `doctor` prints them."""

import json
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from claude_session_status import PROGRAM, __version__
from claude_session_status.cli.check_result import Check, State
from claude_session_status.model import Host, HostConnection
from claude_session_status.remote.diagnosis import TOO_NEW, TOO_OLD
from claude_session_status.remote.probe import Reply
from claude_session_status.text_width import cut
from claude_session_status.words import clean

SCHEMA = 1
LONGEST = 200  # columns of one thing that another machine says
STATUS, DOCTOR = ("status", "--json"), ("doctor", "--json")
_RELEVANT = ("hooks", "allowed", "database", "inbox")  # of its doctor's checks: it needs no tray of its own

Ask = Callable[[Host, tuple[str, ...]], Reply]
Find = Callable[[Host], str | None]


def install_step(name: str, *, is_on_index: bool) -> str:
    """Return what to do on the machine to have this version there.

    `is_on_index`: this installation came from the package index, so the index has this version.
    """
    set_up = f"{PROGRAM} setup --yes"
    if is_on_index:
        return f"On {name}, run: uv tool install --force '{PROGRAM}>={__version__}' && {set_up}"
    return f"On {name}, in a clone of the project, run: uv tool install --force . && {set_up}"


def checks(host: Host, ask: Ask, find: Find, *, is_on_index: bool) -> Iterable[Check]:
    """Yield what is there and what is missing, in the order in which to fix it. Ends at the first thing missing.

    `ask` runs our program there with arguments; `find` looks for it where installers put it. `is_on_index`: as for
    `install_step`.
    """
    install = install_step(host.name, is_on_index=is_on_index)
    reply = ask(host, STATUS)
    broken = _before_the_program(host, reply)
    if broken is None and reply.connection is HostConnection.NO_PROGRAM:
        broken = _missing_program(host, reply.detail, find, install)
    yield from _passed(host, broken)
    if broken is not None:
        yield broken
        return
    version = _version(reply, install, is_on_index=is_on_index)
    yield version
    if version.state is not State.BAD:
        yield from _set_up(host, ask(host, DOCTOR))


def _passed(host: Host, broken: Check | None) -> Iterable[Check]:
    way = shlex.join(host.command) if host.command else "ssh"
    for name, meaning in (
        ("reachable", f"by {way}"),
        *(() if host.command else (("key", "accepted, without a password"),)),
        ("program", f"{host.program or PROGRAM} runs there"),
    ):
        if broken is not None and broken.name == name:
            return
        yield Check(name, State.GOOD, meaning)


def _before_the_program(host: Host, reply: Reply) -> Check | None:
    by_hand = shlex.join((*(host.command or ("ssh", host.name)), "true"))
    if reply.connection is HostConnection.UNREACHABLE:
        return Check("reachable", State.BAD, reply.detail, f"Try it by hand: {by_hand}")
    if reply.connection is HostConnection.REFUSED:
        name = "reachable" if host.command else "key"
        return Check(name, State.BAD, reply.detail, f"Make this run without a question: {by_hand}")
    return None


def _missing_program(host: Host, detail: str, find: Find, install: str) -> Check:
    """The program was not found where the settings say; perhaps it is where installers put it."""
    if host.program is not None:
        return Check("program", State.BAD, f"{host.program} does not exist there", install)
    if (place := find(host)) is None:
        return Check("program", State.BAD, detail, install)
    option = f"--command {shlex.quote(shlex.join(host.command))} " if host.command else ""
    again = f"{PROGRAM} hosts add {host.name} {option}--program '{place}'"
    meaning = f"it is in {place}, which is not on the PATH of a login shell there"
    return Check("program", State.BAD, meaning, f"{PROGRAM} hosts remove {host.name} && {again}")


def _version(reply: Reply, install: str, *, is_on_index: bool) -> Check:
    """The version there; with what it prints, it says whether we understand each other."""
    found = _object(reply.output)
    version, schema = found.get("version"), found.get("schema")
    if reply.connection is HostConnection.WRONG_VERSION or (schema == SCHEMA and not isinstance(version, str)):
        return Check("version", State.BAD, TOO_OLD, install)
    if reply.connection is HostConnection.BAD_DATA or not isinstance(schema, int):
        meaning = reply.detail or f"what it prints is not what {PROGRAM} prints"
        return Check("version", State.BAD, meaning, f"There, run: {PROGRAM} status --json")
    if schema != SCHEMA:
        step = f"Here, run: uv tool upgrade {PROGRAM}" if is_on_index else "Here, install a newer clone"
        return Check("version", State.BAD, TOO_NEW, step)
    sessions = found.get("sessions")
    count = len(sessions) if isinstance(sessions, list) else 0
    listed = "1 session" if count == 1 else f"{count} sessions"
    here = "" if version == __version__ else f"; {__version__} here"
    return Check("version", State.GOOD, f"{_short(version)} there{here}; it lists {listed}")


def _set_up(host: Host, reply: Reply) -> Iterable[Check]:
    """What the doctor there says of the hooks; and of what else keeps events from arriving, where that is wrong."""
    found = _object(reply.output).get("checks")
    by_name = {each.get("name"): each for each in found if isinstance(each, dict)} if isinstance(found, list) else {}
    if "hooks" not in by_name:
        step = f"On {host.name}, run: {PROGRAM} doctor"
        yield Check("hooks", State.NOTE, reply.detail or "doctor there does not report its hooks", step)
        return
    for name in _RELEVANT:
        found_there = by_name.get(name, {})
        state, command = found_there.get("state"), found_there.get("command")
        if name == "hooks" or state == State.BAD:
            known = State(state) if state in list(State) else State.NOTE
            step = f"On {host.name}, run: {_short(command)}" if known is State.BAD and command else ""
            yield Check(name, known, _short(found_there.get("meaning")), step)


def _short(found: object) -> str:
    """What another machine says, to be shown."""
    return cut(clean(str(found)), LONGEST)


def _object(data: bytes) -> dict[str, Any]:
    """The JSON object in the data; an empty one where it is none. What comes from another machine may be anything."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
