"""Each way of notifying, and the order in which the ways are tried."""

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
from PIL import Image

from claude_session_status.desktop.linux.bus import Body, BusError, Call, CallError, NoAnswerError, Reply, Target
from claude_session_status.desktop.linux.bus_thread import BusThread
from claude_session_status.desktop.notify import Chain, NotifyOutcome, chain_for
from claude_session_status.desktop.notify.base import fit
from claude_session_status.desktop.notify.freedesktop import TARGET, TRIES, FreedesktopNotifier
from claude_session_status.desktop.notify.through_icon import IconNotifier
from claude_session_status.desktop.notify.through_osascript import OsascriptNotifier, command_for
from claude_session_status.desktop.notify.through_plyer import PlyerNotifier
from claude_session_status.menu_items import Action, GoToSession, MuteSessions, PauseNotifications
from claude_session_status.model import Pause
from claude_session_status.notification import Button, Notification
from desktop.fakes import FakeBus, FakeNotifier

SOON = Notification("a", "a: cache expires in 30s", "Answer <now> & here.")
LAST = Notification("a", "a: cache expires in 5s", "Now.", urgent=True)

# ---- the chain --------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "result", "tried"),
    [
        ([NotifyOutcome.SENT, NotifyOutcome.SENT], NotifyOutcome.SENT, [NotifyOutcome.SENT]),
        (
            [NotifyOutcome.UNAVAILABLE, NotifyOutcome.SENT],
            NotifyOutcome.SENT,
            [NotifyOutcome.UNAVAILABLE, NotifyOutcome.SENT],
        ),
        (
            [NotifyOutcome.FAILED, NotifyOutcome.UNCONFIRMED],
            NotifyOutcome.UNCONFIRMED,
            [NotifyOutcome.FAILED, NotifyOutcome.UNCONFIRMED],
        ),
        ([None, NotifyOutcome.SENT], NotifyOutcome.SENT, [NotifyOutcome.FAILED, NotifyOutcome.SENT]),
        ([NotifyOutcome.FAILED, None], NotifyOutcome.FAILED, [NotifyOutcome.FAILED, NotifyOutcome.FAILED]),
        (
            [NotifyOutcome.NO_ANSWER, NotifyOutcome.SENT],
            NotifyOutcome.NO_ANSWER,
            [NotifyOutcome.NO_ANSWER],
        ),  # notify-send asks the same one
        ([NotifyOutcome.LATE, NotifyOutcome.SENT], NotifyOutcome.LATE, [NotifyOutcome.LATE]),
        ([], NotifyOutcome.UNAVAILABLE, []),
    ],
)
def test_the_first_way_that_works_wins(
    outcomes: list[NotifyOutcome | None], result: NotifyOutcome, tried: list[NotifyOutcome]
) -> None:
    ways = [FakeNotifier(outcome, f"way {i}") for i, outcome in enumerate(outcomes)]
    chain = Chain(ways)
    assert chain.notify(SOON, None).outcome is result
    assert [(a.way, a.outcome) for a in chain.attempts] == [(f"way {i}", o) for i, o in enumerate(tried)]


def test_a_chain_replaces_if_the_way_that_worked_does() -> None:
    first, second = FakeNotifier(NotifyOutcome.FAILED, "first"), FakeNotifier(NotifyOutcome.SENT, "second")
    second.replaces = False
    chain = Chain([first, second])
    assert not chain.replaces
    chain.notify(SOON, None)
    assert not chain.replaces
    first.outcome = NotifyOutcome.SENT
    chain.notify(SOON, None)
    assert chain.replaces


def test_a_failed_attempt_has_a_reason() -> None:
    service = Service()
    service.bus(Notify=Reply(error=CallError("org.example.Error", "too many")))
    chain = Chain([FreedesktopNotifier(service.open), FakeNotifier(None, "broken"), FakeNotifier(name="good")])
    chain.notify(SOON, None)
    assert [(a.way, a.summary) for a in chain.attempts] == [
        ("D-Bus (org.freedesktop.Notifications)", "failed (org.example.Error: too many)"),
        ("broken", "failed (RuntimeError: no such thing)"),
        ("good", "sent"),
    ]


