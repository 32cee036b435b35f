"""The tray shows changes, sends due alerts, reports failures, and ends when it is asked to."""

import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import menu_items, view, words
from claude_session_status.desktop import backend, tray
from claude_session_status.desktop.alert_notifications import ICON_PIXELS
from claude_session_status.desktop.capabilities import CapabilityProbe
from claude_session_status.desktop.icon import IconPainter, draw
from claude_session_status.desktop.settings import SettingsFile
from claude_session_status.desktop.task_runner import Task
from claude_session_status.desktop.tray import CAPABILITIES_SECONDS, Tray, TrayOutcome, run_tray
from claude_session_status.errors import SessionStatusError
from claude_session_status.glance import IconSpec
from claude_session_status.keep_warm_times import Choice
from claude_session_status.menu_items import MenuItem, MuteSessions, OpenFolder, Quit
from claude_session_status.model import (
    Activity,
    Alert,
    AlertReason,
    Cache,
    HostConnection,
    HostState,
    SessionState,
    Snapshot,
    Urgency,
)
from claude_session_status.words import FIGURE_SPACE
from desktop.fakes import (
    NOW,
    FakeActions,
    FakeAutostart,
    FakeIcon,
    FakeNotifier,
    FakeSetUp,
    InlineTasks,
    ScriptedMonitor,
    snapshot,
    state,
)


class BusyTasks(InlineTasks):
    """Runs tasks at once, or while it is `busy` when `go_on` is called."""

    def __init__(self) -> None:
        self.busy = False
        self._tasks: list[Task] = []

    def submit(self, task: Task) -> None:
        self._tasks.append(task)
        if not self.busy:
            self.go_on()

    def go_on(self) -> None:
        self.busy = False
        while self._tasks:
            self._tasks.pop(0)()


class Scene:
    def __init__(
        self,
        *runs: list[tuple[Snapshot, Sequence[Alert]]] | Exception,
        probe: CapabilityProbe | None = None,
        **options: Any,
    ) -> None:
        self.monitor = ScriptedMonitor(*runs)
        self.icon = FakeIcon()
        self.notifier = FakeNotifier()
        self.actions = FakeActions()
        self.autostart = FakeAutostart()
        self.set_up = FakeSetUp()
        self.set_up.installed = True
        self.config = Path(os.environ["CLAUDE_CONFIG_DIR"]) / "config.toml"
        self.time = 50.0  # this machine's clock; the snapshots have their own
        self.left_behind = threading.Event()
        self.tasks = BusyTasks()
        self.tray = Tray(
            self.monitor,
            self.actions,
            probe or CapabilityProbe(self.autostart, self.set_up, SettingsFile(str(self.config)), checks_set_up=True),
            clicks=InlineTasks(),
            notifications=self.tasks,
            painter=IconPainter(),
            as_called=lambda text: text.replace("claude-session-status", "./css"),
            clock=lambda: self.time,
            leave=self.left_behind.set,
            **options,
        )
        self.tray.attach(self.icon, self.notifier)

    def run(self) -> None:
        """Run the tray until the monitor's script is over."""

        def end() -> None:
            assert self.monitor.done.wait(5)
            self.tray.end()

        ending = threading.Thread(target=end)
        ending.start()
        self.tray.run()
        ending.join()

    def labels(self) -> list[str]:
        return [item.label for item in self.tray.menu() if not item.separator]

    def item(self, key: str) -> MenuItem:
        return next(item for item in walk(self.tray.menu()) if item.key == key)

    def click(self, key: str) -> None:
        self.tray.perform(self.item(key))


def walk(items: Sequence[MenuItem]) -> Iterator[MenuItem]:
    for item in items:
        yield item
        yield from walk(item.children)


def alert(session_id: str, left: float = 30, **more: Any) -> Alert:
    return Alert(state(session_id, left, urgency=Urgency.LAST, **more), 30)


COMMANDS = ["Pause notifications", "Settings", "Show table in a terminal", "Check set-up", "About", "Quit"]


# ---- showing ----------------------------------------------------------------


def test_a_snapshot_becomes_icon_tooltip_and_menu() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 100), state("b", 200, urgency=Urgency.CALM)))
    assert scene.icon.specs == [IconSpec(Urgency.SOON, 8)]
    assert scene.icon.titles[-1].startswith("Claude Code: 2 warm, next: a at ")
    assert scene.labels() == [f"{FIGURE_SPACE}1:40 ● a", f"{FIGURE_SPACE}3:20 ● b", *COMMANDS]
    assert scene.icon.menu_updates == 1


