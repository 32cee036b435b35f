"""Which session `go` means, and what it says where it can't get there."""

from dataclasses import replace
from typing import Any

import pytest

from claude_session_status.cli.go import choose, most_urgent
from claude_session_status.errors import SessionStatusError
from claude_session_status.model import Activity, Process, Session, Snapshot
from fakes import NOW
from rows import ENDED, make, shot

HERE: dict[str, Any] = {"process": Process(7), "entrypoint": "cli"}
WEB = make("0b7f3c52-1", 10, project="web-shop", title="Fix it", **HERE)
API = make("0b7f9999-2", 200, project="api", **HERE)
API_TOO = make("77777777-3", 100, project="api", **HERE)
SDK = make("88888888-4", 250, project="sdk", process=Process(8), entrypoint="sdk-cli")
GONE = make("99999999-5", 20, project="old", **HERE, **ENDED)
THERE = replace(make("build/5555-1", 10, project="web"), host="build")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("0b7f3c52-1", WEB),
        ("0b7f3", WEB),
        ("web-shop", WEB),
        ("Web-Shop", WEB),
        ("77777777", API_TOO),
        ("sdk", SDK),
        ("build:web", THERE),
        ("build: Web", THERE),
        ("web", THERE),
        ("build/5555-1", THERE),
        ("5555", THERE),
    ],
)
def test_a_session_is_named_by_its_id_the_beginning_of_it_or_its_project(wanted: str, found: Session) -> None:
    assert choose(shot(WEB, API, API_TOO, SDK, GONE, THERE), wanted).session == found


@pytest.mark.parametrize(
    ("wanted", "title", "next_step"),
    [
        ("api", "2 sessions fit api", "0b7f9999  api"),
        ("0b7f", "2 sessions fit 0b7f", "0b7f3c52  web-shop · Fix it"),
        ("old", "No running session fits old", "status"),
        ("nothing\x1b[2J", "No running session fits nothing [2J", "status"),
        ("", "No running session fits ", "status"),
    ],
)
def test_what_fits_no_session_or_several_is_refused_with_the_candidates(
    wanted: str, title: str, next_step: str
) -> None:
    with pytest.raises(SessionStatusError) as refused:
        choose(shot(WEB, API, API_TOO, SDK, GONE), wanted)
    assert refused.value.title == title
    assert next_step in refused.value.next_step


def test_without_a_name_a_session_that_works_is_left_alone() -> None:
    working = [make(s, 100, prompted_at=NOW - 1, **HERE) for s in ("a", "b")]
    snapshot = shot(*working)
    assert all(state.activity is Activity.WORKING for state in snapshot.sessions)
    with pytest.raises(SessionStatusError, match="Every session is working"):
        most_urgent(snapshot, no_way)
    assert most_urgent(shot(*working, WEB), no_way).session == WEB
    with pytest.raises(SessionStatusError, match="No running session has a terminal here"):
        most_urgent(Snapshot(NOW), no_way)


def no_way(session: Session) -> bool:
    """No terminal here leads to another machine."""
    return False


GPU = replace(make("gpu/6666-1", 220, project="model"), host="gpu")
BUILD = replace(make("build/7777-1", 270, project="shop"), host="build")


@pytest.mark.parametrize(
    ("reachable", "sessions", "found"),
    [
        ("", [WEB, API, API_TOO, SDK, GONE], API),  # the one that expires soonest: SDK has no terminal
        ("", [WEB, GPU, BUILD], WEB),
        ("gpu", [WEB, GPU, BUILD], GPU),
        ("gpu build", [WEB, GPU, BUILD], BUILD),
        ("gpu", [GPU, BUILD], GPU),
    ],
)
def test_without_a_name_it_is_the_most_urgent_session_to_which_a_terminal_here_leads(
    reachable: str, sessions: list[Session], found: Session
) -> None:
    assert most_urgent(shot(*sessions), lambda session: session.host in reachable.split()).session == found


def test_without_a_name_and_a_terminal_that_leads_to_any_machine_it_says_so() -> None:
    with pytest.raises(SessionStatusError) as refused:
        most_urgent(shot(GPU, BUILD, THERE), no_way)
    assert refused.value.title == "No single terminal here leads to build or gpu"
    assert "resume command" in refused.value.next_step