def test_a_way_that_can_not_close_does_not_keep_others_from_closing() -> None:
    good = FakeNotifier()
    Chain([FakeNotifier(None), good]).close("a")
    assert good.closed == ["a"]


@pytest.mark.parametrize(
    ("platform", "icon", "names"),
    [
        ("linux", False, ["D-Bus (org.freedesktop.Notifications)", "plyer"]),
        ("win32", True, ["tray icon", "plyer"]),
        ("darwin", True, ["osascript", "plyer"]),
        ("darwin", False, ["osascript", "plyer"]),
        ("win32", False, ["plyer"]),
    ],
)
def test_the_order_on_each_platform(platform: str, icon: bool, names: list[str]) -> None:
    chain = chain_for(platform, {}, FakeToast() if icon else None)
    assert [way.name for way in chain._ways] == names


# ---- D-Bus ------------------------------------------------------------------


class ServedBus(FakeBus):
    """A bus that stays until it goes away, with signals that a test sends."""

    def __init__(self) -> None:
        super().__init__()
        self._woken = threading.Event()
        self._signals_to_come: SimpleQueue[Call] = SimpleQueue()
        self._late_answers: SimpleQueue[tuple[str, Reply]] = SimpleQueue()
        self._unanswered: dict[str, Callable[[Reply], None]] = {}
        self.dead = False

    def call(
        self,
        target: Target,
        member: str,
        signature: str = "",
        body: Body = (),
        on_reply: Callable[[Reply], None] | None = None,
    ) -> None:
        super().call(target, member, signature, body, on_reply)
        if on_reply is not None and member not in self.answers:
            self._unanswered[member] = on_reply

    def pump(
        self,
        timeout: float | None,
        on_call: Callable[[Call], tuple[str, Body]] | None = None,
        on_signal: Callable[[Call], None] | None = None,
    ) -> None:
        abandoned = not self._woken.wait(10)  # the test is over
        self._woken.clear()
        if self.dead or abandoned:
            raise BusError("gone")
        while not self._signals_to_come.empty():
            assert on_signal is not None
            on_signal(self._signals_to_come.get())
        while not self._late_answers.empty():
            member, reply = self._late_answers.get()
            self._unanswered.pop(member)(reply)

    def wake(self) -> None:
        self._woken.set()

    def signal(self, member: str, *body: Any) -> None:
        self._signals_to_come.put(Call("/org/freedesktop/Notifications", "", member, body))
        self.wake()

    def answer_late(self, member: str, reply: Reply) -> None:
        self._late_answers.put((member, reply))
        self.wake()

    def go_away(self) -> None:
        self.dead = True
        self.wake()


class Service:
    """A notification service on a fake bus."""

    def __init__(self, *capabilities: str) -> None:
        self.buses: list[FakeBus | BusError] = []
        self.capabilities = list(capabilities)
        self.name = "a service"
        self.opened = 0

    def bus(self, **answers: Reply) -> "ServedBus":
        bus = ServedBus()
        bus.answers = {
            "GetCapabilities": Reply((self.capabilities,)),
            "GetServerInformation": Reply((self.name, "", "", "1.2")),
            "Notify": Reply((7,)),
            "CloseNotification": Reply(),
            **answers,
        }
        self.buses.append(bus)
        return bus

    def open(self) -> Any:
        self.opened += 1
        bus = self.buses.pop(0)
        if isinstance(bus, BusError):
            raise bus
        return bus


