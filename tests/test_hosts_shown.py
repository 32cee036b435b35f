"""Sessions of other machines in menu, table, icon and JSON, and the machines that can't be reached."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from claude_session_status import glance, menu_items, policy, report, session_menu, view, words
from claude_session_status.cli import table
from claude_session_status.model import HostConnection, HostState, Session, Snapshot, Urgency
from fakes import NOW
from rows import ENDED, make, shot

SPACE = words.FIGURE_SPACE
SINCE = words.clock(NOW - 180)[:5]


def remote(host: str, name: str, age: float | None = 100, **fields: Any) -> Session:
    """A session of another machine in a folder of that name."""
    made = make(name, age, **fields)
    return replace(made, session_id=f"{host}/{name}", host=host, project_folder=f"/srv/{name}")


def down(name: str, connection: HostConnection = HostConnection.UNREACHABLE) -> HostState:
    return HostState(name, connection, NOW - 180)


def up(name: str) -> HostState:
    return HostState(name, HostConnection.CONNECTED, NOW - 900)


def seen(*sessions: Session, hosts: Iterable[HostState] = ()) -> Snapshot:
    return replace(shot(*sessions), hosts=tuple(hosts))


def labels(snapshot: Snapshot) -> list[str]:
    """The menu's lines down to the commands."""
    lines = [item.label for item in view.menu(snapshot)]
    return lines[: lines.index("")]


def test_a_session_of_another_machine_is_named_with_it() -> None:
    assert labels(seen(remote("build", "web-shop", 200, title="Fix it"), hosts=[up("build")])) == [
        f"{SPACE}1:40 ● build: web-shop · Fix it"
    ]


def test_sessions_are_grouped_by_machine_and_the_most_urgent_machine_comes_first() -> None:
    snapshot = seen(
        make("here", 150), make("also-here", 20), remote("build", "shop", 200), remote("build", "api", 10),
        remote("gpu", "model", 100),
    )  # fmt: skip
    assert [label.partition(" ● ")[2] for label in labels(snapshot)] == [
        "build: shop", "build: api", "here", "also-here", "gpu: model",
    ]  # fmt: skip


def test_an_urgent_session_is_never_pushed_under_more_by_its_group() -> None:
    many = [remote("build", f"s{number:02}", 200 - number) for number in range(15)]
    snapshot = seen(*many, make("here", 195.5))
    assert any("here" in label for label in labels(snapshot))
    (more,) = [item for item in view.menu(snapshot) if item.key == "more"]
    assert len(more.children) == 4


def test_a_machine_that_is_not_reachable_is_a_grey_line_before_its_sessions_which_count_on() -> None:
    snapshot = seen(
        make("here", 50), remote("build", "shop", 100), remote("gpu", "model", 150),
        hosts=[down("build"), up("gpu"), down("old")],
    )  # fmt: skip
    assert labels(snapshot) == [
        f"{SPACE}2:30 ● gpu: model",
        f"build: not reachable since {SINCE}",
        f"{SPACE}3:20 ● build: shop",
        f"{SPACE}4:10 ● here",
        f"old: not reachable since {SINCE}",
    ]
    (line,) = [item for item in view.menu(snapshot) if item.key == "host:build"]
    assert not line.enabled
    assert labels(policy.later(snapshot, NOW + 1))[2] == f"{SPACE}3:19 ● build: shop"


@pytest.mark.parametrize(
    ("connection", "age", "problem"),
    [
        (HostConnection.CONNECTED, 180, ""),
        (HostConnection.OFF, 180, ""),
        (HostConnection.CONNECTING, 5, ""),
        (HostConnection.CONNECTING, 180, f"connecting since {SINCE}"),
        (HostConnection.UNREACHABLE, 180, f"not reachable since {SINCE}"),
        (HostConnection.REFUSED, 180, f"refuses the connection since {SINCE}"),
        (HostConnection.NO_PROGRAM, 180, "claude-session-status is not found there"),
        (HostConnection.WRONG_VERSION, 180, "the version of claude-session-status there does not fit"),
        (HostConnection.BAD_DATA, 180, f"sends data that can't be read since {SINCE}"),
        (HostConnection.UNREACHABLE, 86_400, f"not reachable since {words.moment(NOW - 86_400, NOW)[:-3]}"),
        (HostConnection.UNREACHABLE, None, "not reachable"),
    ],
)
def test_what_is_wrong_with_a_connection(connection: HostConnection, age: float | None, problem: str) -> None:
    since = None if age is None else NOW - age
    assert words.host_problem(HostState("build", connection, since), NOW) == problem


def test_what_is_wrong_on_a_machine_that_is_connected_is_shown_and_its_rows_are_not_grey() -> None:
    full = replace(up("build"), detail="No space is left on the disk, so events are lost\x1b[31m" + "!" * 200)
    snapshot = seen(remote("build", "shop", 100), hosts=[full])
    head, line = labels(snapshot)
    assert head.startswith("build: No space is left on the disk, so events are lost")
    assert head.isprintable()
    assert len(head) < 100
    assert line == f"{SPACE}3:20 ● build: shop"
    assert report.host_lines(snapshot) == (head,)
    assert [row.dim for row in report.rows(snapshot, report.columns(100))] == [False]


