"""The icon on D-Bus with a scripted bus: the calls that a panel makes, and the signals that it gets."""

from collections.abc import Callable
from typing import Any

import pytest

from claude_session_status.desktop.icon import IconPainter
from claude_session_status.desktop.linux import dbusmenu, item, status_icon
from claude_session_status.desktop.linux.bus import BusError, CallError, Reply
from claude_session_status.desktop.linux.menu_model import ROOT
from claude_session_status.desktop.linux.status_icon import SIZES, StatusIcon
from claude_session_status.desktop.linux.watcher import HAS_HOST, WATCHER
from claude_session_status.glance import IconSpec
from claude_session_status.menu_items import Action, GoToSession, MenuItem, Quit, ShowTable
from claude_session_status.model import Urgency
from desktop.fakes import FakeBus, Step

PROPERTIES = "org.freedesktop.DBus.Properties"
QUIT = MenuItem("quit", "Quit", Quit())


class Scene:
    """An icon, its menu, the keys that were clicked, and when a panel has shown it."""

    def __init__(self, *items: MenuItem) -> None:
        self.items = list(items)
        self.clicked: list[str] = []
        self.perform: Callable[[MenuItem], None] = lambda item: self.clicked.append(item.key)
        self.panels: list[bool] = []
        self.opened = 0
        self.now = 100.0
        self.buses: list[FakeBus] = []
        self.icon = StatusIcon(
            "claude-session-status",
            IconPainter(),
            self._open,
            title="Tooltip",
            menu=lambda: self.items,
            perform=lambda item: self.perform(item),  # noqa: PLW0108 - a test may replace it
            on_shown=self.panels.append,
            on_opening=self._count_opening,
            clock=lambda: self.now,
        )
        self.icon.show_spec(IconSpec())
        self.icon.visible = True
        self.icon.update_menu()

    def play(self, *steps: Step, watcher: bool = True) -> FakeBus:
        """Run the icon's loop through the steps, one at each turn, and stop it."""
        bus = FakeBus(*steps, lambda _bus: self.icon.stop())
        if watcher:
            bus.answers |= {"GetNameOwner": Reply((":1.2",)), "RegisterStatusNotifierItem": Reply()}
            bus.answers["Get"] = Reply((("b", True),))
        else:
            bus.answers["GetNameOwner"] = Reply(error=CallError("NameHasNoOwner", ""))
        self.buses.append(bus)
        self.icon.run(lambda _icon: None)
        return bus

    def update(self, *items: MenuItem) -> None:
        self.items = list(items)
        self.icon.update_menu()

    def _count_opening(self) -> None:
        self.opened += 1

    def _open(self) -> Any:
        if not self.buses:
            raise BusError("no bus")
        return self.buses.pop(0)


def session(session_id: str, label: str = "") -> MenuItem:
    shown = label or f"● {session_id}   9s left"
    return MenuItem(f"session:{session_id}", shown, ShowTable(), gone_label=f"× {session_id}   ended")


def menu_call(bus: FakeBus, member: str, *body: Any) -> Any:
    return bus.peer_calls(dbusmenu.PATH, dbusmenu.INTERFACE, member, *body)


def rows(bus: FakeBus) -> dict[str, int]:
    _, (_, _, children) = menu_call(bus, "GetLayout", ROOT, -1, [])
    return {child["label"][1]: row_id for _, (row_id, child, _) in children if "label" in child}


def keep(into: list[Any], read: Callable[[FakeBus], Any]) -> Step:
    return lambda bus: into.append(read(bus))


# ---- panels -----------------------------------------------------------------


def test_it_registers_with_a_panel_that_runs_already() -> None:
    scene = Scene(QUIT)
    bus = scene.play()
    assert bus.called("RegisterStatusNotifierItem") == [(":1.7",)]
    assert scene.panels == [True]
    assert bus.closed