def test_it_shows_title_and_body_and_replaces_what_it_showed_before() -> None:
    service = Service("body")
    bus = service.bus()
    notifier = FreedesktopNotifier(service.open)
    assert notifier.notify(SOON, None).outcome is NotifyOutcome.SENT
    assert notifier.notify(LAST, None).outcome is NotifyOutcome.SENT
    first, second = bus.called("Notify")
    assert first[:6] == ("claude-session-status", 0, "", "a: cache expires in 30s", "Answer <now> & here.", [])
    assert second[1] == 7
    assert (first[6]["urgency"], second[6]["urgency"]) == (("y", 1), ("y", 2))
    assert service.opened == 1


def test_another_key_is_another_notification() -> None:
    service = Service()
    bus = service.bus()
    notifier = FreedesktopNotifier(service.open)
    notifier.notify(SOON, None)
    notifier.notify(Notification("b", "b", "b"), None)
    assert [body[1] for body in bus.called("Notify")] == [0, 0]


def test_markup_is_escaped_for_a_service_that_reads_markup() -> None:
    service = Service("body", "body-markup")
    bus = service.bus()
    FreedesktopNotifier(service.open).notify(SOON, None)
    assert bus.called("Notify")[0][4] == "Answer &lt;now&gt; &amp; here."


def test_the_icon_is_sent_with_the_notification() -> None:
    service = Service()
    bus = service.bus()
    FreedesktopNotifier(service.open).notify(SOON, Image.new("RGBA", (2, 3), (1, 2, 3, 4)))
    signature, pixels = bus.called("Notify")[0][6]["image-data"]
    assert signature == "(iiibiiay)"
    assert pixels == (2, 3, 8, True, 8, 4, bytes((1, 2, 3, 4)) * 6)


def test_it_closes_what_it_showed_once() -> None:
    service = Service()
    bus = service.bus()
    notifier = FreedesktopNotifier(service.open)
    notifier.close("a")
    notifier.notify(SOON, None)
    notifier.close("a")
    notifier.close("a")
    assert bus.called("CloseNotification") == [(7,)]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("org.freedesktop.DBus.Error.ServiceUnknown", NotifyOutcome.UNAVAILABLE),
        ("org.freedesktop.DBus.Error.Spawn.ChildExited", NotifyOutcome.UNAVAILABLE),
        ("org.freedesktop.Notifications.MaxNotificationsExceeded", NotifyOutcome.FAILED),
    ],
)
def test_a_missing_service_is_unavailable_and_one_that_refuses_has_failed(error: str, outcome: NotifyOutcome) -> None:
    service = Service()
    service.bus(GetCapabilities=Reply(error=CallError(error, "")))
    assert FreedesktopNotifier(service.open).notify(SOON, None).outcome is outcome


def test_without_a_bus_it_is_unavailable() -> None:
    service = Service()
    service.buses = [BusError("none"), BusError("none")]
    assert FreedesktopNotifier(service.open).notify(SOON, None).outcome is NotifyOutcome.UNAVAILABLE


def test_a_connection_that_died_is_opened_again() -> None:
    service = Service()
    dead = service.bus()
    alive = service.bus()
    notifier = FreedesktopNotifier(service.open)
    notifier.notify(SOON, None)

    dead.go_away()
    assert notifier.notify(LAST, None).outcome is NotifyOutcome.SENT
    assert dead.closed
    assert len(alive.called("Notify")) == 1


@pytest.mark.parametrize(("silent", "asked", "sent"), [("GetCapabilities", TRIES, 0), ("Notify", 1, 1)])
def test_a_notification_is_sent_once_to_a_service_that_hangs(silent: str, asked: int, sent: int) -> None:
    """It has the notification, and may show it when it goes on: another would be a second one, and late."""
    service = Service()
    bus = service.bus()
    del bus.answers[silent]
    attempt = FreedesktopNotifier(service.open, patience=0.05).notify(SOON, None)
    assert (attempt.outcome, attempt.reason) == (
        NotifyOutcome.NO_ANSWER,
        f"org.freedesktop.Notifications did not answer {silent} within 0.05 s",
    )
    assert (len(bus.called("GetCapabilities")), len(bus.called("Notify"))) == (asked, sent)
    assert service.opened == 1


