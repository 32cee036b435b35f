"""The tray: what changes is shown, what is due is told, what breaks is said, and what is asked for ends it."""

import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from claude_session_status.desktop import backend, tray
from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.tray import Tray, TrayOutcome, run_tray
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Activity, Alert, Snapshot, Urgency
from claude_session_status.view import Command, IconSpec, MenuItem
from desktop.fakes import NOW, FakeIcon, FakeNotifier, InlineErrands, ScriptedMonitor, snapshot, state


class Scene:
    def __init__(self, *runs: list[tuple[Snapshot, Sequence[Alert]]] | Exception) -> None:
        self.monitor = ScriptedMonitor(*runs)
        self.icon = FakeIcon()
        self.notifier = FakeNotifier()
        self.opened = 0
        self.terminal: Exception | None = None
        self.tray = Tray(
            self.monitor, self._open_table, clicks=InlineErrands(), notices=InlineErrands(), painter=IconPainter()
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
        return [item.label for item in self.tray.items if not item.separator]

    def item(self, key: str) -> MenuItem:
        return next(item for item in self.tray.items if item.key == key)

    def _open_table(self) -> None:
        self.opened += 1
        if self.terminal is not None:
            raise self.terminal


def alert(session_id: str, left: float = 30) -> Alert:
    return Alert(state(session_id, left, urgency=Urgency.LAST), 30)


# ---- showing ----------------------------------------------------------------


def test_a_snapshot_becomes_icon_tooltip_and_menu() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 100), state("b", 200, urgency=Urgency.CALM)))
    assert scene.icon.specs == [IconSpec(Urgency.SOON, 8)]
    assert scene.icon.titles[-1].startswith("Claude Code: 2 warm, next a until ")
    assert scene.labels() == ["● a   1m 40s left", "● b   3m 20s left", "Show table in a terminal", "Quit"]
    assert scene.icon.menu_updates == 1


def test_what_did_not_change_is_not_shown_again() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 100)))
    scene.tray.show(snapshot(state("a", 100)))
    assert (len(scene.icon.specs), len(scene.icon.titles), scene.icon.menu_updates) == (1, 1, 1)


def test_a_countdown_moves_labels_only() -> None:
    scene = Scene()
    for passed in (0, 1, 2):
        first = dataclasses.replace(state("a", 100), seconds_left=100.0 - passed)
        scene.tray.show(snapshot(first, now=NOW + passed))
    assert (len(scene.icon.specs), len(scene.icon.titles), scene.icon.menu_updates) == (1, 1, 3)


def test_showing_never_raises_into_the_monitor() -> None:
    scene = Scene()

    def broken(spec: IconSpec) -> None:
        raise OSError("no such panel")

    scene.icon.show_spec = broken  # type: ignore[method-assign]  # a backend with a fault
    scene.tray.show(snapshot(state("a")))


# ---- telling ----------------------------------------------------------------


def test_an_alert_becomes_a_notification() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    assert [n.title for n in scene.notifier.shown] == ["a: cache expires in 30s"]


@pytest.mark.parametrize(
    ("later", "closed"),
    [
        (snapshot(state("a", 30)), []),
        (snapshot(state("a", 300)), ["a"]),  # a new turn
        (snapshot(state("a", 30, activity=Activity.ENDED)), ["a"]),
        (snapshot(), ["a"]),
        (snapshot(state("a", -1)), ["a"]),  # expired: "in 30 s" is no longer true
    ],
)
def test_a_notification_that_is_no_longer_true_is_taken_back(later: Snapshot, closed: list[str]) -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    scene.tray.show(later)
    scene.tray.show(later)
    assert scene.notifier.closed == closed


def test_a_notifier_that_raises_does_no_harm() -> None:
    scene = Scene()
    scene.notifier.outcome = None
    scene.tray.show(snapshot(state("a", 30)), [alert("a")])
    scene.tray.show(snapshot())


# ---- clicks -----------------------------------------------------------------


def test_a_click_on_a_session_or_on_the_table_opens_the_table() -> None:
    scene = Scene()
    scene.tray.show(snapshot(state("a")))
    scene.tray.perform(scene.item("session:a"))
    scene.tray.perform(scene.item("show-table"))
    assert scene.opened == 2


def test_a_terminal_that_is_missing_is_said_in_the_menu_until_there_is_one() -> None:
    scene = Scene()
    scene.terminal = SessionStatusError("No terminal program was found", "Set TERMINAL")
    scene.tray.perform(scene.item("show-table"))
    scene.tray.show(snapshot(state("a")))
    assert scene.labels()[0] == "No terminal program was found. Set TERMINAL"
    scene.terminal = None
    scene.tray.perform(scene.item("show-table"))
    scene.tray.show(snapshot(state("a")))
    assert scene.labels()[0] == "● a   1m 40s left"


# ---- the monitor ------------------------------------------------------------


def test_it_runs_until_it_is_ended() -> None:
    scene = Scene([(snapshot(state("a")), [])])
    scene.run()
    assert scene.icon.visible
    assert scene.monitor.woken.is_set()
    assert scene.labels()[0] == "● a   1m 40s left"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("disk full"), "Not watching at the moment: OSError: disk full"),
        (SessionStatusError("The database is broken", "Move it"), "Not watching at the moment: The database is broken"),
    ],
)
def test_a_monitor_that_breaks_is_said_in_the_menu_and_started_again(
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
    assert seen[-1] == "● a   1m 40s left"
    assert scene.monitor.run_count == 2


# ---- the end ----------------------------------------------------------------


def test_quit_ends_it() -> None:
    scene = Scene()
    quitting = threading.Thread(target=lambda: scene.tray.perform(MenuItem("quit", "Quit", Command.QUIT)))
    quitting.start()
    scene.tray.run()
    quitting.join()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_and_find_their_handlers_again(number: signal.Signals) -> None:
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


def test_an_icon_that_can_not_be_made_is_a_failure_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("no menu bar")

    monkeypatch.setattr(backend, "gather", lambda _environ: backend.Facts("darwin"))
    monkeypatch.setattr(backend, "make_icon", broken)
    with pytest.raises(SessionStatusError, match="no menu bar"):
        run_tray(ScriptedMonitor(), ["watch"], environ={})