def test_it_registers_with_a_panel_that_comes_late() -> None:
    scene = Scene(QUIT)

    def panel_comes(bus: FakeBus) -> None:
        bus.answers |= {"Get": THERE, "RegisterStatusNotifierItem": Reply()}
        bus.peer_signals("NameOwnerChanged", WATCHER, "", ":1.9")

    bus = scene.play(panel_comes, watcher=False)
    assert len(bus.called("RegisterStatusNotifierItem")) == 1
    assert scene.panels == [True]


def test_it_registers_again_with_a_panel_that_restarts() -> None:
    scene = Scene(QUIT)
    bus = scene.play(
        lambda bus: bus.peer_signals("NameOwnerChanged", WATCHER, ":1.2", ""),
        lambda bus: bus.peer_signals("NameOwnerChanged", WATCHER, "", ":1.3"),
    )
    assert len(bus.called("RegisterStatusNotifierItem")) == 2
    assert scene.panels == [True, False, True]


def test_other_names_on_the_bus_are_ignored() -> None:
    scene = Scene(QUIT)
    bus = scene.play(lambda bus: bus.peer_signals("NameOwnerChanged", "org.example", "", ":1.3"))
    assert len(bus.called("RegisterStatusNotifierItem")) == 1


def test_an_icon_that_the_panel_refuses_is_not_shown() -> None:
    scene = Scene(QUIT)

    def refuse(bus: FakeBus) -> None:
        bus.answers |= {"Get": THERE, "RegisterStatusNotifierItem": Reply(error=CallError("AccessDenied", ""))}
        bus.peer_signals("NameOwnerChanged", WATCHER, "", ":1.3")

    scene.play(refuse, watcher=False)
    assert scene.panels == []
    assert not scene.icon.shown


GONE, THERE = Reply((("b", False),)), Reply((("b", True),))
CHANGED: tuple[Any, ...] = (WATCHER, {HAS_HOST: ("b", False)}, [])


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (THERE, True),
        (Reply((("i", 1),)), True),  # sway
        (GONE, False),
        (Reply(error=CallError("org.freedesktop.DBus.Error.InvalidArgs", "no such property")), True),
        (Reply(error=CallError("org.freedesktop.DBus.Error.UnknownMethod", "")), True),
        (Reply(()), True),
        (Reply(("b",)), True),
    ],
)
def test_an_icon_is_shown_unless_the_watcher_reports_that_there_is_no_panel(reply: Reply, shown: bool) -> None:
    scene = Scene(QUIT)

    def panel_comes(bus: FakeBus) -> None:
        bus.answers |= {"Get": reply, "RegisterStatusNotifierItem": Reply()}
        bus.peer_signals("NameOwnerChanged", WATCHER, "", ":1.9")

    bus = scene.play(panel_comes, watcher=False)
    assert bus.called("Get") == [(WATCHER, HAS_HOST)]
    assert len(bus.called("RegisterStatusNotifierItem")) == (1 if shown else 0)
    assert scene.icon.shown is shown
    assert scene.panels == ([True] if shown else [])


@pytest.mark.parametrize(
    ("member", "body"),
    [
        ("StatusNotifierHostRegistered", ()),
        ("StatusNotifierHostUnregistered", ()),
        ("PropertiesChanged", CHANGED),
        ("PropertiesChanged", (WATCHER, {}, [HAS_HOST])),
    ],
)
def test_a_panel_that_goes_or_comes_while_its_watcher_stays_is_detected(member: str, body: tuple[Any, ...]) -> None:
    scene = Scene(QUIT)

    def say(reply: Reply) -> Step:
        def step(bus: FakeBus) -> None:
            bus.answers["Get"] = reply
            bus.peer_signals(member, *body, sender=":1.2")

        return step

    bus = scene.play(say(THERE), say(GONE), say(GONE), say(THERE))
    assert scene.panels == [True, False, True]
    assert len(bus.called("RegisterStatusNotifierItem")) == 1