@pytest.mark.parametrize(
    ("answer", "closed"), [(Reply((7,)), [(7,)]), (Reply(error=CallError("org.example.Error", "full")), [])]
)
def test_a_notification_that_is_shown_after_the_timeout_is_withdrawn(answer: Reply, closed: list[Body]) -> None:
    service = Service()
    bus = service.bus()
    del bus.answers["Notify"]
    notifier = FreedesktopNotifier(service.open, patience=0.05)
    assert notifier.notify(SOON, None).outcome is NotifyOutcome.NO_ANSWER
    bus.answer_late("Notify", answer)
    bus.answers["Notify"] = Reply((8,))
    notifier.notify(LAST, None)
    assert [body[1] for body in bus.called("Notify")] == [0, 0]
    notifier.disconnect()
    assert bus.called("CloseNotification") == closed


def test_a_service_that_the_bus_has_to_start_is_waited_for() -> None:
    service = Service()
    bus = service.bus()
    del bus.answers["GetCapabilities"]

    def clock() -> float:
        bus.answers["GetCapabilities"] = Reply(([],))  # it is there by now
        return 0.0

    notifier = FreedesktopNotifier(service.open, clock=clock, patience=0.05)
    assert notifier.notify(SOON, None, until=10.0).outcome is NotifyOutcome.SENT
    assert len(bus.called("Notify")) == 1


def test_a_bus_that_hangs_counts_as_no_answer() -> None:
    service = Service()
    service.buses = [NoAnswerError("the session bus does not answer")] * TRIES
    attempt = FreedesktopNotifier(service.open).notify(SOON, None)
    assert (attempt.outcome, attempt.reason) == (NotifyOutcome.NO_ANSWER, "the session bus does not answer")


@pytest.mark.parametrize(
    ("until", "outcome", "sent"),
    [(None, NotifyOutcome.SENT, 1), (11.0, NotifyOutcome.SENT, 1), (10.0, NotifyOutcome.LATE, 0)],
)
def test_a_notification_that_is_over_when_the_service_replies_is_not_shown(
    until: float | None, outcome: NotifyOutcome, sent: int
) -> None:
    service = Service()
    bus = service.bus()
    attempt = FreedesktopNotifier(service.open, clock=lambda: 10.0).notify(SOON, None, until)
    assert attempt.outcome is outcome
    assert len(bus.called("Notify")) == sent


def test_a_call_that_timed_out_while_the_bus_was_opened_is_not_sent() -> None:
    service = Service()
    bus = service.bus()
    opening = threading.Event()

    def open_late() -> Any:
        assert opening.wait(5)
        return service.open()

    thread = BusThread(open_late, (), lambda _signal: None)
    with pytest.raises(NoAnswerError):
        thread.ask(TARGET, "Notify", timeout=0.01)
    opening.set()
    thread.ask(TARGET, "GetCapabilities", timeout=5)
    thread.disconnect()
    assert [member for _, member, _ in bus.calls] == ["GetCapabilities"]


MUTE, PAUSE, GO = MuteSessions(("a",)), PauseNotifications(Pause.HOUR), GoToSession("a")
BUTTONS = (Button("mute", "Mute", MUTE), Button("pause-hour", "Pause 1 h", PAUSE))
WITH_BUTTONS = Notification("a", "a", "b", session_ids=("a",), buttons=BUTTONS)


def test_buttons_are_shown_where_the_service_has_any() -> None:
    for capabilities, actions in (((), []), (("actions",), ["mute", "Mute", "pause-hour", "Pause 1 h"])):
        service = Service(*capabilities)
        bus = service.bus()
        FreedesktopNotifier(service.open).notify(WITH_BUTTONS, None)
        assert bus.called("Notify")[0][5] == actions