def test_an_unchanged_snapshot_is_not_shown_again() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 100)))
    scene.tray.show(snapshot(state("a", 100)))
    assert (len(scene.icon.specs), len(scene.icon.titles), scene.icon.menu_updates) == (1, 1, 1)


def test_a_countdown_changes_labels_only() -> None:
    scene = Scene()
    for passed in (0, 1, 2):
        first = dataclasses.replace(state("a", 100), seconds_left=100.0 - passed)
        scene.tray.show(snapshot(first, now=NOW + passed))
    assert (len(scene.icon.specs), len(scene.icon.titles), scene.icon.menu_updates) == (1, 1, 3)


def test_while_no_menu_can_be_open_seconds_change_nothing_and_one_that_opens_shows_the_present() -> None:
    scene = Scene()
    scene.icon.menu_may_be_open = False
    first = state("a", 200, urgency=Urgency.CALM)
    for passed in (0, 1, 2):
        shown = dataclasses.replace(first, seconds_left=200.0 - passed)
        scene.tray.show(snapshot(shown, now=NOW + passed))
    assert scene.icon.menu_updates == 1
    scene.time += 8  # this machine's clock, which the demo's is ahead of
    assert scene.labels()[0] == f"{FIGURE_SPACE}3:10 ● a"


def test_a_change_that_is_no_countdown_reaches_a_closed_menu_at_once() -> None:
    scene = Scene()
    scene.icon.menu_may_be_open = False
    calm = state("a", 200, urgency=Urgency.CALM)
    for shown in (
        snapshot(calm),
        snapshot(dataclasses.replace(calm, activity=Activity.WAITING)),
        snapshot(calm, state("b", 250)),
        snapshot(calm),
        snapshot(calm, problem="no disk"),
    ):
        before = scene.icon.menu_updates
        scene.tray.show(shown)
        assert scene.icon.menu_updates == before + 1
        scene.tray.show(shown)
        assert scene.icon.menu_updates == before + 1


def test_while_no_menu_can_be_open_it_asks_for_the_next_snapshot_when_the_icon_changes() -> None:
    scene = Scene()
    calm = state("a", 290, urgency=Urgency.CALM)
    assert scene.tray.show(snapshot(calm)) is None  # the menu may be open: by the second
    scene.icon.menu_may_be_open = False
    wanted = scene.tray.show(snapshot(calm))
    assert wanted == pytest.approx(NOW + 290 - 23 / 24 * 300)
    assert scene.tray.show(snapshot()) == NOW + CAPABILITIES_SECONDS  # nothing counts down
    notified = alert("a")
    scene.tray.show(snapshot(notified.state), [notified])
    assert scene.tray.show(snapshot(notified.state)) is None  # a notification is on the screen


def test_a_menu_that_opens_makes_the_monitor_show_the_present_at_once() -> None:
    scene = Scene()
    scene.tray.count()
    assert scene.monitor.woken.is_set()


def test_showing_never_raises_into_the_monitor() -> None:
    scene = Scene()

    def broken(spec: IconSpec) -> None:
        raise OSError("no such panel")

    scene.icon.show_spec = broken  # type: ignore[method-assign]  # a backend with a fault
    scene.tray.show(snapshot(state("a")))


# ---- alerts -----------------------------------------------------------------


def test_an_alert_becomes_a_notification() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    assert [n.title for n in scene.notifier.shown] == ["a: cache expires at 08:00:30"]


@pytest.mark.parametrize(
    ("later", "closed"),
    [
        (snapshot(state("a", 30)), []),
        (snapshot(state("a", 30.9)), []),  # another source, a second off
        (snapshot(state("a", 300)), ["a"]),  # a new turn
        (snapshot(state("a", 30, muted=True)), ["a"]),
        (dataclasses.replace(snapshot(state("a", 30)), paused_until=NOW + 3600), ["a"]),
        (snapshot(state("a", 30, activity=Activity.ENDED)), ["a"]),
        (snapshot(), ["a"]),
        (snapshot(state("a", -1)), ["a"]),  # expired
    ],
)
def test_a_notification_that_is_no_longer_true_is_withdrawn(later: Snapshot, closed: list[str]) -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    scene.tray.show(later)
    scene.tray.show(later)
    assert scene.notifier.closed == closed


