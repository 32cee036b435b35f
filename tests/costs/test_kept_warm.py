"""Keep-warm pings in the history: what they cost and saved, by hand."""

import os
from pathlib import Path

import pytest

from claude_session_status.costs import report as words
from claude_session_status.costs.page import page
from claude_session_status.history_update import update
from claude_session_status.paths import Paths
from claude_session_status.store.history import HistoryStore
from claude_session_status.store.history_tables import HistoryTables
from costs.conversations import DAY, MODEL, Ask, history, write
from fakes import NOW
from keep_warm_files import SESSION, ping, report, write_report

START = NOW - DAY
TOKENS = 100_000
PING = {**ping(START + 3540, tokens=TOKENS), "read": TOKENS, "wrote": 0, "output": 0, "model": MODEL}
MISS = {**ping(START + 7080, tokens=TOKENS, kept=False), "output": 0, "model": MODEL}
RETURN = Ask(5400, read=TOKENS, wrote_1h=100)  # half an hour after the first cache would have expired


def prepare(where: Paths, *pings: dict[str, object], back: Ask = RETURN) -> None:
    write(Path(where.projects, "x", f"{SESSION}.jsonl"), [Ask(0, wrote_1h=TOKENS), back], start=START)
    write_report(where, report(pings=list(pings)))


def test_a_ping_costs_a_read_and_saves_a_write(where: Paths) -> None:
    prepare(where, PING)
    found = history(where)
    kept = found.kept_warm
    assert (kept.pings, kept.missed, kept.read_tokens, kept.returns, kept.saved_tokens) == (1, 0, TOKENS, 1, TOKENS)
    assert kept.usd == pytest.approx(0.05)  # 100k at $0.50 a million
    assert kept.saved_usd == pytest.approx(0.95)  # 100k at $10 less $0.50 a million
    assert found.requests == 2, "it is none of the conversation's own requests"
    assert found.totals.misses == 0
    (line,) = [line for line in words.headline(found) if "ping" in line]
    assert line == (
        "1 keep-warm ping cost about $0.05 in addition. That saved about $0.95: 1 late return read 100k tokens."
    )
    assert line in page(found).replace("&#x27;", "'")
    assert words.as_json(found)["keep_warm"] == {
        "pings": 1, "missed": 0, "read_tokens": TOKENS, "usd": 0.05, "returns": 1, "saved_tokens": TOKENS,
        "saved_usd": 0.95,
    }  # fmt: skip


def test_a_ping_that_missed_costs_a_write_and_a_return_within_the_ttl_saves_nothing(where: Paths) -> None:
    prepare(where, PING, MISS, back=Ask(3000, read=TOKENS))
    kept = history(where).kept_warm
    assert (kept.pings, kept.missed, kept.returns, kept.saved_usd) == (2, 1, 0, None)
    assert kept.usd == pytest.approx(0.05 + 1.0)  # the miss: 100k at $10 a million
    assert "1 of them missed. No message has needed the cache" in " ".join(words.headline(history(where)))


def test_pings_are_taken_over_once_and_stay_when_the_report_goes(where: Paths) -> None:
    prepare(where, PING)
    first = history(where).kept_warm
    before = os.stat(where.history).st_mtime_ns
    assert history(where).kept_warm == first
    assert os.stat(where.history).st_mtime_ns == before, "nothing new, so nothing is written"
    os.unlink(os.path.join(where.mods, f"{SESSION}.json"))
    assert history(where).kept_warm == first
    with HistoryStore(where.history).open() as connection:
        row = connection.execute("SELECT kind, cause, project, file FROM request WHERE kind = 'ping'").fetchall()
    assert row == [("ping", "keep_warm", "web-shop", f"mods/{SESSION}.json")]
    assert sorted(os.listdir(where.folder)) == ["history.duckdb", "history.lock", "mods"]


def test_pings_that_are_older_than_the_history_are_not_taken_over(where: Paths) -> None:
    prepare(where, PING)
    update(where, now=NOW + 2 * DAY, keep_days=1)
    with HistoryStore(where.history).open() as connection:
        assert HistoryTables(connection).pings() == set()
