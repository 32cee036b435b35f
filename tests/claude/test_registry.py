"""The status that a client reports for its session: trusted for a process that still runs, and never required."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.claude import pids
from claude_session_status.claude.liveness import Liveness, liveness
from claude_session_status.claude.registry import Registry, ReportedStatus
from claude_session_status.model import ClientStatus, Process
from fakes import NOW

ENTRY = {"pid": 7, "sessionId": "s", "procStart": "123", "status": "busy", "statusUpdatedAt": NOW * 1000}
BUSY = ReportedStatus(ClientStatus.BUSY, NOW)


def write(folder: Path, entry: Any, pid: int = 7) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{pid}.json").write_text(entry if isinstance(entry, str) else json.dumps(entry))


@pytest.mark.parametrize(
    ("what", "change", "expected"),
    [
        ("as it is", {}, BUSY),
        ("idle", {"status": "idle"}, ReportedStatus(ClientStatus.IDLE, NOW)),
        (
            "a permission prompt",
            {"status": "waiting", "waitingFor": "permission prompt"},
            ReportedStatus(ClientStatus.WAITING, NOW),
        ),
        (
            "a question of an MCP server",
            {"status": "waiting", "waitingFor": "input needed"},
            ReportedStatus(ClientStatus.WAITING, NOW),
        ),
        ("a dialog", {"status": "waiting", "waitingFor": "dialog open"}, ReportedStatus(ClientStatus.IDLE, NOW)),
        ("a status unheard of", {"status": "shell"}, None),
        ("no status yet", {"status": None}, None),
        ("no time", {"statusUpdatedAt": "soon"}, None),
        ("an older name of the time", {"statusUpdatedAt": NOW * 1000, "updatedAt": 1}, BUSY),
        ("another session", {"sessionId": "t"}, None),
        ("an earlier process of that id", {"procStart": "122"}, None),
        ("not an object", [1], None),
        ("half written", '{"pid": 7, "sess', None),
    ],
)
def test_which_reported_status_counts(what: str, change: Any, expected: ReportedStatus | None, tmp_path: Path) -> None:
    write(tmp_path / "sessions", {**ENTRY, **change} if isinstance(change, dict) else change)
    assert Registry(str(tmp_path / "sessions")).status_of("s", Process(7, 123)) == expected, what


def test_without_a_file_or_a_process_no_status_counts(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "sessions"))
    assert registry.status_of("s", Process(7)) is None
    write(tmp_path / "sessions", ENTRY)
    assert registry.status_of("s", None) is None
    assert registry.status_of("s", Process(7)) == BUSY
    (tmp_path / "sessions" / "7.json").unlink()
    assert registry.status_of("s", Process(7)) is None


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    write(folder, ENTRY)
    os.utime(folder / "7.json", (NOW, NOW))
    registry = Registry(str(folder))
    assert registry.status_of("s", Process(7)) == BUSY
    write(folder, {**ENTRY, "status": "idle"})
    os.utime(folder / "7.json", (NOW, NOW))
    assert registry.status_of("s", Process(7)) == BUSY
    os.utime(folder / "7.json", (NOW + 1, NOW + 1))
    assert registry.status_of("s", Process(7)) == ReportedStatus(ClientStatus.IDLE, NOW)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes have no namespace")
@pytest.mark.parametrize(
    ("what", "domain", "expected"),
    [
        ("this machine", "linux:{machine}:{kernels}", Liveness.ALIVE),
        ("another one that shares the home", "linux:abc:{kernels}", Liveness.UNKNOWN),
        ("a container here", "linux:{machine}:pid:[1]", Liveness.UNKNOWN),
        ("a machine without an id", "linux::{kernels}", Liveness.ALIVE),
        ("a client that names no domain", None, Liveness.ALIVE),
        ("something new", "moon:1", Liveness.ALIVE),
    ],
)
def test_where_a_listed_client_runs(what: str, domain: str | None, expected: Liveness, tmp_path: Path) -> None:
    kernels, _, machine = str(pids.pid_namespace()).partition("@")
    entry = {**ENTRY, "pid": os.getpid(), "procStart": str(pids.start_ticks(os.getpid()))}
    if domain is not None:
        entry["pidDomain"] = domain.format(machine=machine, kernels=kernels)
    write(tmp_path / "sessions", entry, os.getpid())
    registry = Registry(str(tmp_path / "sessions"))
    (client,) = registry.listed()["s"]
    process = client.process
    assert liveness(process, NOW) is expected, what
    assert registry.lists_another("t", process) is (expected is Liveness.ALIVE)


def test_of_all_clients_that_list_a_session_the_newest_is_first(tmp_path: Path) -> None:
    for pid, started in ((7, 2000), (8, 3000), (9, None), (10, 1e99), (11, 1000)):
        write(tmp_path / "sessions", {"sessionId": "s", "startedAt": started}, pid)
    listed = Registry(str(tmp_path / "sessions")).listed()["s"]
    assert [(c.process.pid, c.started_at) for c in listed[:3]] == [(8, 3.0), (7, 2.0), (11, 1.0)]
    assert {(c.process.pid, c.started_at) for c in listed[3:]} == {(9, None), (10, None)}


def test_a_pipe_in_its_place_does_not_block(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    os.mkfifo(tmp_path / "sessions" / "7.json")
    assert Registry(str(tmp_path / "sessions")).status_of("s", Process(7)) is None