def test_it_registers_once_the_watcher_has_a_panel() -> None:
    scene = Scene(QUIT)
    registered: list[int] = []

    def watcher_comes(bus: FakeBus) -> None:
        bus.answers |= {"Get": GONE, "RegisterStatusNotifierItem": Reply()}
        bus.peer_signals("NameOwnerChanged", WATCHER, "", ":1.9")

    def panel_comes(bus: FakeBus) -> None:
        registered.append(len(bus.called("RegisterStatusNotifierItem")))
        bus.answers["Get"] = THERE
        bus.peer_signals("StatusNotifierHostRegistered", sender=":1.9")

    bus = scene.play(watcher_comes, panel_comes, watcher=False)
    assert registered == [0]
    assert len(bus.called("RegisterStatusNotifierItem")) == 1
    assert scene.panels == [True]


def test_what_one_watcher_reported_does_not_apply_to_the_next() -> None:
    scene = Scene(QUIT)

    def panel_goes(bus: FakeBus) -> None:
        bus.answers["Get"] = GONE
        bus.peer_signals("StatusNotifierHostUnregistered", sender=":1.2")

    def another_comes(bus: FakeBus) -> None:
        bus.answers["Get"] = Reply(error=CallError("org.freedesktop.DBus.Error.InvalidArgs", "no such property"))
        bus.peer_signals("NameOwnerChanged", WATCHER, ":1.2", ":1.3")

    scene.play(panel_goes, another_comes)
    assert scene.panels == [True, False, True]


def test_other_programs_icons_do_not_cause_a_question_about_the_panel() -> None:
    body: tuple[Any, ...] = (WATCHER, {"RegisteredStatusNotifierItems": ("as", [":1.9/StatusNotifierItem"])}, [])
    bus = Scene(QUIT).play(lambda bus: bus.peer_signals("PropertiesChanged", *body, sender=":1.2"))
    assert len(bus.called("Get")) == 1


def test_only_the_bus_itself_can_report_that_the_watcher_has_gone() -> None:
    scene = Scene(QUIT)
    scene.play(lambda bus: bus.peer_signals("NameOwnerChanged", WATCHER, ":1.2", "", sender=":1.66"))
    assert scene.panels == [True]


def test_a_bus_that_restarts_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_icon, "RECONNECT_SECONDS", (0.0,))
    scene = Scene(QUIT)
    first = FakeBus()  # goes away at once
    first.answers = {"GetNameOwner": Reply((":1.2",)), "Get": THERE, "RegisterStatusNotifierItem": Reply()}
    scene.buses.append(first)
    scene.play()
    assert first.closed
    assert scene.panels == [True, False, True]


def test_it_ends_when_the_bus_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_icon, "RECONNECT_SECONDS", (0.0, 0.0))
    scene = Scene(QUIT)
    scene.icon.run(lambda _icon: None)  # there is no bus at all
    assert not scene.icon.shown


@pytest.mark.parametrize(("seconds_of_service", "opened"), [(0.0, 3), (60.0, 4)])
def test_a_bus_that_disconnects_at_once_counts_as_one_that_is_away(
    seconds_of_service: float, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_icon, "RECONNECT_SECONDS", (0.0, 0.0))
    scene = Scene(QUIT)

    def serve(_bus: FakeBus) -> None:
        scene.now += seconds_of_service

    buses = [FakeBus(), FakeBus(serve), *(FakeBus() for _ in range(5))]
    scene.buses = list(buses)
    scene.icon.run(lambda _icon: None)
    assert sum(bus.closed for bus in buses) == opened


def test_a_stop_before_the_run_ends_it_at_once() -> None:
    scene = Scene(QUIT)
    scene.icon.stop()
    bus = scene.play()
    assert bus.calls == []


# ---- what a panel reads -----------------------------------------------------


