"""What the keep-warm mod reports: torn, huge and foreign files count as no report, and hold nobody up."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_session_status.claude.mod_reports import LARGEST, MOST_PINGS, ModReports, parse
from claude_session_status.keep_warm import ModReport, ModState, Ping
from claude_session_status.paths import Paths
from fakes import NOW
from keep_warm_files import SESSION, ping, report, write_report

WHOLE = json.dumps(report(state="kept", in_a_row=2, pings=[ping(NOW - 50)])).encode()


def test_a_whole_report_is_read() -> None:
    assert parse(WHOLE, SESSION) == ModReport(
        SESSION, 7, NOW - 100, 3600, 142_000, "claude-opus-5-5", ModState.KEPT, "", "2.1.332", 2,
        (Ping(NOW - 50, 3600, "claude-opus-5-5", 141_800, 200, 5, is_kept=True),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another format", {"v": 2}),
        ("another session", {"session": "t"}),
        ("no state", {"state": None}),
        ("an unknown state", {"state": "warm"}),
        ("a time that is none", {"at": "soon"}),
        ("a time beyond every calendar", {"at": 1e300}),
        ("a negative time", {"at": -1}),
        ("a TTL that no cache has", {"ttl": 86400}),
        ("true for a TTL", {"ttl": True}),
        ("no tokens", {"tokens": None}),
        ("a pid that is a text", {"pid": "7"}),
        ("a pid beyond all numbers", {"pid": 1e30}),
    ],
)
def test_a_report_that_the_mod_does_not_write_is_none(what: str, change: dict[str, Any]) -> None:
    assert parse(json.dumps(report(**change)).encode(), SESSION) is None, what


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("empty", b""),
        ("binary", bytes(range(256))),
        ("a list", b"[1]"),
        ("deep", b"[" * 100_000),
        ("huge", b'{"v": 1}' + b" " * LARGEST),
        ("not a number", WHOLE.replace(str(NOW - 100).encode(), b"NaN")),
    ],
)
def test_what_is_no_report_is_none(what: str, raw: bytes) -> None:
    assert parse(raw, SESSION) is None, what


def test_no_part_of_a_torn_report_is_read() -> None:
    assert all(parse(WHOLE[:length], SESSION) is None for length in range(len(WHOLE)))


def test_odd_pings_are_passed_over_and_only_the_newest_are_kept() -> None:
    odd: list[Any] = [None, 1, {}, ping(NOW) | {"kept": 1}, ping(NOW) | {"read": -1}, ping(NOW) | {"ttl": 7}]
    many = [ping(NOW - 1000 + n) for n in range(90)]
    found = parse(json.dumps(report(pings=[*odd, *many])).encode(), SESSION)
    assert found is not None
    assert [each.at for each in found.pings] == [NOW - 1000 + n for n in range(90 - MOST_PINGS, 90)]
    assert parse(json.dumps(report(pings=odd)).encode(), SESSION) is not None


def test_a_report_is_read_again_only_when_it_changed_and_outlives_a_torn_write(where: Paths) -> None:
    reports = ModReports(where.mods)
    assert reports.of(SESSION) is None
    write_report(where, report())
    first = reports.of(SESSION)
    assert reports.of(SESSION) is first
    write_report(where, WHOLE[:50])
    assert reports.of(SESSION) is first, "half of the next one is written"
    write_report(where, WHOLE)
    now = reports.of(SESSION)
    assert now is not None
    assert now.state is ModState.KEPT


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither FIFOs nor links for everybody")
def test_a_fifo_a_link_and_a_folder_are_no_report_and_block_nobody(where: Paths, tmp_path: Path) -> None:
    path = write_report(where, report())
    reports = ModReports(where.mods)
    secret = tmp_path / "secret"
    secret.write_bytes(WHOLE)
    path.unlink()
    os.mkfifo(path)
    assert reports.of(SESSION) is None
    path.unlink()
    path.symlink_to(secret)
    assert reports.of(SESSION) is None
    path.unlink()
    path.mkdir()
    assert reports.of(SESSION) is None


@pytest.mark.parametrize("session_id", ["..", "../x", "a/b", "", "x" * 65, "a.b", "ä", "a b", "a\0b"])
def test_only_plain_ids_name_a_file(session_id: str, where: Paths) -> None:
    reports = ModReports(where.mods)
    assert reports.of(session_id) is None
    reports.remove(session_id)


def test_old_reports_are_swept(where: Paths) -> None:
    path = write_report(where, report())
    os.utime(path, (NOW - 100, NOW - 100))
    reports = ModReports(where.mods)
    reports.sweep(NOW - 200)
    assert path.exists()
    reports.sweep(NOW)
    assert not path.exists()


@pytest.mark.parametrize(
    ("what", "fields", "is_late"),
    [
        ("a miss in time", {"kept": False}, False),
        ("a late miss", {"kept": False, "late": True}, True),
        ("a hit is never late", {"kept": True, "late": True}, False),
        ("a text is no truth", {"kept": False, "late": "yes"}, False),
    ],
)
def test_a_late_miss_is_known_from_its_ping(what: str, fields: dict[str, Any], is_late: bool) -> None:
    found = parse(json.dumps(report(pings=[ping(NOW) | fields])).encode(), SESSION)
    assert found is not None
    assert [each.is_late for each in found.pings] == [is_late], what