def test_the_notification_of_a_compaction_is_withdrawn_once_that_is_over_or_no_longer_comes() -> None:
    scene = Scene()
    compacts = dataclasses.replace(state("a", 480), compacts_at=NOW + 120)
    scene.tray.show(snapshot(compacts), [Alert(compacts, 480)])
    scene.tray.show(snapshot(compacts))
    assert scene.notifier.closed == []
    scene.tray.show(snapshot(state("a", 480)))
    assert scene.notifier.closed == ["a"]


def waiting(session_id: str, left: float = 100, **more: Any) -> SessionState:
    return state(session_id, left, activity=Activity.WAITING, **more)


def wait_alert(session_id: str, left: float = 100) -> Alert:
    return Alert(waiting(session_id, left), 0, reason=AlertReason.WAITS)


@pytest.mark.parametrize(
    ("what", "later", "closed"),
    [
        ("it still waits", waiting("a", 99), []),
        ("it was answered", state("a", 99), ["a"]),
        ("it was answered, and waits again", waiting("a", 250), ["a"]),
        ("its cache has expired meanwhile", waiting("a", -1), []),
        ("it was muted", waiting("a", muted=True), ["a"]),
        ("it has ended", state("a", activity=Activity.ENDED), ["a"]),
    ],
)
def test_the_notification_of_a_wait_stays_as_long_as_the_wait(
    what: str, later: SessionState, closed: list[str]
) -> None:
    scene = Scene()
    scene.tray.show(snapshot(waiting("a")), [wait_alert("a")])
    if later.cache is Cache.EXPIRED:
        later = dataclasses.replace(later, expires_at=NOW + 100)
    scene.tray.show(snapshot(later))
    assert [n.title for n in scene.notifier.shown] == ["a waits for you"], what
    assert scene.notifier.untils == [None]
    assert scene.notifier.closed == closed


def test_the_notification_of_a_wait_is_sent_late_too_and_knows_that_the_cache_has_expired() -> None:
    scene = Scene()
    scene.tasks.busy = True
    scene.tray.show(snapshot(waiting("a", 20)), [wait_alert("a", 20)])
    scene.time += 60
    scene.tasks.go_on()
    assert [n.body for n in scene.notifier.shown] == ["It needs your permission or an answer."]


def test_the_icon_of_a_notification_is_its_own_sessions_and_not_the_trays() -> None:
    scene = Scene()
    calm = state("calm", 290, urgency=Urgency.CALM)
    scene.tray.show(snapshot(state("last", 20, urgency=Urgency.LAST), calm), [Alert(calm, 300)])
    assert scene.icon.specs[-1].urgency is Urgency.LAST
    assert scene.notifier.images == [draw(IconSpec(Urgency.CALM, 24), ICON_PIXELS)]


def test_a_notification_of_the_demo_stays_long_enough_to_be_read() -> None:
    scene = Scene(least_notified_seconds=10)
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    for passed in (1.5, 9.9, 10.0):
        assert scene.notifier.closed == []
        scene.time = 50 + passed
        scene.tray.show(snapshot(state("a", -1)))
    assert scene.notifier.closed == ["a"]


def test_a_tray_that_ends_withdraws_notifications_whose_buttons_no_longer_work() -> None:
    scene = Scene([(snapshot(state("a", 30)), [alert("a")])])
    scene.run()
    assert scene.notifier.closed == ["a"]


def test_alerts_are_also_given_to_the_command_of_the_user() -> None:
    given: list[tuple[float, str]] = []
    ended: list[bool] = []
    scene = Scene(
        [(snapshot(), []), (snapshot(state("a", 30)), [alert("a")])],
        on_alerts=lambda shot, alerts: given.extend((shot.now, a.state.session.session_id) for a in alerts),
        on_end=lambda: ended.append(True),
    )
    scene.run()
    assert (given, ended) == ([(NOW, "a")], [True])


def test_a_notifier_that_raises_does_not_stop_the_tray() -> None:
    scene = Scene()
    scene.notifier.outcome = None
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    scene.tray.show(snapshot())


def test_expiries_within_five_seconds_are_one_notification() -> None:
    scene = Scene()
    shot = snapshot(state("a", 30), state("b", 34), state("c", 36))
    scene.tray.show(shot, [alert("a", 30), alert("c", 36), alert("b", 34)])
    assert [n.title for n in scene.notifier.shown] == ["2 caches expire at 08:00:30", "c: cache expires at 08:00:36"]
    assert scene.notifier.shown[0].session_ids == ("a", "b")