def test_the_icon_can_be_read_in_every_size() -> None:
    scene = Scene(QUIT)
    seen: list[Any] = []
    scene.play(keep(seen, lambda bus: bus.peer_calls(item.PATH, PROPERTIES, "GetAll", item.INTERFACE)[0]))
    properties = {name: value for name, (_, value) in seen[0].items()}
    assert [(w, h, len(data)) for w, h, data in properties["IconPixmap"]] == [(s, s, 4 * s * s) for s in SIZES]
    assert properties["Id"] == "claude-session-status"
    assert properties["Status"] == "Active"
    assert properties["Title"] == "claude-session-status"
    assert properties["IconAccessibleDesc"] == properties["ToolTip"][2] == "Tooltip"
    assert properties["Menu"] == dbusmenu.PATH
    assert properties["ItemIsMenu"] is False


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        (IconSpec(Urgency.CALM, 20), "Active"),
        (IconSpec(Urgency.SOON, 5), "Active"),
        (IconSpec(Urgency.LAST, 2), "NeedsAttention"),
        (IconSpec(Urgency.CALM, 20, waiting=True), "NeedsAttention"),
        (IconSpec(set_up=False), "Active"),
    ],
)
def test_the_panel_is_asked_for_attention_in_the_last_seconds_and_while_a_session_waits(
    spec: IconSpec, status: str
) -> None:
    scene = Scene(QUIT)
    seen: list[Any] = []
    bus = scene.play(
        lambda _bus: scene.icon.show_spec(spec),
        keep(seen, lambda bus: bus.peer_calls(item.PATH, PROPERTIES, "GetAll", item.INTERFACE)[0]),
        lambda _bus: scene.icon.show_spec(IconSpec()),
        lambda _bus: None,
    )
    assert seen[0]["Status"] == ("s", status)
    assert seen[0]["AttentionIconPixmap"] == seen[0]["IconPixmap"]  # an empty one would hide the icon
    assert bus.sent("NewStatus") == [("Active",), *([] if status == "Active" else [(status,), ("Active",)])]


def test_pixels_are_argb_in_network_byte_order() -> None:
    image = IconPainter().image(IconSpec(Urgency.LAST, 24), 16)
    width, height, data = item.pixmap(image)
    assert (width, height) == (16, 16)
    pixel = image.getpixel((8, 8))
    assert isinstance(pixel, tuple)
    red, green, blue, alpha = pixel
    middle = 4 * (8 * 16 + 8)
    assert data[middle : middle + 4] == bytes((alpha, red, green, blue))


def test_a_single_property_can_be_read() -> None:
    seen: list[Any] = []
    scene = Scene(QUIT)
    scene.play(
        keep(seen, lambda bus: bus.peer_calls(item.PATH, PROPERTIES, "Get", item.INTERFACE, "Category")[0]),
        keep(seen, lambda bus: bus.peer_calls(dbusmenu.PATH, PROPERTIES, "Get", dbusmenu.INTERFACE, "Version")[0]),
    )
    assert seen == [("s", "ApplicationStatus"), ("u", 3)]


@pytest.mark.parametrize(("depth", "announced"), [(1, 1), (-1, 0)])
def test_a_desktop_that_reads_a_menu_without_its_submenus_gets_a_signal_to_read_them(
    depth: int, announced: int
) -> None:
    scene = Scene(MenuItem("more", "More", children=(session("b"),)), QUIT)

    def read(bus: FakeBus) -> None:
        bus.signals.clear()
        _, (_, _, children) = menu_call(bus, "GetLayout", ROOT, depth, [])
        submenu = children[0][1][0]
        assert [parent for _, parent in bus.sent("LayoutUpdated")] == [submenu] * announced

    scene.play(read)


