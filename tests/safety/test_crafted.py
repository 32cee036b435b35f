"""Crafted names and planted links: they write nowhere else, and are shown as harmless text."""

import json
import os
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_session_status import glance, notification, policy, view, words
from claude_session_status.claude import hook, payload
from claude_session_status.claude.ingest import Ingester
from claude_session_status.lock import FileLock
from claude_session_status.model import Alert, Request, Session, Source
from claude_session_status.monitor import Monitor
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from claude_session_status.store.database import Store
from desktop.harness import Desktop, Program
from fakes import NOW
from ingester import wait_until_applied
from rows import is_harmless_line
from terminal import Terminal
from waiting import wait_for

COMMAND = [sys.executable, "-m", "claude_session_status"]

NAMES = {
    "a path": "../../x",
    "an absolute path": "/tmp/../etc/cron.d/x",
    "4 KB": "long" * 1024,
    "more than we keep": "long" * 5000,
    "control characters": "a\x00b\x07c\x08d\x7fe\x9bf\r\ng\th",
    "terminal escapes": "\x1b]0;pwned\x07\x1b[2J\x1b[31mred\x1b[8m\x1bP+q\x1b\\",
    "markup": '<b>bold</b><a href="file:///x">x</a> &amp; <img src="http://127.0.0.1/x">',
    "rich markup": "[bold red]x[/] [link=file:///x]y[/link] :warning:",
    "underscores": "__my_app__ &mnemonic",
    "right to left": "\u202ereversed\u2066\u200f",
    "a shell's": "$(touch x) `id`; rm -rf . #",
    "a query's": "'; DROP TABLE session_status; --",
    "a format's": "%s%n{0}{}%(x)s",
    "an option": "--help",
    "a lone surrogate": "\ud800x",
    "wide": "世界🌍" * 9,
}