WITH_DEFAULT = dataclasses.replace(WITH_BUTTONS, default=GO, buttons=(Button("go", "Go to session", GO), *BUTTONS))


@pytest.mark.parametrize(
    ("capabilities", "actions"),
    [
        ((), []),
        (("body",), []),
        (("actions",), ["default", "", "go", "Go to session", "mute", "Mute", "pause-hour", "Pause 1 h"]),
    ],
)
def test_a_click_on_the_notification_itself_is_asked_for_where_the_service_has_actions(
    capabilities: tuple[str, ...], actions: list[str]
) -> None:
    service = Service(*capabilities)
    bus = service.bus()
    assert FreedesktopNotifier(service.open).notify(WITH_DEFAULT, None).outcome is NotifyOutcome.SENT
    assert bus.called("Notify")[0][5] == actions


def test_lxqt_gets_no_more_than_the_three_actions_that_it_shows_as_buttons() -> None:
    service = Service("actions")
    service.name = "lxqt-notificationd"
    bus = service.bus()
    FreedesktopNotifier(service.open).notify(WITH_DEFAULT, None)
    assert bus.called("Notify")[0][5] == ["go", "Go to session", "mute", "Mute", "pause-hour", "Pause 1 h"]


def test_a_notification_whose_action_was_chosen_is_closed_also_where_the_service_leaves_it() -> None:
    service = Service("actions")
    bus = service.bus()
    pressed: SimpleQueue[Action] = SimpleQueue()
    notifier = FreedesktopNotifier(service.open, pressed.put)
    notifier.notify(WITH_DEFAULT, None)
    bus.signal("ActionInvoked", 7, "default")
    assert pressed.get(timeout=5) == GO
    notifier.notify(Notification("b", "b", "b"), None)  # once this was sent, so was what comes before it
    assert bus.called("CloseNotification") == [(7,)]


@pytest.mark.parametrize("key", ["default", "go"])
def test_a_click_comes_with_the_desktops_permission_to_take_the_focus(key: str) -> None:
    service = Service("actions")
    bus = service.bus()
    pressed: SimpleQueue[Action] = SimpleQueue()
    notifier = FreedesktopNotifier(service.open, pressed.put)
    notifier.notify(WITH_DEFAULT, None)
    bus.signal("ActivationToken", 8, "of another program")
    bus.signal("ActionInvoked", 7, key)
    bus.signal("ActivationToken", 7, "a-token")
    bus.signal("ActionInvoked", 7, key)
    bus.signal("ActionInvoked", 7, key)
    bus.signal("ActivationToken", 7, "for-a-button-without-a-window")
    bus.signal("ActionInvoked", 7, "mute")
    assert [pressed.get(timeout=5) for _ in range(4)] == [GO, GoToSession("a", "a-token"), GO, MUTE]


def test_a_click_on_a_notification_without_an_action_of_its_own_does_nothing() -> None:
    service = Service("actions")
    bus = service.bus()
    pressed: SimpleQueue[Action] = SimpleQueue()
    notifier = FreedesktopNotifier(service.open, pressed.put)
    notifier.notify(WITH_BUTTONS, None)
    bus.signal("ActionInvoked", 7, "default")
    bus.signal("ActionInvoked", 7, "mute")
    assert pressed.get(timeout=5) == MUTE


def test_a_pressed_button_has_its_action_and_other_programs_buttons_have_none() -> None:
    service = Service("actions")
    bus = service.bus()
    pressed: SimpleQueue[Action] = SimpleQueue()
    notifier = FreedesktopNotifier(service.open, pressed.put)
    notifier.notify(WITH_BUTTONS, None)
    bus.signal("ActionInvoked", 8, "mute")  # another program's
    bus.signal("ActionInvoked", 7, "quit")  # no button of ours
    bus.signal("ActionInvoked", 7, "pause-hour")
    assert pressed.get(timeout=5) == PAUSE
    assert pressed.empty()


