"""Orders, reports and versions as files: what a monitor makes of them, in virtual time."""

import json
import os
import re
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import heartbeat, keep_warm_desk, keep_warm_guard, notes
from claude_session_status.config import Config
from claude_session_status.errors import SessionStatusError
from claude_session_status.keep_warm import Limits, Order
from claude_session_status.keep_warm_desk import KeepWarmDesk
from claude_session_status.keep_warm_orders import Orders, Versions, decode, encode
from claude_session_status.keep_warm_times import Choice, interval_of
from claude_session_status.model import (
    AlertReason,
    Event,
    EventKind,
    KeepWarm,
    Process,
    SessionState,
    Source,
    Stop,
    StopReason,
)
from claude_session_status.monitor import Monitor
from claude_session_status.notification import of_alerts
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.values import replace
from fakes import NOW, FakeClock, Transcript
from keep_warm_files import PID, SESSION, VERSION, ping, report, write_report

ORDER = Order(NOW, NOW + 3600, 20)
DUE = NOW - 100 + interval_of(3600)  # when the session's ping comes


class Scene:
    """A monitor of one session with an hour-long cache of 142k tokens, whose request began 100 s ago."""

    def __init__(self, where: Paths, tmp_path: Path, **settings: Any) -> None:
        self.where, self.clock = where, FakeClock()
        lines = Transcript(tmp_path / "projects" / "x" / f"{SESSION}.jsonl")
        lines.user(NOW - 100).answer(NOW - 90, wrote_1h=142_000)
        self.note("start", NOW - 200, cwd="/x/web-shop", transcript_path=str(lines.path), process=Process(PID))
        self.note("turn", NOW - 80)
        write_report(where, report())
        self.monitor = Monitor(
            where,
            Config(**settings),
            clock=self.clock,
            price=lambda *_: 0.71,
            read_price=lambda *_: 0.071,
            alive=lambda *_: keep_alive(),
        )

    def note(self, kind: str, at: float, **fields: Any) -> None:
        Spool(self.where.spool).write(notes.encode(Event(EventKind(kind), SESSION, at, **fields)), at)

    def look(self) -> SessionState:
        self.monitor.poll()
        self.monitor.poll()
        (state,) = self.monitor.snapshot().sessions
        return state

    def kept(self) -> KeepWarm:
        found = self.look().keep_warm
        assert found is not None
        return found

    def expect_a_miss(self, *, late: bool) -> str:
        """The order is gone, and an alert says what the ping cost; returns its text."""
        stop = self.kept().stopped
        assert self.order is None
        assert stop == Stop(DUE, StopReason.MISSED, 142_000, 0.71, is_late=late)
        (alert,) = self.monitor.take_alerts(self.monitor.snapshot())
        assert alert.reason is AlertReason.STOPPED
        return of_alerts(alert).body

    @property
    def order(self) -> Order | None:
        return Orders(self.where.keep_warm).of(SESSION)


def keep_alive() -> Any:
    from claude_session_status.claude.liveness import Liveness

    return Liveness.ALIVE


@pytest.fixture
def scene(where: Paths, tmp_path: Path) -> Scene:
    return Scene(where, tmp_path)


def test_the_menus_choice_becomes_an_order_of_numbers_that_only_its_owner_can_read(scene: Scene) -> None:
    assert scene.kept().refusal is None
    sentences = scene.monitor.keep_warm(SESSION, Choice.THREE_HOURS)
    assert re.fullmatch(r"Kept warm until \d\d:\d\d: web-shop\.", sentences[0])
    path = Path(scene.where.keep_warm, f"{SESSION}.json")
    assert json.loads(path.read_text()) == {
        "v": 1, "at": NOW, "until": NOW + 3 * 3600, "max_pings": 20, "allow_five_minutes": 0, "ttl": 3600,
    }  # fmt: skip
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert scene.kept().until == NOW + 3 * 3600
    scene.monitor.keep_warm(SESSION, Choice.OFF)
    assert not path.exists()
    assert scene.kept().until is None


