"""A row that another program wrote costs only its odd values: the rest of it and the other rows are read."""

import json
import math
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from claude_session_status import notes
from claude_session_status.claude.ingest import Ingester
from claude_session_status.model import ClientStatus, Event, EventKind, Process, Request, Session, Source, Turn
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store import rows
from claude_session_status.store.database import Store
from fakes import NOW, FakeClock

GOOD = Session("good", project="p", last_event_at=NOW, request=Request(NOW, 300, Source.HOOK))
ODD = replace(
    GOOD,
    session_id="odd",
    started_at=NOW,
    context_tokens=5,
    model="m",
    process=Process(7, 8, "n"),
    transcript_turn=Turn.OVER,
    client_status=ClientStatus.IDLE,
    alerts=((30.0, NOW + 300),),
    stamps=(("title", NOW),),
)
ODD_VALUES: list[tuple[str, dict[str, Any]]] = [
    ("started_at = 'infinity'", {"started_at": None}),
    ("started_at = '-infinity'", {"started_at": None}),
    ("started_at = '0001-01-01'", {"started_at": None}),
    ("started_at = '0044-03-15 (BC)'", {"started_at": None}),
    ("started_at = '1969-12-31'", {"started_at": None}),
    ("started_at = '290000-01-01'", {"started_at": None}),
    ("request_at = 'infinity'", {"request": None}),
    ("ttl_seconds = -1", {"request": None}),
    ("ttl_seconds = 0", {"request": None}),
    ("ttl_seconds = 2147483647", {"request": Request(NOW, 86400, Source.HOOK)}),
    ("source = 'x'", {"request": Request(NOW, 300, Source.HOOK)}),
    ("context_tokens = -1", {"context_tokens": None}),
    ("context_tokens = 9223372036854775807", {"context_tokens": None}),
    ("pid = -5", {"process": None}),
    ("pid = 9223372036854775807", {"process": None}),
    ("pid_started = -5", {"process": Process(7, None, "n")}),
    ("transcript_turn = 'x'", {"transcript_turn": None}),
    ("client_status = ''", {"client_status": None}),
    ("muted = NULL", {}),
    ("alerts = '[[null, 5]]'", {"alerts": ()}),
    ("alerts = '[[30, NaN]]'", {"alerts": ()}),
    ("alerts = '[[30.0, 1e999], [20, 5]]'", {"alerts": ((30.0, math.inf), (20.0, 5.0))}),
    ("alerts = '[[\"x\", 5], 7, null, [1], [1, 2, 3], [true, 1]]'", {"alerts": ((1.0, 1.0),)}),
    ("alerts = repeat('[', 100000)", {"alerts": ()}),
    ("alerts = '{}'", {"alerts": ()}),
    ("alerts = '7'", {"alerts": ()}),
    ("alerts = '[[' || repeat('9', 400) || ', 1]]'", {"alerts": ()}),
    ("alerts = '[[' || repeat('9', 9999) || ', 1]]'", {"alerts": ()}),
    ("stamps = '[[{}, 1]]'", {"stamps": ()}),
    ('stamps = \'[[[], 2], ["cwd", "x"]]\'', {"stamps": ()}),
    ('stamps = \'[["title", NaN], ["cwd", 5]]\'', {"stamps": (("cwd", 5.0),)}),
    ("stamps = 'x'", {"stamps": ()}),
]


def spoil(where: Paths, change: str) -> None:
    with duckdb.connect(where.database) as db:
        db.execute(f"UPDATE session_status SET {change} WHERE session_id = 'odd'")


@pytest.mark.parametrize(("change", "read_as"), ODD_VALUES, ids=[change for change, _ in ODD_VALUES])
def test_an_odd_value_is_not_known_and_the_rest_is(change: str, read_as: dict[str, Any], where: Paths) -> None:
    store = Store(where.database)
    store.update([], lambda before: [GOOD, ODD])
    spoil(where, change)
    expected = {"good": GOOD, "odd": replace(ODD, **read_as)}
    assert {s.session_id: s for s in store.load()} == expected
    assert {s.session_id: s for s in store.select(["odd"])} == {"odd": expected["odd"]}
    # And the next event of that session is taken in, as any other.
    Spool(where.spool).write(notes.encode(Event(EventKind.TURN, "odd", NOW + 5)), NOW + 5)
    Ingester(where, store).drain()
    assert Spool(where.spool).names() == []
    monitor = Monitor(where, clock=FakeClock(), everything=True)
    monitor.look()
    shot = monitor.snapshot()
    assert shot.problem is None
    assert {s.session.session_id for s in shot.sessions} == {"good", "odd"}


def test_every_face_shows_the_others_beside_rows_of_only_odd_values(where: Paths) -> None:
    """The real commands, over rows with an odd value in each column at once."""
    dice = random.Random(4)
    by_column: dict[str, list[str]] = {}
    for change, _ in ODD_VALUES:
        by_column.setdefault(change.partition(" =")[0], []).append(change)
    Store(where.database).update([], lambda before: [GOOD, *(replace(ODD, session_id=f"o{n}") for n in range(40))])
    with duckdb.connect(where.database) as db:
        for number in range(40):
            changes = ", ".join(dice.choice(choices) for choices in by_column.values())
            db.execute(f"UPDATE session_status SET {changes} WHERE session_id = 'o{number}'")
    for arguments in (["status", "--json", "--all"], ["status", "--all"], ["status", "--waybar"], ["watch", "--once"]):
        done = subprocess.run(
            [sys.executable, "-m", "claude_session_status", *arguments], capture_output=True, stdin=subprocess.DEVNULL
        )
        assert (done.returncode, done.stderr) == (0, b""), arguments
        if "--json" in arguments:
            shown = json.loads(done.stdout, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
            assert len(shown["sessions"]) == 41


def test_a_row_without_an_id_is_left_out() -> None:
    row = rows.row_of(GOOD)
    assert rows.sessions_of([tuple(row), (None, *row[1:]), (7, *row[1:])]) == [GOOD]


def test_a_row_without_its_last_sign_of_life_is_updated_as_any_other(where: Paths) -> None:
    """It looks as if it was forgotten: another program has set the time of that."""
    store = Store(where.database)
    store.update([], lambda before: [ODD])
    spoil(where, "forgotten_at = now(), last_event_at = NULL")
    store.update(["odd"], lambda before: [replace(before["odd"], last_event_at=NOW + 9)])
    assert [s.last_event_at for s in store.load()] == [NOW + 9]