def call(command: str, **data: Any) -> None:
    done = subprocess.run([*COMMAND, command], input=json.dumps(data).encode(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def _everything(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def _is_harmless(text: str) -> bool:
    """No control character, and none that turns the direction of what follows."""
    return not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


@pytest.fixture
def crafted(where: Paths, tmp_path: Path) -> dict[str, str]:
    """A warm session of each name, as id, folder, title and model; what was made on disk beside our files: nothing."""
    before = _everything(tmp_path)
    for name in NAMES.values():
        call("mark-turn", session_id=name, cwd=f"/home/me/{name}", session_title=name, model=name, transcript_path=name)
        call("mark-start", session_id=f"{name} alone")
    wait_until_applied(where)
    made = {name for name in _everything(tmp_path) - before if not name.startswith("claude/claude-session-status/")}
    assert made <= {"claude", "claude/claude-session-status"}
    assert _everything(Path(where.folder)) == {"spool", "ingest.lock", "status.duckdb", "status.duckdb.wal"}
    return NAMES


def test_status_shows_them_as_text_and_the_json_is_valid(crafted: dict[str, str]) -> None:
    done = subprocess.run([*COMMAND, "status"], capture_output=True, text=True, env=os.environ | {"COLUMNS": "150"})
    assert (done.returncode, done.stderr) == (0, "")
    assert all(_is_harmless(line) for line in done.stdout.splitlines())
    # As many lines as sessions, apart from those that are one after the cut, and the header.
    expected = {payload.text_of({"x": n}, "x") for name in crafted.values() for n in (name, f"{name} alone")}
    assert len(done.stdout.splitlines()) == 1 + len(expected)
    assert "[bold red]x" in done.stdout
    done = subprocess.run([*COMMAND, "status", "--json"], capture_output=True, text=True)
    sessions = json.loads(done.stdout)["sessions"]
    assert {s["session_id"] for s in sessions} == expected
    assert {s["title"] for s in sessions if s["title"]} == {
        payload.text_of({"x": name}, "x") for name in crafted.values()
    }


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def test_watch_shows_them_as_text(crafted: dict[str, str], terminal: Terminal) -> None:
    terminal.start("watch", width=150, height=50)
    screen = terminal.wait(lambda s: "WARM" in s and "[bold red]x" in s)
    assert re.match(r"\d+ warm, next ", screen)  # no name has cleared the screen
    assert all(_is_harmless(line) for line in screen.splitlines())
    assert "pwned" not in terminal.title()
    assert "\x1b[8m" not in terminal.screen(colours=True)
    terminal.keys("End", "o")
    terminal.wait(lambda s: "The folder " in s)
    assert all(_is_harmless(line) for line in terminal.screen().splitlines())
    assert "pwned" not in terminal.title()
    terminal.keys("q")


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_menu_tooltip_and_notification_get_one_line_of_plain_text(name: str) -> None:
    kept = payload.text_of({"x": name}, "x")
    assert kept is not None
    for session in (
        Session(kept, project=kept, cwd=kept, title=kept, request=Request(NOW, 300, Source.HOOK)),
        Session(kept, request=Request(NOW, 300, Source.HOOK)),
    ):
        shot = policy.snapshot([session], NOW + 280)
        shown = notification.of_alerts(Alert(shot.sessions[0], 30))
        for text in (*(item.label for item in view.menu(shot)), glance.tooltip(shot), shown.title, shown.body):
            assert is_harmless_line(text)
            assert len(text) <= 256
        assert len(shown.title) <= 64
        assert len(glance.tooltip(shot)) <= 128


@pytest.mark.desktop
def test_a_real_panel_and_a_real_notification_service_show_them_as_text(desktop: Desktop, panel: Program) -> None:
    desktop.start_dunst()
    names = ["<b>bold</b> & <i>x</i>", "__my_app__", "\x1b[31mred\x07", "%s & co"]
    where = Paths(str(desktop.home / ".claude"))
    now = time.time()
    for number, name in enumerate(names):
        # The first has a notification of its own; the others share one, ten seconds later.
        at = now - 300 + (34 if number == 0 else 46)
        note = hook.note_of({"session_id": f"{number}", "project": name, "title": name}, "mark-turn", at, {})
        assert note is not None
        Spool(where.spool).write(payload.encode(note), at)
    tray = desktop.start([*COMMAND, "tray"], "tray")
    item = desktop.item()
    plain = [words.clean(name) for name in names]
    wait_for("all of them", lambda: len([s for s in item.labels() if "●" in s]) == len(names))
    labels = " ".join(item.labels())
    assert all(f"{name} · {name}" in labels for name in plain)
    wait_for("the notifications", lambda: desktop.run("dunstctl", "count", "displayed").strip() == "2", 40)
    desktop.screenshot(desktop.root / "crafted.png")
    history = json.loads(_history(desktop))["data"][0]
    shown = {(one["summary"]["data"], one["body"]["data"]) for one in history}
    bodies = {re.sub(r"(: cache expires| caches expire).*", "", summary): body for summary, body in shown}
    assert set(bodies) == {plain[0], "3"}
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; " in bodies[plain[0]]  # what markup must look like to be text
    assert all(name in bodies["3"].replace("&amp;", "&") for name in plain[1:])
    assert "&amp; co" in bodies["3"]
    assert "Traceback" not in tray.text
    assert desktop.item().name == item.name


def _history(desktop: Desktop) -> str:
    desktop.run("dunstctl", "close-all")
    return wait_for("the history", lambda: h if "summary" in (h := desktop.run("dunstctl", "history")) else None)


# ---- planted links ----------------------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    return folder


def _untouched(outside: Path) -> bool:
    return _everything(outside) == {"precious"} and (outside / "precious").read_text() == "precious"


@pytest.mark.parametrize("suffix", [".json", ".tmp", ".json.refused"])
@pytest.mark.parametrize("target", ["precious", "new", "."])
def test_a_link_in_the_spool_is_neither_followed_nor_written_through(
    target: str, suffix: str, where: Paths, outside: Path
) -> None:
    call("mark-start", session_id="before")
    wait_until_applied(where)
    link = Path(where.spool) / f"00000000000000001-1-aa{suffix}"
    link.symlink_to(outside / target)
    os.utime(link, (0, 0), follow_symlinks=False)
    call("mark-turn", session_id="s")
    wait_until_applied(where)
    assert {s.session_id for s in Store(where.database).load()} == {"before", "s"}
    assert Spool(where.spool).names() == []
    assert _untouched(outside)


@pytest.mark.parametrize("name", ["monitor.alive", "ingest.lock", "tray.lock"])
def test_a_link_in_place_of_a_file_of_ours_changes_nothing_at_its_target(
    name: str, where: Paths, outside: Path
) -> None:
    os.makedirs(where.folder)
    (Path(where.folder) / name).symlink_to(outside / "new")
    monitor = Monitor(where)
    monitor.poll()
    if name.endswith(".lock"):
        with pytest.raises(OSError, match="symbolic link"):
            FileLock(str(Path(where.folder) / name)).acquire()
    done = subprocess.run([*COMMAND, "mark-turn"], input=b'{"session_id": "s"}', capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")
    assert _untouched(outside)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to own a folder as another")
def test_a_spool_that_is_a_link_to_another_users_folder_is_refused(where: Paths, outside: Path) -> None:
    (outside / "00000000000000001-1-aa.json").write_bytes(b'{"kind": "turn", "session_id": "theirs", "at": 1}\n')
    os.chown(outside, 65534, 65534)
    os.makedirs(where.folder)
    Path(where.spool).symlink_to(outside)
    before = _everything(outside)
    done = subprocess.run([*COMMAND, "mark-turn"], input=b'{"session_id": "s"}', capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"link to a folder of another user" in done.stderr
    Ingester(where, Store(where.database)).drain()
    assert Store(where.database).load() == []
    assert _everything(outside) == before


def test_a_spool_that_is_a_link_to_a_folder_of_ones_own_works(where: Paths, outside: Path) -> None:
    os.makedirs(where.folder)
    Path(where.spool).symlink_to(outside)
    call("mark-turn", session_id="s")
    wait_until_applied(where)
    assert [s.session_id for s in Store(where.database).load()] == ["s"]
    assert _untouched(outside)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, as in a container")
def test_notes_that_root_writes_into_a_users_folder_belong_to_the_user(where: Paths) -> None:
    os.makedirs(where.spool)
    for folder in (where.claude_dir, where.folder, where.spool):
        os.chown(folder, 65534, 65534)
    name = Spool(where.spool).write(b"x", NOW)
    owner = os.stat(os.path.join(where.spool, name))
    assert (owner.st_uid, owner.st_gid) == (65534, 65534)
