"""Another machine is away: the user is notified once, and only where that concerns a session of theirs."""

from dataclasses import replace

import pytest

from claude_session_status import alerting, notification
from claude_session_status.menu_items import MuteSessions, PauseNotifications
from claude_session_status.model import HostConnection, HostState, Pause, Session, Snapshot
from fakes import NOW
from rows import ENDED, make, shot

UNREACHABLE = HostConnection.UNREACHABLE


def on(host: str, name: str, age: float = 100, **fields: object) -> Session:
    made = make(name, age)
    return replace(made, session_id=f"{host}/{name}", host=host, **fields)  # type: ignore[arg-type]


def seen(*sessions: Session, away: float = 180, connection: HostConnection = UNREACHABLE) -> Snapshot:
    return replace(shot(*sessions), hosts=(HostState("build", connection, NOW - away),))


def lost(snapshot: Snapshot) -> list[str]:
    return [host.name for host in alerting.lost_hosts(snapshot)]


@pytest.mark.parametrize(
    ("what", "snapshot", "names"),
    [
        ("three minutes", seen(on("build", "shop")), ["build"]),
        ("not yet three minutes", seen(on("build", "shop"), away=179), []),
        ("cold by now, warm when it was lost", seen(on("build", "shop", 400)), ["build"]),
        ("cold before it was lost", seen(on("build", "shop", 500)), []),
        ("muted", seen(on("build", "shop", muted=True)), []),
        ("ended", seen(on("build", "shop", **ENDED)), []),
        ("no session there", seen(on("gpu", "shop"), make("build")), []),
        ("refused", seen(on("build", "shop"), connection=HostConnection.REFUSED), ["build"]),
        ("connected", seen(on("build", "shop"), connection=HostConnection.CONNECTED), []),
        ("nobody connects", seen(on("build", "shop"), connection=HostConnection.OFF), []),
        ("a pause", replace(seen(on("build", "shop")), paused_until=NOW + 60), []),
        ("quiet hours", replace(seen(on("build", "shop")), quiet_until=NOW + 60), []),
    ],
)
def test_which_machines_are_lost(what: str, snapshot: Snapshot, names: list[str]) -> None:
    assert lost(snapshot) == names, what


@pytest.mark.parametrize(("away", "is_due"), [(179, False), (180, True), (240, True), (241, False)])
def test_the_user_is_notified_after_three_minutes_or_not_at_all(away: float, is_due: bool) -> None:
    assert alerting.is_due_lost(HostState("build", UNREACHABLE, NOW - away), NOW) is is_due


def test_the_notification_names_the_machine_and_its_sessions() -> None:
    snapshot = seen(on("build", "shop"), on("build", "api", 50))
    (host,) = snapshot.hosts
    host = replace(host, detail="there is no route to it")
    made = notification.of_lost_host(host, alerting.sessions_lost_with(host, snapshot))
    assert made.title == "build has not been reachable for 3 min"
    assert made.body == "Nothing new is known of shop, api. What is known counts on. There is no route to it."
    assert [(button.label, button.action) for button in made.buttons] == [
        ("Mute 2 sessions", MuteSessions(("build/shop", "build/api"))),
        ("Pause 1 h", PauseNotifications(Pause.HOUR)),
    ]


@pytest.mark.parametrize("connection", list(HostConnection))
def test_the_title_fits_whatever_the_name(connection: HostConnection) -> None:
    made = notification.of_lost_host(HostState("x" * 64, connection, NOW), shot(on("x" * 64, "y" * 500)).sessions)
    assert len(made.title) <= notification.TITLE_LIMIT
    assert made.title.endswith(" for 3 min")
    assert len(made.body) <= notification.BODY_LIMIT
