"""Any program on the bus may send the icon anything: it refuses odd messages, and still answers the others."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jeepney import HeaderFields  # type: ignore[import-untyped]  # jeepney ships no types

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux import bus as dbus
from claude_session_status.desktop.linux import dbusmenu, item, watcher
from claude_session_status.desktop.linux.bus import Body, open_session_bus
from claude_session_status.desktop.linux.inbox import BUS_NAME
from claude_session_status.desktop.linux.status_icon import INTROSPECTABLE, PEER_INTERFACE, StatusIcon
from claude_session_status.glance import IconSpec
from claude_session_status.menu_items import MenuItem, Quit
from desktop.peer import PEER, Peer, is_error

PROPERTIES = watcher.PROPERTIES
HUGE = 2**31 - 1
ODD: list[tuple[str, Body]] = [
    ("", ()),
    ("s", ("x",)),
    ("sss", ("a", "b", "c")),
    ("ias", (0, [])),
    ("i", (-1,)),
    ("ai", ([],)),
    ("a{sv}", ({"a": ("i", 1)},)),
    ("(is)", ((1, "x"),)),
    ("v", (("as", ["x"]),)),
    ("isvu", (HUGE, "clicked", ("a{sv}", {}), 0)),
    ("isvu", (0, "no such event", ("i", 0), 0)),
    ("iias", (HUGE, -1, [])),
    ("iias", (0, HUGE, [])),
    ("iias", (0, -HUGE, ["no such property"])),
    ("aias", ([HUGE, -1], ["", "label"])),
    ("is", (HUGE, "label")),
    ("is", (0, "no such property")),
    ("a(isvu)", ([(HUGE, "clicked", ("s", ""), 0)],)),
    ("ss", ("no such interface", "no such property")),
    ("ssv", ("interface", "Title", ("s", "x"))),
]
CALLS = [
    *((dbusmenu.PATH, dbusmenu.INTERFACE, member) for member in (*dbusmenu.ARGUMENTS, "NoSuchMethod")),
    *(
        (item.PATH, item.INTERFACE, member)
        for member in ("Activate", "SecondaryActivate", "ContextMenu", "Scroll", "ProvideXdgActivationToken", "NoSuch")
    ),
    *(
        (path, PROPERTIES, member)
        for path in (item.PATH, dbusmenu.PATH, "/nowhere")
        for member in ("Get", "GetAll", "Set")
    ),
    (item.PATH, INTROSPECTABLE, "Introspect"),
    (item.PATH, PEER_INTERFACE, "Ping"),
    ("/nowhere", "org.example", "Nothing"),
]
SIGNALS = [
    "NameOwnerChanged",
    "StatusNotifierHostRegistered",
    "StatusNotifierHostUnregistered",
    "PropertiesChanged",
    "NoSuchSignal",
]


class Stage:
    """A running icon, and the program that sends to it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        inner = MenuItem("inner", "Inner", Quit())
        menu = (MenuItem("more", "More", children=(inner,)), MenuItem("quit", "Quit", Quit()))
        self.icon = StatusIcon(
            "name",
            IconPainter(),
            lambda: open_session_bus({"DBUS_SESSION_BUS_ADDRESS": peer.address}),
            title="Title",
            menu=lambda: menu,
            perform=lambda _item: None,
        )
        self.icon.show_spec(IconSpec())
        self._running = threading.Thread(target=self.icon.run, args=(lambda _icon: None,))
        self._running.start()
        peer.welcomed()
        peer.answers(peer.call_of("GetNameOwner"), "s", (":1.2",))
        peer.answers(peer.call_of("Get"), "v", (("b", True),))
        peer.answers(peer.call_of("RegisterStatusNotifierItem"))

    def close(self) -> None:
        self.icon.stop()
        self._running.join(10)
        assert not self._running.is_alive()

    def ask(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> Any:
        return self.peer.answer_to(self.peer.calls(path, interface, member, signature, body))

    def check_that_it_answers(self) -> None:
        """Check that a panel can still read the menu and the title."""
        layout = self.ask(dbusmenu.PATH, dbusmenu.INTERFACE, "GetLayout", "iias", (0, -1, []))
        _, (_, _, rows) = layout.body
        assert [row[1][1]["label"][1] for row in rows] == ["More", "Quit"]
        assert self.ask(item.PATH, PROPERTIES, "Get", "ss", (item.INTERFACE, "Title")).body == (("s", "name"),)
        assert self.icon.shown


@pytest.fixture
def stage() -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="css-") as folder,
        closing(Peer(Path(folder))) as peer,
        closing(Stage(peer)) as stage,
    ):
        yield stage


@pytest.mark.parametrize(("path", "interface", "member"), CALLS)
def test_odd_calls_get_a_reply_and_do_no_harm(stage: Stage, path: str, interface: str, member: str) -> None:
    for signature, body in ODD:
        answer = stage.ask(path, interface, member, signature, body)
        expected = {**dbusmenu.ARGUMENTS, "Get": "ss"}.get(member) if interface != item.INTERFACE else None
        if expected is not None and signature != expected and path != "/nowhere":
            assert is_error(answer, dbus.INVALID_ARGS), signature
    stage.check_that_it_answers()


@pytest.mark.parametrize("sender", [PEER, BUS_NAME])
@pytest.mark.parametrize("member", SIGNALS)
def test_odd_signals_do_no_harm(stage: Stage, member: str, sender: str) -> None:
    for signature, body in ODD:
        stage.peer.signals(sender, member, signature, body)
    stage.check_that_it_answers()


def test_only_the_bus_itself_can_report_that_the_watcher_has_gone(stage: Stage) -> None:
    stage.peer.signals(PEER, "NameOwnerChanged", "sss", (watcher.WATCHER, ":1.2", ""))
    stage.check_that_it_answers()
    stage.peer.signals(BUS_NAME, "NameOwnerChanged", "sss", (watcher.WATCHER, ":1.2", ""))
    stage.ask(item.PATH, PEER_INTERFACE, "Ping")
    assert not stage.icon.shown


@pytest.mark.parametrize(("signature", "body"), ODD)
def test_odd_replies_of_a_watcher_do_no_harm(stage: Stage, signature: str, body: Body) -> None:
    stage.peer.signals(BUS_NAME, "StatusNotifierHostRegistered", "", ())
    stage.peer.answers(stage.peer.call_of("Get"), signature, body)
    stage.check_that_it_answers()


def test_a_refused_call_is_logged_with_its_sender(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    answer = stage.ask(dbusmenu.PATH, dbusmenu.INTERFACE, "GetLayout", "ias", (0, []))
    assert answer.body == ("GetLayout takes 'iias', not 'ias'",)
    assert answer.header.fields[HeaderFields.reply_serial]
    assert f"refused a call by {PEER}: GetLayout takes 'iias', not 'ias'" in caplog.text