def test_a_notification_distinguishes_two_sessions_in_the_same_folder() -> None:
    scene = Scene()
    twins = [
        dataclasses.replace(s, session=dataclasses.replace(s.session, project="tmp"))
        for s in (state("a", 30), state("b", 90))
    ]
    scene.tray.show(snapshot(*twins), [Alert(twins[0], 30)])
    assert [n.title for n in scene.notifier.shown] == ["tmp a: cache expires at 08:00:30"]


def test_a_session_with_a_new_turn_is_removed_from_a_common_notification_and_the_last_one_closes_it() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30), state("b", 34)), [alert("a", 30), alert("b", 34)])
    scene.tray.show(snapshot(state("a", 300), state("b", 34)))
    assert [(n.key, n.title) for n in scene.notifier.shown] == [
        ("a", "2 caches expire at 08:00:30"),
        ("a", "b: cache expires at 08:00:34"),
    ]
    assert not scene.notifier.shown[-1].sound
    scene.tray.show(snapshot(state("a", 300), state("b", 300)))
    assert scene.notifier.closed == ["a"]


def test_a_common_notification_that_can_not_be_replaced_is_not_announced_once_more() -> None:
    """On macOS and Windows a changed one would pop up as a new one."""
    scene = Scene()
    scene.notifier.replaces = False
    scene.tray.show(snapshot(state("a", 30), state("b", 34)), [alert("a", 30), alert("b", 34)])
    scene.tray.show(snapshot(state("a", 300), state("b", 34)))
    assert [n.title for n in scene.notifier.shown] == ["2 caches expire at 08:00:30"]
    scene.tray.show(snapshot(state("a", 300), state("b", 300)))
    assert scene.notifier.closed == ["a"]


def test_a_later_notification_about_a_session_replaces_the_earlier_one() -> None:
    """Five minutes before and thirty seconds before: the second takes the first one's place, whatever it is with."""
    scene = Scene()
    scene.tray.show(snapshot(state("b", 30), state("a", 34)), [alert("a", 34)])
    scene.tray.show(snapshot(state("b", 30), state("a", 34)), [alert("b", 30), alert("a", 34)])
    assert [(n.key, n.session_ids) for n in scene.notifier.shown] == [("a", ("a",)), ("a", ("b", "a"))]
    assert scene.notifier.closed == []


@pytest.mark.parametrize(
    ("waited", "shown"),
    [
        (0.0, [("3 caches expire at 08:00:20", ("a", "b", "c"), False)]),
        (0.01, [("3 caches expire at 08:00:20", ("a", "b", "c"), False)]),
        (10.0, [("3 caches expire at 08:00:20", ("a", "b", "c"), False)]),
        (22.0, [("2 caches expire at 08:00:23", ("b", "c"), False)]),
        (23.5, [("c: cache expires at 08:00:24", ("c",), False)]),
        (24.0, []),
        (3600.0, []),
    ],
)
def test_the_text_is_made_when_it_is_sent(waited: float, shown: list[tuple[str, tuple[str, ...], bool]]) -> None:
    """A notification service that hangs keeps those that follow waiting."""
    scene = Scene()
    scene.tasks.busy = True
    lefts = {"a": 20.0, "b": 23.0, "c": 24.0}
    scene.tray.show(
        snapshot(*(state(name, left) for name, left in lefts.items())), [alert(n, left) for n, left in lefts.items()]
    )
    scene.time += waited
    scene.tasks.go_on()
    assert [(n.title, n.session_ids, n.sound) for n in scene.notifier.shown] == shown
    assert scene.notifier.untils == [74.0] * len(shown)  # by this machine's clock


def test_a_notification_that_waited_into_the_last_seconds_is_urgent() -> None:
    scene = Scene()
    scene.tasks.busy = True
    scene.tray.show(snapshot(state("a", 35)), [Alert(state("a", 35, urgency=Urgency.SOON), 35)])
    scene.time += 10
    scene.tasks.go_on()
    assert [(n.title, n.urgent) for n in scene.notifier.shown] == [("a: cache expires at 08:00:35", True)]


