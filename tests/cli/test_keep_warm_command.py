"""`keep-warm` and the key `k`: what they ask for, what they refuse, and with which exit code."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import keep_warm, notes, policy
from claude_session_status.cli import board
from claude_session_status.cli.board import Board
from claude_session_status.cli.keys import Key
from claude_session_status.keep_warm import Evidence, ModReport, ModState, Order
from claude_session_status.keep_warm_orders import Orders, Versions
from claude_session_status.keep_warm_times import Choice
from claude_session_status.menu_items import KeepSessionWarm
from claude_session_status.model import Event, EventKind, Process, Snapshot
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.values import replace
from fakes import NOW, Transcript
from keep_warm_files import SESSION, VERSION, write_session
from rows import make
from terminal import Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "claude_session_status", "keep-warm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})


@pytest.fixture
def session(where: Paths, tmp_path: Path) -> None:
    """A session of this process with 142k tokens in an hour-long cache, and the mod's report about it."""
    write_session(where, tmp_path, "web-shop")


@pytest.mark.usefixtures("session")
def test_it_says_what_it_costs_places_the_order_and_takes_it_back(where: Paths) -> None:
    offered = run("web-shop")
    price = r"about \$0\.\d\d an hour in place of \$\d\.\d\d"
    assert re.fullmatch(rf"web-shop: can be kept warm: {price}\n", offered.stdout), offered.stderr
    placed = run("web-shop", "--for", "3h")
    assert placed.returncode == 0, placed.stderr
    assert re.search(rf"3 pings, {price}", placed.stdout)
    assert "trial" in placed.stdout
    order = Orders(where.keep_warm).of(SESSION)
    assert order is not None
    assert order.until == pytest.approx(time.time() + 3 * 3600, abs=60)
    assert "kept warm until" in run().stdout, "all sessions"
    assert run("web-shop", "--off").stdout == "web-shop is no longer kept warm.\n"
    assert Orders(where.keep_warm).of(SESSION) is None


@pytest.mark.usefixtures("session")
def test_a_session_that_does_not_qualify_fails_with_the_reason(where: Paths) -> None:
    Versions(where.keep_warm_versions).change(VERSION, missed_at=time.time() - 60)
    refused = run("web-shop", "--for", "1h")
    assert refused.returncode == 1
    assert f"a ping of Claude Code {VERSION} missed" in refused.stderr
    assert f"keep-warm --trust {VERSION}" in refused.stderr
    assert not Orders(where.keep_warm).all()
    assert run("--trust", VERSION).stdout.startswith(f"Claude Code {VERSION} is trusted again.")
    assert run("web-shop", "--for", "1h").returncode == 0


def test_without_the_plugin_it_names_what_is_needed(where: Paths, tmp_path: Path) -> None:
    now = time.time()
    lines = Transcript(tmp_path / "projects" / "x" / f"{SESSION}.jsonl")
    lines.user(now - 100).answer(now - 90, wrote_1h=142_000)
    start = Event(EventKind.TURN, SESSION, now - 80, cwd="/x/web-shop", transcript_path=str(lines.path))
    Spool(where.spool).write(notes.encode(start), start.at)
    refused = run("web-shop", "--for", "1h")
    assert refused.returncode == 1
    assert "claude plugin install prompt-cache-keep-warm@prompt-cache-tools" in refused.stderr
    assert not os.path.exists(where.keep_warm)


