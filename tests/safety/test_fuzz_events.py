"""Random hook inputs, status lines and notes, all the way into DuckDB: none raises, is lost or makes an absurd row.

A hook call or a render runs in this process, with files as its standard streams. What it leaves in the spool is
ingested, and each session that was named must have a row that makes sense, now and later.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from claude_session_status import notes
from claude_session_status.claude import hook, statusline
from claude_session_status.claude.ingest import DrainResult, Ingester
from claude_session_status.paths import Paths
from claude_session_status.spool import LARGEST_NOTE, Spool
from claude_session_status.store.database import Store
from fakes import NOW
from safety import odd_payloads, odd_transcripts
from safety.absurd import must_make_sense
from safety.fuzzing import Fuzz
from safety.streams import Streams

SMALL = 500
HOOKS, STATUS_LINES, NOTES = 200_000, 100_000, 100_000
PER_DATABASE = 2000
LATER = (0.0, 10.0, 295.0, 3599.0, 90_000.0)  # seconds after the last event
TTL_LEAST, TTL_MOST = 1, 86400
# All that a status line of ours can be.
LINE = re.compile(
    r"(○ nothing cached"
    r"|(○ no cache data|○ cold: another model|○ expired|● warm until \d\d:\d\d:\d\d)( · (\d{1,3}k?|\d{1,4}\.\dM))?)\n"
)


class Arena:
    """Claude Code's folders, one after the other, each with odd transcripts, and the notes that are written there."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._monkeypatch = monkeypatch
        self.written: list[bytes] = []  # since the last `enter`
        self.where = Paths(str(root))
        self.transcripts: tuple[str, ...] = ()

    def enter(self, number: int, fuzz: Fuzz) -> None:
        """Make a new folder, and set the environment to it."""
        folder = self._root / str(number)
        project = folder / "projects/-srv-shop"
        project.mkdir(parents=True)
        for name in range(5):
            lines = odd_transcripts.transcript(fuzz.case(-number - name))
            (project / f"{name:08d}-fuzz.jsonl").write_bytes(b"\n".join(lines))
        os.mkfifo(project / "fifo.jsonl")
        self.set_environment({"CLAUDE_CONFIG_DIR": str(folder)})
        self.where = Paths(str(folder))
        self.transcripts = tuple(str(path) for path in project.iterdir())
        self.written.clear()

    def set_environment(self, values: dict[str, str]) -> None:
        for name in odd_payloads.ENVIRONMENT:
            self._monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            self._monkeypatch.setenv(name, value)

    def ingest(self, clock: Callable[[], float] = time.time) -> set[str]:
        """Take all notes in; return the ids of the rows, which must make sense."""
        store = Store(self.where.database)
        ingester = Ingester(self.where, store, clock=clock)
        assert ingester.drain() is DrainResult.DONE
        assert ingester.problem is None
        assert Spool(self.where.spool).names() == []
        rows = store.load()
        for seconds in LATER:
            must_make_sense(rows, clock() + seconds)
        return {session.session_id for session in rows}

    def refused(self) -> int:
        """How many notes were set aside."""
        return sum(name.endswith(".refused") for name in os.listdir(self.where.spool))


