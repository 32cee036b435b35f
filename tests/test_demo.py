"""The demo: it shows every state within a minute, in its own folder."""

import itertools
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from claude_session_status import demo
from claude_session_status.model import Activity, Alert, Cache, Snapshot, Urgency
from fakes import NOW, FakeClock


class Seen:
    """A listener that records the demo until a moment of the real clock."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self.clock = clock
        self.shots: list[Snapshot] = []
        self.alerts: list[Alert] = []
        self._until = clock.now + seconds
        self.stop = threading.Event()

    def __call__(self, shot: Snapshot, alerts: Sequence[Alert]) -> None:
        self.shots.append(shot)
        self.alerts.extend(alerts)
        if self.clock.now >= self._until:
            self.stop.set()

    @property
    def states(self) -> set[tuple[str, Cache, Activity, Urgency]]:
        return {(s.session.project or "", s.cache, s.activity, s.urgency) for shot in self.shots for s in shot.sessions}


def watch(seconds: float, now: float = NOW) -> Seen:
    """Watch the demo for so many real seconds; the test's clock jumps."""
    clock = FakeClock(now)
    seen = Seen(clock, seconds)
    with demo.demo(alerts=True, real=clock) as monitor:
        monitor.run(seen.stop, seen)
    return seen


@pytest.fixture(scope="module")
def minute() -> Seen:
    """The first minute."""
    return watch(60)


def test_the_first_snapshot_has_six_sessions(minute: Seen) -> None:
    first = {state.session.project: state.cache for state in minute.shots[0].sessions}
    assert first == {
        "web-shop": Cache.WARM,
        "billing-api": Cache.WARM,
        "handbook": Cache.WARM,
        "notebooks": Cache.EXPIRED,
        "dotfiles": Cache.NONE,
        "old-site": Cache.WARM,
    }


# A session that waits or has ended had a prompt before, so something is cached.
UNSEEN = {(Cache.NONE, Activity.WAITING), (Cache.NONE, Activity.ENDED)}


@pytest.mark.parametrize(("cache", "activity"), sorted(set(itertools.product(Cache, Activity)) - UNSEEN))
def test_every_state_is_seen_within_a_minute(cache: Cache, activity: Activity, minute: Seen) -> None:
    assert (cache, activity) in {(c, a) for _, c, a, _ in minute.states}


def test_every_colour_is_seen_within_a_minute(minute: Seen) -> None:
    assert {urgency for *_, urgency in minute.states} == set(Urgency)


def test_alerts_come_at_their_lead_times(minute: Seen) -> None:
    assert {alert.state.session.project for alert in minute.alerts} >= {"web-shop", "billing-api", "handbook"}
    assert {alert.lead_seconds for alert in minute.alerts} == {30, 300}, "an hour-long cache has two"
    for alert in minute.alerts:
        assert alert.lead_seconds - 1 <= (alert.state.seconds_left or 0) <= alert.lead_seconds


def test_both_ttls_are_shown(minute: Seen) -> None:
    ttls = {s.session.request.ttl_seconds for s in minute.shots[-1].sessions if s.session.request}
    assert ttls == {300, 3600}


def test_the_countdown_follows_the_story(minute: Seen) -> None:
    """The web shop's last request was 150 s before the start, so half of its five minutes is left."""
    (state,) = (s for s in minute.shots[0].sessions if s.session.project == "web-shop")
    assert state.seconds_left == pytest.approx(150)


def test_a_prompt_in_the_last_moment_keeps_the_cache_warm(minute: Seen) -> None:
    """As the picture in the README shows it: never at work with a cache that has expired."""
    beginning = [shot for shot in minute.shots if shot.now < NOW + 400]
    states = [s for shot in beginning for s in shot.sessions if s.session.project == "web-shop"]
    assert {state.cache for state in states} == {Cache.WARM}
    assert {state.activity for state in states} == {Activity.IDLE, Activity.WORKING}


def test_a_session_at_work_has_a_warm_cache_again_within_a_second(minute: Seen) -> None:
    """A prompt after the expiry is answered soon, as in reality: nobody should see a long contradiction."""
    cold = dict.fromkeys((session.project for session in demo.DEMO_SESSIONS), 0.0)
    for before, shot in itertools.pairwise(minute.shots):
        for state in before.sessions:
            name = state.session.project or ""
            is_cold = (state.cache, state.activity) == (Cache.EXPIRED, Activity.WORKING)
            cold[name] = cold[name] + shot.now - before.now if is_cold else 0.0
            assert cold[name] <= demo.SPEED, f"{name} for {cold[name]:.0f} made-up seconds"


def test_every_snapshot_says_that_it_is_a_demo(minute: Seen) -> None:
    assert {shot.problem for shot in minute.shots} == {demo.BANNER}


def test_the_story_repeats() -> None:
    """The second minute is like the first: the demo never stands still."""
    shots = [shot for shot in watch(120).shots if shot.now > NOW + demo.CYCLE_SECONDS]
    assert {(s.session.project, s.cache) for shot in shots for s in shot.sessions} >= {
        (session.project, Cache.WARM) for session in demo.DEMO_SESSIONS
    }
    assert {s.activity for shot in shots for s in shot.sessions} == set(Activity)


def test_the_users_files_are_not_touched_and_no_file_is_left(
    claude_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    clock = FakeClock()
    seen = Seen(clock, 5)
    with demo.demo(alerts=True, real=clock) as monitor:
        monitor.run(seen.stop, seen)
        assert len(os.listdir(temporary)) == 1
    assert os.listdir(temporary) == os.listdir(home) == []
    assert not claude_dir.exists()


def test_the_clock_stands_still_while_the_monitor_works_and_stops_early_when_woken() -> None:
    real, played = FakeClock(), list[float]()
    clock = demo.FastClock(1000, 20, played.append, real)
    wake = threading.Event()
    real.now += 50  # a slow poll
    assert clock.time() == 1000
    clock.wait(wake, 10)
    assert (clock.time(), played) == (1010, [1010])
    real.at(real.now + 0.1, wake.set)
    clock.wait(wake, 10)
    assert clock.time() == pytest.approx(1012)


def test_the_fast_clock_does_not_run_ahead_of_the_files() -> None:
    """A line later than its file's own time is not believed."""
    seen = watch(1, now=4e9)
    assert {s.session.project for s in seen.shots[-1].sessions if s.cache is Cache.WARM} >= {"web-shop", "handbook"}
