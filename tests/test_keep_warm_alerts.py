"""Nothing that happens to orders and pings silences the alert of a cache that really expires."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from claude_session_status import alerting, notification, policy, reducer
from claude_session_status.keep_warm import Limits, Order
from claude_session_status.keep_warm_desk import KeepWarmDesk
from claude_session_status.keep_warm_orders import Orders, Versions
from claude_session_status.keep_warm_times import interval_of
from claude_session_status.model import AlertReason, Process, Request, Session, Source
from claude_session_status.paths import Paths
from claude_session_status.values import replace
from fakes import NOW
from keep_warm_files import PID, SESSION, VERSION, ping, report, write_report
from rows import make

POLL_SECONDS = 5.0  # no longer than alerting.GRACE_SECONDS, as in the monitor
LEADS = ((300.0,), (300.0, 30.0), (200.0,), (45.0, 20.0), (10.0,))


@dataclass
class Scene:
    """An idle session, kept warm by an order. Its request began at NOW; a poll each few seconds, in virtual time."""

    where: Paths
    leads: tuple[float, ...]
    ttl: int
    given: list[tuple[float, AlertReason]] = field(default_factory=list)
    row: Session = field(init=False)
    desk: KeepWarmDesk = field(init=False)

    def __post_init__(self) -> None:
        self.row = make(SESSION, 0, self.ttl, context_tokens=142_000, process=Process(PID), model="m")
        self.start_the_tray()
        self.report()
        self.order()

    @property
    def expiry(self) -> float:
        return NOW + self.ttl

    def start_the_tray(self) -> None:
        self.desk = KeepWarmDesk(self.where, Limits(), lambda *_: 0.71)

    def report(self, state: str = "ready", **fields: Any) -> None:
        write_report(self.where, report(state=state, **{"at": NOW, "ttl": self.ttl, **fields}))

    def order(self, **fields: Any) -> None:
        order = Order(NOW, NOW + 3 * 3600, 20, allow_five_minutes=True)
        Orders(self.where.keep_warm).write(SESSION, replace(order, **fields))

    def poll(self, now: float) -> None:
        """Poll once; note the alerts that name the expiry."""
        for event in self.desk.look([self.row], now):
            self.row = reducer.apply(self.row, event, now)
        state = self.desk.with_keep_warm(policy.state_of(self.row, now), now)
        for alert in alerting.due_alerts([state], self.leads, now):
            for event in alerting.alerted_events(alert, self.leads, now):
                self.row = reducer.apply(self.row, event, now)
            content = notification.of_alerts(alert)
            if "expires" in content.title + content.body:
                self.given.append((now, alert.reason))

    def run(self, at: float, happens: Callable[["Scene"], object]) -> None:
        """Poll until the cache has expired. At `at` something happens."""
        now = self.expiry - max(self.leads) - 10
        while now < self.expiry:
            if happens is not NOTHING and now >= at:
                happens(self)
                happens = NOTHING
            self.poll(now)
            now += POLL_SECONDS


def NOTHING(_scene: Scene) -> None:  # noqa: N802 - a value of the table below
    """The ping does not come, and nothing says why."""


def miss(scene: Scene, **fields: Any) -> None:
    missed = ping(scene.expiry - 200, kept=False, ttl=scene.ttl, **fields)
    scene.report("missed", reason="late" if fields else "", pings=[missed])


def spend_usage(scene: Scene) -> None:
    scene.row = replace(scene.row, usage_percent=81, usage_at=NOW)


PATHS: dict[str, Callable[[Scene], object]] = {
    "the ping does not come": NOTHING,
    "the ping fails": lambda scene: scene.report("failed", reason="api"),
    "the ping misses": miss,
    "the ping misses late": lambda scene: miss(scene, late=True),
    "the plugin refuses: two clients": lambda scene: scene.report("refused", reason="other-client"),
    "the plugin refuses: a large message": lambda scene: scene.report("refused", reason="busy"),
    "another model": lambda scene: scene.report("refused", reason="model-changed"),
    "the client is not known any more": lambda scene: scene.report(pid=0),
    "the plugin's report is gone": lambda scene: scene.desk.forget(SESSION),
    "switched off": lambda scene: Orders(scene.where.keep_warm).remove(SESSION),
    "the order's time is over": lambda scene: scene.order(until=NOW + 1),
    "the order forbids five minutes": lambda scene: scene.order(allow_five_minutes=False),
    "the most pings were sent": lambda scene: scene.report(in_a_row=20),
    "too much usage": spend_usage,
    "a ping of another session misses": lambda scene: Versions(scene.where.keep_warm_versions).change(
        VERSION, missed_at=NOW
    ),
}
AFTER_THE_PING_WAS_DUE = {
    "the tray starts anew, and the ping was refused": lambda scene: (
        scene.report("refused", reason="other-client"),
        scene.start_the_tray(),
    )
}


@pytest.mark.parametrize("what", [*PATHS, *AFTER_THE_PING_WAS_DUE])
def test_whatever_happens_to_the_ping_a_cache_that_expires_is_announced(what: str, where: Paths) -> None:
    for leads, ttl in itertools.product(LEADS, (300, 3600)):
        if max(leads) >= ttl:
            continue  # it would be due at the end of each turn
        due = interval_of(ttl)
        for at in (due - 20, due, ttl - 35.0, ttl - 12.0):
            scene = Scene(where, leads, ttl)
            Versions(where.keep_warm_versions).trust(VERSION, NOW)
            scene.run(NOW + at, (PATHS | AFTER_THE_PING_WAS_DUE)[what])
            case = f"{what} {ttl - at:.0f} s before the end of {ttl} s, to be notified {leads} before: {scene.given}"
            assert scene.given, case
            # In time: when it is known that no ping comes, or half a minute before the end, or when the user wants.
            known = max(scene.expiry - 30, scene.expiry - max(leads))
            assert scene.given[0][0] <= known + alerting.GRACE_SECONDS, case
            assert [reason for _, reason in scene.given].count(AlertReason.EXPIRES) <= len(leads), case


def test_a_clock_that_was_set_back_silences_no_alert(where: Paths) -> None:
    scene = Scene(where, (300.0,), 3600)
    scene.poll(NOW + 3500)
    scene.report("refused", reason="other-client")
    scene.poll(NOW + 3505)
    scene.given.clear()
    scene.row = replace(scene.row, alerts=())
    scene.poll(NOW + 3350)
    assert scene.given == [(NOW + 3350, AlertReason.EXPIRES)]


@pytest.mark.parametrize(("leads", "ttl"), list(itertools.product(LEADS, (300, 3600))))
def test_a_ping_that_comes_in_time_leaves_no_alert(leads: tuple[float, ...], ttl: int, where: Paths) -> None:
    def keep(scene: Scene) -> None:
        scene.report("kept", at=at, in_a_row=1, pings=[ping(at, ttl=ttl)])

    at = NOW + interval_of(ttl)
    scene = Scene(where, leads, ttl)
    scene.run(at + 2, keep)
    assert scene.given == []
    assert scene.row.request == Request(at, ttl, Source.MOD)