def test_a_notification_that_stays_true_is_sent_however_late() -> None:
    scene = Scene()
    scene.set_up.installed = False
    scene.tray.show(snapshot())
    scene.tasks.busy = True
    scene.click("set-up-hooks")
    scene.time += 3600
    scene.tasks.go_on()
    assert [n.title for n in scene.notifier.shown] == ["Claude Code's hooks are set up"]


# ---- clicks -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "done"),
    [
        ("show-table", ("table",)),
        ("check-set-up", ("check",)),
        ("session:a:copy", ("copy", "/home/me/a", "a")),
        ("session:a:folder", ("folder", "/home/me/a")),
    ],
)
def test_a_click_does_what_its_item_says(key: str, done: tuple[str, ...]) -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("b"), state("a", cwd="/home/me/a")))
    scene.click(key)
    assert scene.actions.done == [done]


@pytest.mark.parametrize(
    ("key", "muted", "received"),
    [
        ("session:a:mute", False, ("mute", "a")),
        ("session:a:mute", True, ("unmute", "a")),
        ("pause:hour", False, ("pause", "hour")),
        ("pause:tomorrow", False, ("pause", "tomorrow")),
        ("pause:off", False, ("pause", "off")),
    ],
)
def test_mute_and_pause_reach_the_monitor(key: str, muted: bool, received: tuple[str, str]) -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", muted=muted)))
    scene.click(key)
    assert scene.monitor.requests == [received]


def test_the_buttons_of_a_notification_apply_to_the_sessions_that_it_names() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30), state("b", 34)), [alert("a", 30), alert("b", 34)])
    (shown,) = scene.notifier.shown
    for button in shown.buttons:
        scene.tray.run_action(button.action)
    assert scene.monitor.requests == [("mute", "a"), ("mute", "b"), ("pause", "hour")]


def test_a_missing_terminal_is_reported_in_the_menu_until_a_click_works() -> None:
    scene = Scene()
    scene.actions.error = SessionStatusError("No terminal program was found", "Set TERMINAL")
    scene.click("show-table")
    scene.tray.show(snapshot(state("a")))
    assert scene.labels()[:2] == ["No terminal program was found", "Set TERMINAL"]
    scene.actions.error = None
    scene.click("show-table")
    scene.tray.show(snapshot(state("a")))
    assert scene.labels()[0] == f"{FIGURE_SPACE}1:40 ● a"


def test_a_failed_click_is_reported_for_a_minute() -> None:
    scene = Scene()
    scene.actions.error = SessionStatusError("No terminal program was found", "Set TERMINAL")
    scene.click("show-table")
    said = [at for at in range(200) if _says(scene, 50.0 + at, "No terminal program was found")]
    assert said == list(range(60))
    scene.click("show-table")  # the same again is news again
    assert _says(scene, 249.0, "No terminal program was found")
    assert not _says(scene, 200.0, "No terminal program was found"), "a clock that was set back holds nothing up"


def _says(scene: Scene, time: float, text: str) -> bool:
    scene.time = time
    scene.tray.show(snapshot(state("a")))
    return text in scene.labels()


def test_a_session_is_forgotten_a_minute_after_the_click_and_hidden_at_once() -> None:
    scene = Scene()
    shot = snapshot(state("a", 30), state("b", 200))
    scene.tray.show(shot)
    scene.click("session:a:forget")
    scene.tray.show(shot, [alert("a")])
    assert scene.labels()[:2] == [f"{FIGURE_SPACE}3:20 ● b", "Undo: forget a"]
    assert scene.notifier.shown == []
    scene.time += 59.9
    scene.tray.show(shot)
    assert scene.monitor.requests == []
    scene.time += 0.1
    scene.tray.show(shot)
    scene.tray.show(shot)  # the monitor has not done it yet
    assert scene.monitor.requests == [("forget", "a")]
    assert scene.labels()[:2] == [f"{FIGURE_SPACE}3:20 ● b", "Pause notifications"]


def test_forgetting_can_be_undone_for_a_minute() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30)))
    scene.click("session:a:forget")
    scene.tray.show(snapshot(state("a", 30)))
    scene.click("undo:a")
    scene.time += 100
    scene.tray.show(snapshot(state("a", 30)))
    assert scene.labels()[0] == f"{FIGURE_SPACE}0:30 ● a"
    assert scene.monitor.requests == []


