"""The stand-in comes when no panel does, and goes when one does."""

import threading
from typing import Any

import pytest

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux.bus import CallError, Reply
from claude_session_status.desktop.linux.panel import LinuxIcon
from claude_session_status.desktop.linux.watcher import WATCHER
from claude_session_status.model import Urgency
from claude_session_status.view import IconSpec
from desktop.fakes import FakeBus, FakeIcon, Step

SPEC = IconSpec(Urgency.SOON, 5)


class StandIns:
    """Makes stand-ins, and tells when one runs and when it has ended."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked = threading.Event()
        self.runs = threading.Event()
        self.ended = threading.Event()
        self.icon = FakeIcon()

    def make(self, title: str, menu: Any) -> Any:
        self.asked.set()
        if self.error is not None:
            raise self.error
        self.icon.title = title
        outer = self

        class Running(FakeIcon):
            title = ""

            def run(self, setup: Any = None) -> None:
                outer.runs.set()
                super().run(setup)
                outer.ended.set()

        running = Running()
        running.specs = self.icon.specs
        return running


def play(
    stand_ins: StandIns | None, *steps: Step, patience: float = 0.0, panel: bool = False, host: bool = True
) -> LinuxIcon:
    bus = FakeBus(*steps, lambda _bus: icon.stop())
    bus.answers["GetNameOwner"] = Reply((":1.2",)) if panel else Reply(error=CallError("NameHasNoOwner", ""))
    bus.answers["RegisterStatusNotifierItem"] = Reply()
    bus.answers["Get"] = Reply((("b", host),))
    made: list[Any] = [bus]
    make = stand_ins.make if stand_ins is not None else None
    icon = LinuxIcon("name", IconPainter(), made.pop, make, title="Title", patience=patience)
    icon.show_spec(SPEC)
    icon.visible = True
    icon.run(lambda _icon: None)
    return icon


def test_without_a_panel_the_stand_in_comes_and_goes_with_the_icon() -> None:
    stand_ins = StandIns()
    play(stand_ins, lambda _bus: assert_set(stand_ins.runs))
    assert_set(stand_ins.ended)
    assert stand_ins.icon.specs == [SPEC]
    assert stand_ins.icon.title == "Title"


def test_a_panel_that_comes_ends_the_stand_in() -> None:
    stand_ins = StandIns()

    def panel_comes(bus: FakeBus) -> None:
        assert_set(stand_ins.runs)
        bus.peer_signals("NameOwnerChanged", WATCHER, "", ":1.9")
        assert_set(stand_ins.ended)

    play(stand_ins, panel_comes)


def test_a_panel_that_is_there_leaves_no_room_for_a_stand_in() -> None:
    stand_ins = StandIns()
    play(stand_ins, lambda _bus: None, patience=3600, panel=True)
    assert not stand_ins.asked.is_set()


def test_a_watcher_without_a_panel_leaves_the_stand_in_until_a_panel_comes() -> None:
    stand_ins = StandIns()

    def panel_comes(bus: FakeBus) -> None:
        assert_set(stand_ins.runs)
        bus.answers["Get"] = Reply((("b", True),))
        bus.peer_signals("StatusNotifierHostRegistered", sender=":1.2")
        assert_set(stand_ins.ended)

    icon = play(stand_ins, panel_comes, panel=True, host=False)
    assert icon.shown


@pytest.mark.parametrize("stand_ins", [None, StandIns(OSError("no display"))])
def test_a_stand_in_that_can_not_be_had_is_no_harm(stand_ins: StandIns | None) -> None:
    icon = play(stand_ins, lambda _bus: assert_set(stand_ins.asked) if stand_ins else None)
    assert not icon.shown


def assert_set(event: threading.Event) -> None:
    assert event.wait(5)