def test_a_ping_moves_the_countdown_through_the_spool(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    scene.clock.now = DUE + 5
    write_report(scene.where, report(DUE, "kept", in_a_row=1, pings=[ping(DUE)]))
    state = scene.look()
    assert state.expires_at == DUE + 3600
    assert (state.session.kept_at, state.session.kept_tokens) == (DUE, 141_800)
    assert state.session.request is not None
    assert state.session.request.source is Source.MOD
    assert not Spool(scene.where.spool).names()
    assert Versions(scene.where.keep_warm_versions).read()[VERSION].kept_at == DUE
    again = Monitor(scene.where, Config(), clock=scene.clock, alive=lambda *_: keep_alive())
    again.poll()
    (read,) = again.snapshot().sessions
    assert read.expires_at == state.expires_at, "it is in the database"


def test_a_miss_ends_the_order_is_notified_once_and_distrusts_the_version(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    scene.clock.now = DUE + 2
    write_report(scene.where, report(DUE, "missed", pings=[ping(DUE, kept=False)]))
    assert f"keep-warm --trust {VERSION}" in scene.expect_a_miss(late=False)
    scene.look()
    assert scene.monitor.take_alerts(scene.monitor.snapshot()) == ()
    write_report(scene.where, report(DUE + 1, "ready", pings=[ping(DUE, kept=False)]))
    with pytest.raises(SessionStatusError, match=f"a ping of Claude Code {VERSION} missed"):
        scene.monitor.keep_warm(SESSION, Choice.HOUR)
    scene.look()
    assert Versions(scene.where.keep_warm_versions).trust(VERSION, DUE + 10)
    assert scene.kept().refusal is None
    assert not any("trial" in sentence for sentence in scene.monitor.keep_warm(SESSION, Choice.HOUR)), "it was sent"
    assert scene.order is not None
    assert scene.kept().until is not None, "the old miss does not end the new order"


def test_a_late_miss_ends_the_order_with_its_cost_but_does_not_distrust_the_version(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    scene.clock.now = DUE + 190
    late = ping(DUE, kept=False, late=True)
    write_report(scene.where, report(DUE, "missed", reason="late", pings=[late]))
    assert "--trust" not in scene.expect_a_miss(late=True)
    assert not scene.kept().is_distrusted
    hit = ping(DUE + 185)
    write_report(scene.where, report(DUE + 185, "kept", pings=[late, hit]))
    scene.look()
    record = Versions(scene.where.keep_warm_versions).read()[VERSION]
    assert (record.kept_at, record.missed_at) == (DUE + 185, None), "a later ping does not make the late one count"


def test_a_miss_in_one_session_ends_the_orders_of_all_with_that_version(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    Versions(scene.where.keep_warm_versions).change("2.1.330", missed_at=NOW)
    assert scene.kept().until is not None, "another version"
    Versions(scene.where.keep_warm_versions).change(VERSION, missed_at=NOW)
    stop = scene.kept().stopped
    assert stop is not None
    assert (scene.order, stop.reason) == (None, StopReason.DISTRUSTED)


def test_a_session_that_grows_into_idle_compaction_loses_its_order(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    assert scene.order is not None
    desk = KeepWarmDesk(scene.where, Limits())
    (state,) = scene.monitor.snapshot().sessions
    for tokens, is_kept in ((99_999, True), (100_000, False)):
        row = replace(state.session, idle_compact_tokens=100_000, context_tokens=tokens)
        desk.look([row], NOW)
        assert (scene.order is not None) == is_kept, tokens
    stopped = desk.keep_warm_of(replace(state, session=row), NOW).stopped
    assert stopped is not None
    assert stopped.reason is StopReason.COMPACTION


def test_usage_above_the_limit_ends_the_order(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    line: dict[str, Any] = {"expires_at": NOW + 3500, "ttl_seconds": 3600, "usage_percent": 81}
    scene.note("statusline", NOW - 1, **line, usage_resets_at=NOW + 9000)
    kept = scene.kept()
    assert scene.order is None
    assert kept.refusal is not None
    assert kept.refusal.title == "81 % of your five-hour usage is spent"
    assert kept.stopped is not None
    assert (kept.stopped.reason, kept.stopped.usage_percent) == (StopReason.USAGE, 81)


def test_without_a_monitor_the_ingester_ends_the_order(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    scene.monitor.close()
    now = time.time()
    Orders(scene.where.keep_warm).write(SESSION, replace(ORDER, at=now, until=now + 3600))
    line: dict[str, Any] = {"expires_at": now + 3500, "ttl_seconds": 3600, "usage_percent": 81}
    event = Event(EventKind.STATUS_LINE, SESSION, now, usage_resets_at=now + 9000, **line)
    Spool(scene.where.spool).write(notes.encode(event), now)
    heartbeat.beat(scene.where.monitor_alive, now)
    assert not keep_warm_guard.look(scene.where), "a monitor does it"
    heartbeat.stop(scene.where.monitor_alive)
    assert keep_warm_guard.look(scene.where)
    assert scene.order is None
    assert not keep_warm_guard.look(scene.where), "no session is kept warm any more"


def test_an_order_whose_time_is_over_or_whose_session_ended_is_removed(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    scene.note("end", NOW + 1)
    scene.clock.now = NOW + 2
    scene.look()
    assert scene.order is None


def test_a_five_minute_cache_needs_a_second_confirmation(scene: Scene, tmp_path: Path) -> None:
    lines = Transcript(tmp_path / "projects" / "x" / f"{SESSION}.jsonl")
    lines.user(NOW - 50).answer(NOW - 45, read=142_000, wrote_5m=100)
    write_report(scene.where, report(NOW - 50, ttl=300))
    scene.look()
    with pytest.raises(SessionStatusError, match="15 pings an hour"):
        scene.monitor.keep_warm(SESSION, Choice.HOUR)
    assert scene.order is None
    scene.monitor.keep_warm(SESSION, Choice.HOUR, consents=True)
    assert scene.order is not None
    assert scene.order.allow_five_minutes


def test_to_forget_a_session_removes_its_order_and_its_report(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    scene.monitor.submit(EventKind.FORGET, SESSION)
    assert scene.order is None
    assert not os.listdir(scene.where.mods)


def test_an_uninstall_leaves_neither_orders_nor_reports(scene: Scene) -> None:
    scene.look()
    scene.monitor.keep_warm(SESSION, Choice.HOUR)
    Versions(scene.where.keep_warm_versions).change(VERSION, kept_at=NOW)
    assert keep_warm_desk.forget_all(scene.where)
    for path in (scene.where.keep_warm, scene.where.mods, scene.where.keep_warm_versions):
        assert not os.path.exists(path)
    assert not keep_warm_desk.forget_all(scene.where)


def test_a_small_limit_of_the_settings_counts(where: Paths, tmp_path: Path) -> None:
    kept = Scene(where, tmp_path, keep_warm_min_tokens=150_000).kept()
    assert kept.refusal is not None
    assert kept.refusal.title == "it has only 142k tokens"


def test_an_order_is_read_as_it_was_written() -> None:
    for order in (ORDER, replace(ORDER, ttl_seconds=3600), replace(ORDER, allow_five_minutes=True)):
        assert decode(encode(order)) == order


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another format", {"v": 2}),
        ("no end", {"until": None}),
        ("a text", {"at": "now"}),
        ("NaN", {"at": float("nan")}),
    ],
)
def test_what_is_no_order_is_none(what: str, change: dict[str, Any]) -> None:
    assert decode(json.dumps(json.loads(encode(ORDER)) | change).encode()) is None, what


@pytest.mark.parametrize("raw", [b"", b"[", b"[1]", b"{}", b"\xff", b"[" * 100_000])
def test_junk_is_no_order_and_no_record_of_versions(raw: bytes, where: Paths) -> None:
    assert decode(raw) is None
    Path(where.folder).mkdir(parents=True, exist_ok=True)
    Path(where.keep_warm_versions).write_bytes(raw)
    versions = Versions(where.keep_warm_versions)
    assert versions.read() == {}
    versions.change(VERSION, missed_at=NOW)
    assert versions.read()[VERSION].missed_at == NOW


def test_a_miss_from_before_a_version_was_trusted_again_is_forgotten(where: Paths) -> None:
    versions = Versions(where.keep_warm_versions)
    assert not versions.trust(VERSION, NOW)
    versions.change(VERSION, missed_at=NOW)
    assert versions.trust(VERSION, NOW + 1)
    versions.change(VERSION, missed_at=NOW)
    assert versions.read()[VERSION].missed_at is None
    versions.change(VERSION, missed_at=NOW + 5)
    assert versions.read()[VERSION].missed_at == NOW + 5