def test_a_notification_that_the_user_closed_is_shown_again_and_not_replaced() -> None:
    service = Service("actions")
    bus = service.bus()
    pressed: SimpleQueue[Action] = SimpleQueue()
    notifier = FreedesktopNotifier(service.open, pressed.put)
    notifier.notify(WITH_BUTTONS, None)
    bus.answers["Notify"] = Reply((8,))
    notifier.notify(Notification("b", "b", "b", buttons=BUTTONS), None)
    bus.signal("NotificationClosed", 7, 2)
    bus.signal("ActionInvoked", 8, "mute")  # once this has arrived, so has the one before
    assert pressed.get(timeout=5) == MUTE
    notifier.notify(WITH_BUTTONS, None)
    assert [body[1] for body in bus.called("Notify")] == [0, 0, 0]
    bus.signal("NotificationClosed", 8, 2)


@pytest.mark.parametrize(
    ("sound", "hint"), [(True, {"sound-name": ("s", "message-new-instant")}), (False, {"suppress-sound": ("b", True)})]
)
def test_a_notification_has_sound_only_if_it_is_set(sound: bool, hint: dict[str, Any]) -> None:
    service = Service()
    bus = service.bus()
    FreedesktopNotifier(service.open).notify(Notification("a", "a", "b", sound=sound), None)
    hints = bus.called("Notify")[0][6]
    assert {key: value for key, value in hints.items() if "sound" in key} == hint


def test_a_service_that_never_replies_times_out() -> None:
    service = Service()
    bus = service.bus()
    del bus.answers["GetCapabilities"]
    thread = BusThread(service.open, (), lambda _signal: None)
    with pytest.raises(BusError, match="did not answer"):
        thread.ask(TARGET, "GetCapabilities", timeout=0.01)
    thread.disconnect()
    assert bus.closed


# ---- plyer ------------------------------------------------------------------


class Facade:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[dict[str, str]] = []

    def notify(self, **values: str) -> None:
        if self.error is not None:
            raise self.error
        self.calls.append(values)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, NotifyOutcome.UNCONFIRMED),
        (NotImplementedError(), NotifyOutcome.UNAVAILABLE),
        (ImportError(), NotifyOutcome.UNAVAILABLE),
        (OSError(), NotifyOutcome.FAILED),
    ],
)
def test_plyer_never_confirms(error: Exception | None, outcome: NotifyOutcome) -> None:
    assert PlyerNotifier(facade=Facade(error)).notify(SOON, None).outcome is outcome


def test_plyer_gets_short_texts_that_do_not_look_like_options() -> None:
    facade = Facade()
    PlyerNotifier(facade=facade).notify(Notification("a", "-" + "t" * 100, "b" * 300), None)
    (call,) = facade.calls
    assert call["title"].startswith(" -t")
    assert len(call["title"]) <= 64
    assert len(call["message"]) <= 255


def test_plyer_itself_runs_here_without_a_warning_or_an_exception() -> None:
    """The real one: whatever this machine has, nothing escapes."""
    assert PlyerNotifier(sys.platform).notify(SOON, None).outcome in NotifyOutcome


# ---- osascript --------------------------------------------------------------


class Osascript:
    """A program in the place of osascript: records its arguments and its environment."""

    def __init__(self, code: int = 0, error: Exception | None = None) -> None:
        self.calls: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self._code, self._error = code, error

    def __call__(self, argv: tuple[str, ...], **options: Any) -> "subprocess.CompletedProcess[bytes]":
        self.calls.append((argv, options))
        if self._error is not None:
            raise self._error
        return subprocess.CompletedProcess(argv, self._code, b"", b"execution error: not allowed (-1743)\n")