@pytest.mark.parametrize(("path", "name"), [(item.PATH, item.INTERFACE), (dbusmenu.PATH, dbusmenu.INTERFACE)])
def test_both_objects_describe_themselves(path: str, name: str) -> None:
    seen: list[Any] = []
    Scene(QUIT).play(keep(seen, lambda bus: bus.peer_calls(path, "org.freedesktop.DBus.Introspectable", "Introspect")))
    assert f'interface name="{name}"' in seen[0][0]


@pytest.mark.parametrize("member", ["NoSuchThing", "Get"])
@pytest.mark.parametrize("path", [item.PATH, dbusmenu.PATH])
def test_unknown_methods_and_properties_are_refused(path: str, member: str) -> None:
    def step(bus: FakeBus) -> None:
        with pytest.raises(LookupError):
            bus.peer_calls(path, PROPERTIES, member, "interface", "NoSuchProperty")

    Scene(QUIT).play(step)


# ---- signals to a panel -----------------------------------------------------


def test_no_signal_is_sent_when_nothing_has_changed() -> None:
    scene = Scene(session("a"), QUIT)
    bus = FakeBus()
    seen: list[int] = []

    def repeat(bus: FakeBus) -> None:
        seen.append(len(bus.signals))
        scene.icon.show_spec(IconSpec())
        scene.icon.title = "Tooltip"
        scene.update(session("a"), QUIT)

    bus = scene.play(repeat, lambda _bus: None)
    assert len(bus.signals) == seen[0]


def test_each_change_is_announced_once() -> None:
    scene = Scene(session("a"), QUIT)

    def change(bus: FakeBus) -> None:
        bus.signals.clear()
        scene.icon.show_spec(IconSpec(Urgency.CALM, 20))
        scene.icon.title = "Other"
        scene.update(session("a", "● a   8s left"), QUIT)

    bus = scene.play(change, lambda _bus: None)
    assert sorted(name for name, _ in bus.signals) == [
        "ItemsPropertiesUpdated",
        "NewIcon",
        "NewToolTip",
    ]


def test_the_icon_for_attention_is_announced_while_it_is_shown_and_before_the_status_that_shows_it() -> None:
    scene = Scene(session("a"), QUIT)
    urgent = IconSpec(Urgency.LAST, 2)

    def showing(spec: IconSpec) -> Callable[[FakeBus], None]:
        def show(bus: FakeBus) -> None:
            scene.icon.show_spec(spec)

        return show

    steps = [showing(spec) for spec in (IconSpec(Urgency.CALM, 20), urgent, urgent, IconSpec(Urgency.LAST, 1, True))]
    bus = scene.play(*steps, showing(IconSpec(Urgency.CALM, 24)), lambda _bus: None)
    names = [name for name, _ in bus.signals if name in ("NewIcon", "NewAttentionIcon", "NewStatus")]
    attention = names[names.index("NewAttentionIcon") :]
    assert attention == ["NewAttentionIcon", "NewStatus", "NewIcon", "NewAttentionIcon", "NewIcon", "NewStatus"]


def test_a_tooltip_does_not_change_while_the_menu_is_open() -> None:
    scene = Scene(session("a"), QUIT)

    def open_menu(bus: FakeBus) -> None:
        menu_call(bus, "Event", ROOT, "opened", ("s", ""), 0)
        scene.icon.title = "Other"

    def close_menu(bus: FakeBus) -> None:
        assert bus.sent("NewToolTip") == [()]  # the first one
        menu_call(bus, "Event", ROOT, "closed", ("s", ""), 0)

    def later(_bus: FakeBus) -> None:
        scene.now += 2

    bus = scene.play(open_menu, close_menu, later, lambda _bus: None)
    assert bus.timeouts[2] == 1.0  # a second after the closing the loop wakes by itself
    assert len(bus.sent("NewToolTip")) == 2


# ---- what a user does -------------------------------------------------------


def test_a_left_click_does_the_default_action() -> None:
    scene = Scene(session("a"), MenuItem("table", "Table", ShowTable(), default=True), QUIT)
    scene.play(keep([], lambda bus: bus.peer_calls(item.PATH, item.INTERFACE, "Activate", 1, 2)))
    assert scene.clicked == ["table"]