def test_the_submenu_of_another_machines_session() -> None:
    known = remote("build", "shop", 100, title="Fix it", muted=False)
    (line,) = [i for i in view.menu(seen(known, hosts=[down("build")])) if i.key.startswith("session:")]
    actions = {item.label: item.action for item in line.children if item.action is not None}
    assert actions == {
        "Go to session": menu_items.GoToSession("build/shop"),
        "Copy resume command": menu_items.CopyResumeCommand("build/shop", "/srv/shop", "build"),
        "Mute this session": menu_items.MuteSessions(("build/shop",), muted=True),
        "Forget this session": menu_items.ForgetSession("build/shop"),
    }
    facts = [item.label for item in line.children if item.action is None and not item.separator]
    assert "Session: shop" in facts
    assert facts[-1] == f"Machine: build, not reachable since {SINCE}"


def test_an_ended_session_of_another_machine_has_no_terminal() -> None:
    assert not session_menu.can_go_to(remote("build", "shop", **ENDED))


def test_icon_tooltip_and_bar_count_sessions_of_other_machines() -> None:
    snapshot = seen(make("here", 50), remote("build", "shop", 280))
    assert glance.icon(snapshot).urgency is Urgency.LAST
    at = words.clock(NOW + 20)
    assert glance.tooltip(snapshot) == f"Claude Code: 2 warm, next: build: shop at {at}"
    assert report.short(snapshot) == "2 warm, next 0:20 build: shop"


def test_the_bars_tooltip_names_a_machine_that_is_not_reachable() -> None:
    snapshot = seen(make("here", 50), hosts=[down("build")])
    assert report.waybar(snapshot)["tooltip"].splitlines()[-1] == f"build: not reachable since {SINCE}"


def test_json_has_the_sessions_own_id_and_its_host() -> None:
    here, there = report.as_json(shot(make("a"), remote("build", "a", 50)))["sessions"]
    assert (here["session_id"], here["host"]) == ("a", None)
    assert (there["session_id"], there["host"], there["cwd"]) == ("a", "build", "/srv/a")


def test_a_local_session_with_a_slash_in_its_id_stays_a_local_one() -> None:
    (first,) = report.as_json(shot(make("build/a")))["sessions"]
    assert (first["session_id"], first["host"]) == ("build/a", None)


def plain(snapshot: Snapshot, width: int) -> list[str]:
    return [table.plain(line) for line in table.lines(snapshot, width)]


@pytest.mark.parametrize("width", [50, 70, 90, 120])
def test_the_table_shows_the_host_at_each_width(width: int) -> None:
    lines = plain(seen(remote("build", "web-shop", 100), hosts=[down("build")]), width)
    assert lines[0] == f"build: not reachable since {SINCE}"
    assert "build: web-shop" in lines[2]


def test_a_row_of_a_machine_that_is_not_reachable_is_grey() -> None:
    snapshot = seen(make("here"), remote("build", "shop"), remote("gpu", "model"), hosts=[down("build"), up("gpu")])
    dim = {row.project: row.dim for row in report.rows(snapshot, report.columns(100))}
    assert dim == {"here": False, "build: shop": True, "gpu: model": False}


def test_of_many_machines_that_are_not_reachable_the_table_names_two() -> None:
    snapshot = seen(make("here"), hosts=[down(f"box-{number}") for number in range(20)])
    assert report.host_lines(snapshot) == (
        f"box-0: not reachable since {SINCE}",
        f"box-1: not reachable since {SINCE}",
        "and 18 more; to see all: claude-session-status hosts",
    )


def test_a_long_name_of_a_machine_leaves_room_for_the_projects() -> None:
    host = "me@gpu-box.internal.example.com"
    snapshot = seen(remote(host, "web-shop"))
    assert labels(snapshot) == [f"{SPACE}3:20 ● me@gpu-b…ple.com: web-shop"]
    assert "web-shop" in plain(snapshot, 100)[1]


THERE = remote("build", "b")


@pytest.mark.parametrize(
    ("what", "snapshot", "needed"),
    [
        ("no hook has reported the one here", seen(make("a", last_event_at=None), THERE, hosts=[up("build")]), True),
        ("a hook has reported the one here", seen(make("a"), THERE, hosts=[up("build")]), False),
        ("sessions of other machines only", seen(THERE, hosts=[up("build")]), False),
        ("no session and no other machine", seen(), True),
    ],
)  # fmt: skip
def test_sessions_of_other_machines_do_not_hide_that_hooks_are_missing_here(
    what: str, snapshot: Snapshot, needed: bool
) -> None:
    assert glance.needs_set_up(snapshot, hooks_installed=False) is needed, what