@pytest.mark.parametrize(
    "arguments",
    [
        ("web-shop", "--until", "00:00"),  # over, whatever the time is
        ("web-shop", "--until", "noon"),
        ("web-shop", "--for", "soon"),
        ("web-shop", "--for", "24h"),
        ("web-shop", "--for", "1h", "--until", "23:59"),
        ("web-shop", "--for", "1h", "--off"),
        ("--for", "1h"),
        ("--off",),
    ],
)
@pytest.mark.usefixtures("where")
def test_wrong_usage_exits_with_2_and_places_nothing(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Error" in done.stderr


@pytest.mark.usefixtures("session")
def test_status_shows_until_when(where: Paths) -> None:
    run("web-shop", "--for", "1h")
    command = [sys.executable, "-m", "claude_session_status", "status", "--json"]
    (row,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["sessions"]
    assert row["keep_warm_until"] is not None
    assert row["kept_at"] is None
    assert os.path.exists(where.keep_warm)


# ---- the key k ----------------------------------------------------------------


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux: apt-get install tmux")
@pytest.mark.usefixtures("session")
def test_k_in_a_terminal_of_80_columns_says_what_it_did(where: Paths, tmp_path: Path, terminal: Terminal) -> None:
    """For an hour, for three, off; of a five-minute cache it asks once more."""
    write_session(where, tmp_path, "billing", "s-5", ttl=300)
    assert "in place of" in run().stdout, "the prices are known from now on"
    terminal.start("watch", width=80, height=14)
    orders = Orders(where.keep_warm)
    terminal.wait(lambda s: re.search(r"billing.*WARM.*\n.*web-shop.*WARM", s))

    def press(key: str, *texts: str) -> None:
        terminal.keys(*key.split())
        terminal.wait(lambda s: all(text in " ".join(s.split()) for text in texts))

    press("Down k", "billing: 15 pings an hour, about $0.43 an hour in place of $0.68", "To keep it", "press k again")
    assert orders.of("s-5") is None
    press("k", ": billing. 15 pings", "ago KEPT")
    order = orders.of("s-5")
    assert order is not None
    assert (order.allow_five_minutes, order.ttl_seconds) == (True, 300)
    press("k", "20 pings, about $0.43", "after 20 pings in a row. The first ping is a trial: a miss stops it.")
    press("k", "billing is no longer kept warm.", "WARM")
    press("Down k", ": web-shop. 1 ping, about $0.03 an hour in place of $1.11", "KEPT")
    press("k", "3 pings")
    press("k", "web-shop is no longer kept warm.")
    assert orders.all() == {}


REPORT = ModReport("s-1", 7, NOW - 100, 3600, 142_000, "m", ModState.READY)


def shown(ttl: int = 3600, until: float | None = None, **fields: Any) -> Snapshot:
    row = make("s-1", 100, ttl, project="web-shop", context_tokens=142_000, process=Process(7), model="m", **fields)
    state = policy.state_of(row, NOW, lambda *_: 1.40)
    order = None if until is None else Order(NOW, until, 20, allow_five_minutes=True)
    evidence = Evidence(order=order, report=REPORT)
    return Snapshot(NOW, (replace(state, keep_warm=keep_warm.keep_warm_of(state, evidence, NOW, ping_usd=0.07)),))


@pytest.mark.parametrize(
    ("until", "choice"),
    [(None, Choice.HOUR), (NOW + 3600, Choice.THREE_HOURS), (NOW + 60, Choice.THREE_HOURS), (NOW + 10_000, Choice.OFF)],
)
def test_k_keeps_warm_for_an_hour_then_for_three_then_no_longer(until: float | None, choice: Choice) -> None:
    _, action = board.press(Board(chosen="s-1"), Key.KEEP_WARM, shown(until=until))
    assert action == KeepSessionWarm("s-1", choice)


def test_k_asks_once_more_for_a_five_minute_cache() -> None:
    asked, action = board.press(Board(chosen="s-1"), Key.KEEP_WARM, shown(300))
    assert action is None
    assert "15 pings an hour" in asked.message
    assert "press k again" in asked.message
    _, action = board.press(asked, Key.KEEP_WARM, shown(300))
    assert action == KeepSessionWarm("s-1", Choice.HOUR, consents=True)


def test_another_key_between_takes_the_question_back() -> None:
    asked, _ = board.press(Board(chosen="s-1"), Key.KEEP_WARM, shown(300))
    moved, _ = board.press(asked, Key.UP, shown(300))
    _, action = board.press(moved, Key.KEEP_WARM, shown(300))
    assert action is None


def test_k_says_why_a_session_can_not_be_kept_warm() -> None:
    state, action = board.press(Board(chosen="s-1"), Key.KEEP_WARM, shown(prompted_at=NOW - 1))
    assert action is None
    assert state.message.startswith("web-shop: can't be kept warm: it is working")
    assert board.press(Board(), Key.KEEP_WARM, shown())[0].message == board.NOTHING_CHOSEN