def test_keep_warm_is_asked_of_the_monitor_and_what_it_did_is_notified() -> None:
    scene = Scene()
    scene.tray.run_action(menu_items.KeepSessionWarm("a", Choice.HOUR, consents=True))
    assert scene.monitor.requests == [("keep warm hour, consents", "a")]
    content = scene.notifier.shown[-1]
    assert content.title == "Kept warm until 14:05: web-shop"
    assert content.body.startswith("1 ping, about $0.07 an hour")


def test_a_session_that_is_used_again_within_the_minute_is_not_forgotten() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30)))
    scene.click("session:a:forget")
    scene.tray.show(snapshot(state("a", 300)))
    assert scene.labels()[:2] == [f"{FIGURE_SPACE}5:00 ● a", "Pause notifications"]
    scene.time += 100
    scene.tray.show(snapshot(state("a", 200)))
    assert scene.monitor.requests == []


def test_a_tray_that_ends_forgets_what_was_to_be_forgotten() -> None:
    scene = Scene([(snapshot(state("a")), [])])
    scene.tray.show(snapshot(state("a")))
    scene.click("session:a:forget")
    scene.run()
    assert scene.monitor.requests == [("forget", "a")]


def test_a_copied_command_is_confirmed() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a")))
    scene.click("session:a:copy")
    scene.tray.show(snapshot(state("a")))
    assert [(n.title, n.body) for n in scene.notifier.shown] == [
        ("Copied: paste it into a terminal", "claude --resume a")
    ]
    assert scene.item("session:a:copy").label == "Copy resume command ✓ copied"
    scene.time += 60
    scene.tray.show(snapshot(state("a")))
    assert scene.item("session:a:copy").label == "Copy resume command"


def test_a_command_that_a_terminal_shows_was_not_copied() -> None:
    scene = Scene()
    scene.actions.has_clipboard = False
    scene.tray.show(snapshot(state("a")))
    scene.click("session:a:copy")
    assert scene.notifier.shown == []


def test_a_setting_is_written_and_shown_at_once() -> None:
    scene = Scene()
    scene.config.parent.mkdir()
    scene.config.write_text("# mine\nsound = true  # loud\n")
    scene.tray.show(snapshot())
    scene.click("settings:before:120")
    scene.click("settings:sound")
    scene.click("settings:waiting")
    scene.tray.show(snapshot())
    assert scene.config.read_text() == (
        "# mine\nsound = false  # loud\nnotify_before_seconds = 120\nnotify_when_waiting = true\n"
    )
    assert scene.item("settings:before:120").checked
    assert scene.item("settings:waiting").checked
    assert scene.monitor.woken.is_set()  # it reads the file again at once
    scene.click("settings:file")
    assert scene.actions.done == [("edit", str(scene.config))]


def test_a_broken_settings_file_is_named_and_left_alone() -> None:
    scene = Scene()
    scene.config.parent.mkdir()
    scene.config.write_text("sound = tru")
    scene.tray.show(snapshot())
    scene.click("settings:sound")
    scene.tray.show(snapshot())
    assert scene.labels()[0].startswith("config.toml is not valid TOML: ")
    assert scene.labels()[1].startswith("Nothing was changed. ")
    assert scene.config.read_text() == "sound = tru"


def test_hints_name_the_command_as_it_was_called() -> None:
    scene = Scene()
    scene.actions.error = SessionStatusError("No terminal", "Run: claude-session-status watch")
    scene.click("show-table")
    scene.tray.show(snapshot(problem="Run: claude-session-status doctor"))
    assert scene.labels()[:3] == ["No terminal", "Run: ./css watch", "Run: ./css doctor"]
    assert scene.notifier.shown[0].body == "Run: ./css watch"


def test_a_full_disk_is_reported_in_the_menu() -> None:
    scene = Scene()
    scene.monitor.refuses = OSError(28, "No space left on device", "/home/me/spool")
    scene.tray.show(snapshot(state("a")))
    scene.click("session:a:mute")
    scene.tray.show(snapshot(state("a")))
    assert scene.labels()[0] == "/home/me/spool: No space left on device"


def test_start_at_login_is_switched_on_and_off_and_shown_at_once() -> None:
    scene = Scene()
    seen = []
    for _ in range(3):
        scene.tray.show(snapshot(state("a")))
        seen.append((scene.item("settings:login").checked, scene.autostart.on))
        scene.click("settings:login")
    assert seen == [(False, False), (True, True), (False, False)]


