"""The X11 icon appears when no panel comes, and goes when one does."""

import threading
from typing import Any

import pytest

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux.bus import CallError, Reply
from claude_session_status.desktop.linux.panel import LinuxIcon
from claude_session_status.desktop.linux.watcher import WATCHER
from claude_session_status.glance import IconSpec
from claude_session_status.model import Urgency
from desktop.fakes import FakeBus, FakeIcon, Step

SPEC = IconSpec(Urgency.SOON, 5)


class Fallbacks:
    """Makes fallback icons, and has events for when one runs and when it has ended."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked = threading.Event()
        self.runs = threading.Event()
        self.ended = threading.Event()
        self.icon = FakeIcon()

    def make(self, title: str) -> Any:
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
    fallbacks: Fallbacks | None, *steps: Step, seconds: float = 0.0, panel: bool = False, host: bool = True
) -> LinuxIcon:
    bus = FakeBus(*steps, lambda _bus: icon.stop())
    bus.answers["GetNameOwner"] = Reply((":1.2",)) if panel else Reply(error=CallError("NameHasNoOwner", ""))
    bus.answers["RegisterStatusNotifierItem"] = Reply()
    bus.answers["Get"] = Reply((("b", host),))
    made: list[Any] = [bus]
    make = fallbacks.make if fallbacks is not None else None
    icon = LinuxIcon(
        "name", IconPainter(), made.pop, make, title="Title", menu=list, perform=print, fallback_seconds=seconds
    )
    icon.show_spec(SPEC)
    icon.visible = True
    icon.run(lambda _icon: None)
    return icon


def test_without_a_panel_the_fallback_starts_and_ends_with_the_icon() -> None:
    fallbacks = Fallbacks()
    play(fallbacks, lambda _bus: assert_set(fallbacks.runs))
    assert_set(fallbacks.ended)
    assert fallbacks.icon.specs == [SPEC]
    assert fallbacks.icon.title == "Title"


def test_a_panel_that_comes_ends_the_fallback() -> None:
    fallbacks = Fallbacks()

    def panel_comes(bus: FakeBus) -> None:
        assert_set(fallbacks.runs)
        bus.peer_signals("NameOwnerChanged", WATCHER, "", ":1.9")
        assert_set(fallbacks.ended)

    play(fallbacks, panel_comes)


def test_no_fallback_is_made_where_a_panel_shows_the_icon() -> None:
    fallbacks = Fallbacks()
    play(fallbacks, lambda _bus: None, seconds=3600, panel=True)
    assert not fallbacks.asked.is_set()


def test_a_watcher_without_a_panel_keeps_the_fallback_until_a_panel_comes() -> None:
    fallbacks = Fallbacks()

    def panel_comes(bus: FakeBus) -> None:
        assert_set(fallbacks.runs)
        bus.answers["Get"] = Reply((("b", True),))
        bus.peer_signals("StatusNotifierHostRegistered", sender=":1.2")
        assert_set(fallbacks.ended)

    icon = play(fallbacks, panel_comes, panel=True, host=False)
    assert icon.shown


@pytest.mark.parametrize("fallbacks", [None, Fallbacks(OSError("no display"))])
def test_a_fallback_that_can_not_be_made_does_no_harm(fallbacks: Fallbacks | None) -> None:
    icon = play(fallbacks, lambda _bus: assert_set(fallbacks.asked) if fallbacks else None)
    assert not icon.shown


def assert_set(event: threading.Event) -> None:
    assert event.wait(5)