@pytest.mark.parametrize(
    ("program", "outcome", "reason"),
    [
        (Osascript(), NotifyOutcome.UNCONFIRMED, ""),
        (Osascript(code=1), NotifyOutcome.FAILED, "execution error: not allowed (-1743)"),
        (Osascript(error=FileNotFoundError()), NotifyOutcome.UNAVAILABLE, "there is no osascript"),
        (Osascript(error=subprocess.TimeoutExpired("osascript", 5)), NotifyOutcome.NO_ANSWER, "not end within 5 s"),
        (Osascript(error=ValueError("embedded null byte")), NotifyOutcome.FAILED, "embedded null byte"),
    ],
)
def test_osascript_never_confirms_and_never_waits_long(program: Osascript, outcome: NotifyOutcome, reason: str) -> None:
    attempt = OsascriptNotifier({}, program).notify(SOON, None)
    assert attempt.outcome is outcome
    assert reason in attempt.reason
    ((_, options),) = program.calls
    assert options["timeout"] <= 5


HOSTILE = '-e \\" & (do shell script "id") & "'


@pytest.mark.parametrize("sound", [False, True])
def test_no_text_is_ever_a_part_of_the_script(sound: bool) -> None:
    """So none can be AppleScript: the script is the same for every text, which osascript gets as arguments."""
    usual = command_for(Notification("a", "t", "b", sound=sound))
    hostile = command_for(Notification("a", HOSTILE, HOSTILE, sound=sound))
    begin = usual.index("notify")
    assert usual[:begin] == hostile[:begin] == command_for(Notification("a", "", "", sound=not sound))[:begin]
    assert hostile[begin:] == ("notify", HOSTILE, HOSTILE, "Glass" if sound else "")
    assert set(usual[1:begin:2]) == {"-e"}


def test_osascript_reads_the_texts_as_utf_8_also_without_a_locale() -> None:
    program = Osascript()
    OsascriptNotifier({"HOME": "/Users/me"}, program).notify(SOON, None)
    assert program.calls[0][1]["env"] == {"HOME": "/Users/me", "LC_CTYPE": "UTF-8"}


# ---- the icon ---------------------------------------------------------------


class FakeToast:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.shown: list[tuple[str, str, bool]] = []
        self.removed = 0

    def notify(self, message: str, title: str, *, sound: bool) -> None:
        if self.error is not None:
            raise self.error
        self.shown.append((title, message, sound))

    def remove_notification(self) -> None:
        self.removed += 1


def test_the_icon_shows_a_toast_within_the_limits_of_windows() -> None:
    toast = FakeToast()
    assert IconNotifier(toast).notify(Notification("a", "t" * 80, "b" * 300), None).outcome is NotifyOutcome.SENT
    ((title, body, sound),) = toast.shown
    assert (len(title), len(body), sound) == (63, 255, False)


def test_the_icon_makes_a_sound_only_if_it_is_set() -> None:
    toast = FakeToast()
    IconNotifier(toast).notify(Notification("a", "t", "b", sound=True), None)
    assert toast.shown == [("t", "b", True)]


def test_the_icon_withdraws_only_what_it_shows() -> None:
    toast = FakeToast()
    notifier = IconNotifier(toast)
    notifier.notify(SOON, None)
    notifier.close("b")
    assert toast.removed == 0
    notifier.close("a")
    notifier.close("a")
    assert toast.removed == 1


@pytest.mark.parametrize(
    ("error", "outcome"), [(NotImplementedError(), NotifyOutcome.UNAVAILABLE), (OSError(), NotifyOutcome.FAILED)]
)
def test_an_icon_that_can_not_show_a_notification(error: Exception, outcome: NotifyOutcome) -> None:
    assert IconNotifier(FakeToast(error)).notify(SOON, None).outcome is outcome


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("one two", 5, "one…"),
        ("😀😀😀", 6, "😀😀😀"),
        ("😀😀😀", 5, "😀😀…"),
        ("😀😀😀", 4, "😀…"),
    ],
)
def test_windows_counts_utf_16_units(text: str, units: int, expected: str) -> None:
    assert fit(text, units) == expected
    assert len(fit(text, units).encode("utf-16-le")) // 2 <= units