@pytest.fixture
def arena(claude_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """In it no hook starts an ingester, and refused notes are not logged one by one."""
    made = Arena(claude_dir, monkeypatch)
    write = Spool.write

    def record(self: Spool, note: bytes, at: float) -> str:
        made.written.append(note)
        return write(self, note, at)

    monkeypatch.setattr(Spool, "write", record)
    for module in (hook, statusline):
        monkeypatch.setattr(module, "monitor_runs", lambda path, at: True)
    logging.disable(logging.ERROR)
    yield made
    logging.disable(logging.NOTSET)


def _batches(size: int) -> Iterator[range]:
    return (range(start, min(size, start + PER_DATABASE)) for start in range(0, size, PER_DATABASE))


def _must_be_a_note(raw: bytes) -> None:
    """It is one line, holds nothing of a prompt or a response, and is applied, not refused."""
    assert len(raw) <= LARGEST_NOTE
    assert raw.count(b"\n") == 1, raw
    assert raw.isascii(), raw
    assert odd_payloads.SECRET.encode() not in raw, raw
    event = notes.decode(raw)
    assert event.at <= time.time()


def _must_be_a_complaint(stderr: bytes) -> None:
    text = stderr.decode()
    assert text.startswith("claude-session-status "), text
    assert text[-1:] == "\n", text
    assert text[:-1].isprintable(), text
    assert "Error" not in text, f"an error that nobody expected: {text}"


def test_any_hook_input_is_recorded_or_refused_in_one_line(fuzz: Fuzz, arena: Arena) -> None:
    recorded, ignored, size = 0, 0, fuzz.size(SMALL, HOOKS)
    for batch in _batches(size):
        arena.enter(batch.start, fuzz)
        with Streams() as streams:
            for number in batch:
                chance, before = fuzz.case(number), len(arena.written)
                command, raw = odd_payloads.hook_call(chance, arena.transcripts)
                arena.set_environment(odd_payloads.environment(chance))
                streams.give(raw)
                with fuzz.naming(lambda command=command, raw=raw: f"{command} {raw!r}"):  # type: ignore[misc]
                    hook.main(command)
                    out, err = streams.taken()
                    new = arena.written[before:]
                    assert out == b""
                    assert len(new) + bool(err) <= 1, "a note or a complaint, or an event that does not count"
                    for note in new:
                        _must_be_a_note(note)
                    if err:
                        _must_be_a_complaint(err)
                    ignored += not new and not err
        assert arena.ingest() == {notes.decode(raw).session_id for raw in arena.written}
        assert arena.refused() == 0
        recorded += len(arena.written)
    assert size // 3 < recorded < size, "both kinds are tried"
    fuzz.report(f"{size} hook inputs, {recorded} of them recorded, {ignored} of no concern")


def test_any_status_line_prints_a_line_that_makes_sense(fuzz: Fuzz, arena: Arena) -> None:
    warm, noted, size = 0, 0, fuzz.size(SMALL, STATUS_LINES)
    for batch in _batches(size):
        arena.enter(batch.start, fuzz)
        with Streams() as streams:
            for number in batch:
                chance, before = fuzz.case(number), len(arena.written)
                raw = odd_payloads.status_line(chance, arena.transcripts)
                arena.set_environment(odd_payloads.environment(chance))
                streams.give(raw)
                with fuzz.naming(lambda raw=raw: repr(raw)):  # type: ignore[misc]
                    assert statusline.main([]) == 0
                    out, err = streams.taken()
                    assert LINE.fullmatch(out.decode()), out
                    if err:
                        _must_be_a_complaint(err)
                    for note in arena.written[before:]:
                        _must_be_a_note(note)
                        event = notes.decode(note)
                        assert event.ttl_seconds is not None
                        assert TTL_LEAST <= event.ttl_seconds <= TTL_MOST
                        assert event.expires_at is not None
                    warm += out.startswith("● warm".encode())
        assert arena.ingest() == {notes.decode(raw).session_id for raw in arena.written}
        assert arena.refused() == 0
        noted += len(arena.written)
    assert size // 20 < warm < size, "both kinds are tried"
    fuzz.report(f"{size} status lines, {warm} of them warm, {noted} notes")


def test_any_note_is_applied_or_set_aside(fuzz: Fuzz, arena: Arena) -> None:
    applied, size = 0, fuzz.size(SMALL, NOTES)
    for batch in _batches(size):
        arena.enter(batch.start, fuzz)
        spool, ids, refused = Spool(arena.where.spool), set(), 0
        for number in batch:
            note = odd_payloads.note(fuzz.case(number), NOW, arena.transcripts)
            spool.write(note, NOW + number / 1e3)
            try:
                event = notes.decode(note.rstrip(b"\n") + b"\n")
            except notes.NoteError:
                refused += 1
            else:
                ids.add(event.session_id)
        rows = arena.ingest(lambda: NOW)
        assert rows <= ids
        assert arena.refused() == refused, "only what is no note is set aside"
        applied += len(batch) - refused
    assert size // 3 < applied < size, "both kinds are tried"
    fuzz.report(f"{size} notes, {applied} of them applied")