@pytest.mark.parametrize("member", ["SecondaryActivate", "ContextMenu", "Scroll"])
def test_other_clicks_do_nothing(member: str) -> None:
    scene = Scene(MenuItem("table", "Table", ShowTable(), default=True))
    scene.play(keep([], lambda bus: bus.peer_calls(item.PATH, item.INTERFACE, member, 1, 2)))
    assert scene.clicked == []


def test_a_click_carries_the_desktops_permission_to_take_the_focus_once() -> None:
    done: list[Action | None] = []
    scene = Scene(MenuItem("go", "Go to session", GoToSession("a"), default=True), QUIT)
    scene.perform = lambda item: done.append(item.action)

    def token(text: str) -> Step:
        return keep([], lambda bus: bus.peer_calls(item.PATH, item.INTERFACE, "ProvideXdgActivationToken", text))

    def activate(bus: FakeBus) -> None:
        bus.peer_calls(item.PATH, item.INTERFACE, "Activate", 1, 2)

    def click(bus: FakeBus) -> None:
        menu_call(bus, "Event", rows(bus)["Go to session"], "clicked", ("s", ""), 0)

    scene.play(token("first"), click, click, token("second"), activate, token("x" * 300), activate)
    assert done == [GoToSession("a", token) for token in ("first", None, "second", None)]


def test_a_click_does_what_the_user_has_read() -> None:
    """Sessions overtake each other, end and come while the menu is open; the click follows the closing."""
    scene = Scene(session("a"), session("b"), QUIT)
    read: dict[str, int] = {}

    def look(bus: FakeBus) -> None:
        read.update(rows(bus))
        menu_call(bus, "Event", ROOT, "opened", ("s", ""), 0)
        scene.update(session("new"), session("a"), QUIT)

    def look_again(bus: FakeBus) -> None:
        assert rows(bus) == {"● a   9s left": read["● a   9s left"], "× b   ended": read["● b   9s left"], "Quit": 4}
        menu_call(bus, "Event", ROOT, "closed", ("s", ""), 0)
        scene.now += 5

    def late_click(bus: FakeBus) -> None:
        assert list(rows(bus)) == ["● new   9s left", "● a   9s left", "Quit"]
        menu_call(bus, "Event", read["● b   9s left"], "clicked", ("s", ""), 0)

    scene.update(session("a"), session("b"), MenuItem("line", separator=True), QUIT)
    scene.play(look, look_again, late_click)
    assert scene.clicked == ["session:b"]


def test_events_may_come_in_groups() -> None:
    scene = Scene(session("a"), QUIT)
    answers: list[Any] = []

    def group(bus: FakeBus) -> None:
        row_id = rows(bus)["● a   9s left"]
        events = [(ROOT, "closed", ("s", ""), 0), (row_id, "clicked", ("s", ""), 0), (999, "clicked", ("s", ""), 0)]
        answers.append(menu_call(bus, "EventGroup", events))

    scene.play(group)
    assert scene.clicked == ["session:a"]
    assert answers == [([999],)]


def test_about_to_show_returns_whether_the_menu_must_be_read_again() -> None:
    scene = Scene(session("a"), QUIT)
    answers: list[Any] = []

    def opens(bus: FakeBus) -> None:
        answers.append(menu_call(bus, "AboutToShow", ROOT))
        scene.update(session("b"), QUIT)

    scene.play(
        opens,
        keep(answers, lambda bus: menu_call(bus, "AboutToShow", ROOT)),
        keep(answers, lambda bus: menu_call(bus, "AboutToShowGroup", [ROOT, 999])),
    )
    assert answers == [(False,), (True,), ([], [999])]