def test_without_hooks_the_first_item_sets_them_up_and_then_goes() -> None:
    scene = Scene()
    scene.set_up.installed = False
    scene.tray.show(snapshot())
    assert scene.labels()[:2] == ["Set up Claude Code hooks…", words.NO_SESSIONS]
    scene.set_up.error = SessionStatusError("settings.json has a comment", "Take it out")
    scene.click("set-up-hooks")
    scene.tray.show(snapshot())
    assert scene.labels()[:3] == ["Set up Claude Code hooks…", "settings.json has a comment", "Take it out"]
    assert [(n.title, n.body) for n in scene.notifier.shown] == [("settings.json has a comment", "Take it out")]
    scene.set_up.error = None
    scene.click("set-up-hooks")
    scene.tray.show(snapshot())
    assert scene.labels()[0] == words.NO_SESSIONS
    assert [(n.title, n.body) for n in scene.notifier.shown[1:]] == [
        ("Claude Code's hooks are set up", "Edited settings.json")
    ]


def test_a_capability_that_can_not_be_read_is_not_offered() -> None:
    class Broken:
        def is_on(self) -> bool:
            raise OSError("no such folder")

        def turn(self, on: bool) -> None:
            raise AssertionError

    assert CapabilityProbe(Broken()).read() == view.Capabilities()


# ---- the monitor ------------------------------------------------------------


def test_it_runs_until_it_is_ended() -> None:
    scene = Scene([(snapshot(state("a")), [])])
    scene.run()
    assert scene.icon.visible
    assert scene.monitor.woken.is_set()
    assert scene.labels()[0] == f"{FIGURE_SPACE}1:40 ● a"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("disk full"), "Not watching at the moment: OSError: disk full"),
        (SessionStatusError("The database is broken", "Move it"), "Not watching at the moment: The database is broken"),
    ],
)
def test_a_monitor_that_fails_is_reported_in_the_menu_and_restarted(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tray, "RETRY_SECONDS", (0.0,))
    scene = Scene([(snapshot(state("a")), [])], error)
    seen: list[str] = []
    show = scene.tray.show

    def spy(shot: Snapshot, alerts: Sequence[Alert] = ()) -> None:
        show(shot, alerts)
        seen.append(scene.labels()[0])

    scene.tray.show = spy  # type: ignore[method-assign, assignment]  # to see what stands there for a moment
    scene.monitor = ScriptedMonitor(error, [(snapshot(state("a")), [])])
    scene.tray._monitor = scene.monitor
    scene.run()
    assert seen[0].startswith(words[:20])
    assert seen[-1] == f"{FIGURE_SPACE}1:40 ● a"
    assert scene.monitor.run_count == 2


# ---- the end ----------------------------------------------------------------


def test_signal_handlers_run_within_a_second_where_no_signal_wakes_the_icon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tray, "SIGNAL_SECONDS", 0.01)
    scene = Scene()
    runs: list[float] = []

    def run_pending_signals() -> None:
        runs.append(scene.time)
        if len(runs) == 3:
            scene.tray.end()

    scene.icon.run_pending_signals = run_pending_signals
    scene.tray.run()
    assert len(runs) == 3


def test_quit_ends_it() -> None:
    scene = Scene()
    quitting = threading.Thread(target=lambda: scene.tray.perform(MenuItem("quit", "Quit", Quit())))
    quitting.start()
    scene.tray.run()
    quitting.join()


def test_what_ends_the_process_without_returning_can_finish_it_first() -> None:
    """As macOS does at logout."""
    scene = Scene([(snapshot(state("a")), [])])

    def run(_setup: object) -> None:
        scene.monitor.done.wait(5)
        scene.tray.finish()
        assert "monitor" not in {thread.name for thread in threading.enumerate()}

    scene.icon.run = run  # type: ignore[method-assign, assignment]  # in its place
    scene.tray.run()
    assert not scene.left_behind.is_set()


def test_the_process_leaves_an_icon_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tray, "END_SECONDS", 0.01)
    scene = Scene()
    stop = scene.icon.stop
    scene.icon.stop = lambda: None  # type: ignore[method-assign]  # a bus or a display that hangs

    def end() -> None:
        scene.tray.end()
        scene.left_behind.wait(5)
        stop()

    ending = threading.Thread(target=end)
    ending.start()
    scene.tray.run()
    ending.join()
    assert scene.left_behind.is_set()