def test_a_desktop_that_asks_gets_the_menu_of_that_moment() -> None:
    scene = Scene(session("a", "5:00 a"), QUIT)
    seen: list[Any] = []

    def seconds_pass(_bus: FakeBus) -> None:
        scene.items[0] = session("a", "4:51 a")  # the icon is not notified, as while no menu can be open

    def properties(bus: FakeBus) -> Any:
        row_id = rows(bus)["4:51 a"]
        return menu_call(bus, "GetProperty", row_id, "label")

    scene.play(keep(seen, rows), seconds_pass, keep(seen, rows), keep(seen, properties))
    assert ["5:00 a" in seen[0], "4:51 a" in seen[1]] == [True, True]
    assert seen[2] == (("s", "4:51 a"),)


def test_a_menu_that_opens_counts_from_then_on() -> None:
    scene = Scene(session("a", "5:00 a"), QUIT)
    seen: list[Any] = []

    def opens(bus: FakeBus) -> None:
        seen.append(scene.icon.menu_may_be_open)
        scene.items[0] = session("a", "4:51 a")
        menu_call(bus, "AboutToShow", ROOT)
        seen.append(scene.icon.menu_may_be_open)
        seen.append([body[0][0][1]["label"] for member, body in bus.signals if member == "ItemsPropertiesUpdated"][-1])

    scene.play(opens)
    assert seen == [False, True, ("s", "4:51 a")]


def test_a_menu_that_opens_is_reported_once_and_one_that_is_only_read_is_not() -> None:
    scene = Scene(session("a"), QUIT)
    seen: list[int] = []

    def is_read(bus: FakeBus) -> None:
        rows(bus)
        seen.append(scene.opened)

    def opens(bus: FakeBus) -> None:
        for _ in range(2):
            menu_call(bus, "AboutToShow", ROOT)
            menu_call(bus, "Event", ROOT, "opened", ("s", ""), 0)
        seen.append(scene.opened)

    scene.play(is_read, opens)
    assert seen == [0, 1]


def test_properties_of_rows_can_be_read() -> None:
    scene = Scene(session("a"), QUIT)
    seen: list[Any] = []

    def read(bus: FakeBus) -> None:
        (row_id, quit_id) = rows(bus).values()
        seen.append(menu_call(bus, "GetGroupProperties", [quit_id, 999], ["label"]))
        seen.append(menu_call(bus, "GetProperty", row_id, "enabled"))
        seen.append([i for i, _ in menu_call(bus, "GetGroupProperties", [], [])[0]] == [ROOT, row_id, quit_id])

    scene.play(read)
    assert seen == [([(2, {"label": ("s", "Quit")})],), (("b", True),), True]


# ---- the menu before the first snapshot -------------------------------------


def test_the_first_update_replaces_the_starting_menu_even_when_a_desktop_has_asked_to_show_it() -> None:
    scene = Scene(QUIT)
    scene.icon = StatusIcon(
        "name", IconPainter(), scene._open, title="", menu=lambda: scene.items, perform=print, clock=lambda: scene.now
    )
    seen: list[list[str]] = []

    def ask(bus: FakeBus) -> None:
        menu_call(bus, "AboutToShow", ROOT)
        seen.append(list(rows(bus)))
        scene.update(session("a"), QUIT)

    scene.play(ask, lambda bus: seen.append(list(rows(bus))))
    assert seen == [["Quit"], ["● a   9s left", "Quit"]]


def test_setup_runs_before_the_icon_is_registered() -> None:
    scene = Scene(QUIT)
    bus = FakeBus(lambda _bus: scene.icon.stop())
    bus.answers = {"GetNameOwner": Reply((":1.2",)), "Get": THERE, "RegisterStatusNotifierItem": Reply()}
    scene.buses.append(bus)
    calls_before: list[int] = []
    scene.icon.run(lambda _icon: calls_before.append(len(bus.calls)))
    assert calls_before == [0]
    assert len(bus.called("RegisterStatusNotifierItem")) == 1