def test_an_icon_that_ends_in_time_is_waited_for() -> None:
    scene = Scene([(snapshot(), [])])
    scene.run()
    assert not scene.left_behind.is_set()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_and_their_handlers_are_restored(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    scene = Scene([(snapshot(), [])])

    def kill() -> None:
        assert scene.monitor.done.wait(5)
        os.kill(os.getpid(), number)

    killing = threading.Thread(target=kill)
    killing.start()
    scene.tray.run()
    killing.join()
    assert signal.getsignal(number) is before


def test_without_a_display_it_says_why_and_does_not_watch() -> None:
    monitor = ScriptedMonitor()
    result = run_tray(monitor, ["watch"], environ={})
    assert result.outcome is TrayOutcome.NO_DISPLAY
    assert result.reason
    assert monitor.run_count == 0


def test_an_icon_that_can_not_be_made_is_an_error_with_a_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("no menu bar")

    monkeypatch.setattr(backend, "gather", lambda _environ: backend.DesktopFacts("darwin"))
    monkeypatch.setattr(backend, "make_icon", broken)
    with pytest.raises(SessionStatusError, match="no menu bar"):
        run_tray(ScriptedMonitor(), ["watch"], environ={})


# ---- sessions and parts that can't be shown ---------------------------------


def test_a_menu_that_fails_does_not_keep_alerts_from_being_sent() -> None:
    scene = Scene()

    def broken(spec: IconSpec) -> None:
        raise OSError("no such panel")

    scene.icon.show_spec = broken  # type: ignore[method-assign]  # a faulty backend
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    assert [n.title for n in scene.notifier.shown] == ["a: cache expires at 08:00:30"]


def test_a_session_that_can_not_be_shown_does_not_hide_the_others() -> None:
    scene = Scene()
    odd = dataclasses.replace(state("odd", 50), expires_at=1e300)
    scene.tray.show(snapshot(state("a", 100), odd))
    assert scene.labels()[0] == f"{FIGURE_SPACE}1:40 ● a"
    assert scene.icon.titles[-1].startswith("Claude Code: 2 warm")


# ---- actions ----------------------------------------------------------------


def test_quit_does_not_wait_for_a_click_that_takes_long() -> None:
    scene = Scene()
    clicks = BusyTasks()
    clicks.busy = True
    scene.tray._clicks = clicks
    scene.tray.run_action(OpenFolder("/slow"))
    quitting = threading.Thread(target=lambda: scene.tray.run_action(Quit()))
    quitting.start()
    scene.tray.run()
    quitting.join()
    assert scene.actions.done == []


def test_a_click_without_autostart_or_set_up_does_nothing() -> None:
    scene = Scene(probe=CapabilityProbe())
    for action in (menu_items.StartAtLogin(on=True), menu_items.SetUpHooks(), MuteSessions(())):
        scene.tray.run_action(action)
    assert (scene.monitor.requests, scene.autostart.on, scene.notifier.shown) == ([], False, [])


# ---- other machines -----------------------------------------------------------


def test_a_lost_machine_is_notified_once_and_withdrawn_when_it_is_back() -> None:
    there = state("build/shop", 100)
    there = dataclasses.replace(there, session=dataclasses.replace(there.session, host="build"))
    scene = Scene()

    def seen(after: float, connection: HostConnection, since: float) -> Snapshot:
        shot = snapshot(there)
        return dataclasses.replace(
            shot, now=shot.now + after, hosts=(HostState("build", connection, shot.now + since),)
        )

    for after in (0, 179, 181, 182, 300):
        scene.tray.show(seen(after, HostConnection.UNREACHABLE, 0))
    assert [(n.key, n.title) for n in scene.notifier.shown] == [
        ("host:build", "build has not been reachable for 3 min")
    ]
    assert scene.notifier.closed == []
    scene.tray.show(seen(301, HostConnection.CONNECTED, 301))
    assert scene.notifier.closed == ["host:build"]
    scene.tray.show(seen(600, HostConnection.UNREACHABLE, 1))  # found out late, as after sleep
    assert len(scene.notifier.shown) == 1


def test_the_resume_command_of_another_machines_session_is_asked_for_with_its_own_id() -> None:
    scene = Scene()
    scene.tray.run_action(menu_items.CopyResumeCommand("build/0b7f", "/srv/shop", "build"))
    assert scene.actions.done == [("copy", "/srv/shop", "0b7f", "build")]
