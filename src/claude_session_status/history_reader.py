"""Finds the transcripts and reads what is new in them into row files, in several processes where there is much of it.

A piece of the work is some transcripts and one file for the rows of their requests. A process that reads pieces imports
neither the database nor the prices, so it starts soon and stays small.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_session_status.claude.transcript_files import mark_of
from claude_session_status.costs.request import Kind
from claude_session_status.model import folder_name
from claude_session_status.store.history_rows import Read, Row, write_rows

if TYPE_CHECKING:
    from claude_session_status.claude.past_requests import Scan

PIECE_BYTES = 16 << 20  # what one process reads at a time
ALONE_BYTES = 48 << 20  # starting other processes takes longer than reading less than this
MOST_PROCESSES = 4


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file to read. `name`: below the projects folder; `mark` changes whenever the file does."""

    path: str
    name: str
    session_id: str
    kind: Kind
    mark: str
    size: int


Todo = tuple[Transcript, Read | None]  # with how far it was read


@dataclass(frozen=True, slots=True)
class Piece:
    """What one process reads: transcripts, how far each was read, and the file for the rows that it finds."""

    rows: str
    todo: tuple[Todo, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What was found in a piece."""

    rows: str
    has_rows: bool
    read: tuple[Read, ...]
    problems: tuple[str, ...]


# ---- transcripts ------------------------------------------------------------


def transcripts(projects: str) -> list[Transcript]:
    """All transcripts, the oldest first: a fork is younger than what it copied. Raises nothing."""
    found = []
    below = len(os.path.join(projects, ""))
    for folder in _entries(projects):
        for entry in _entries(folder.path):
            if entry.name.endswith(".jsonl"):
                found.append(_transcript(entry, below, entry.name.removesuffix(".jsonl"), Kind.MAIN))
            elif entry.is_dir(follow_symlinks=False):
                found += [
                    _transcript(agent, below, entry.name, Kind.SUBAGENT)
                    for agent in _entries(os.path.join(entry.path, "subagents"))
                    if agent.name.endswith(".jsonl")
                ]
    return [transcript for _, transcript in sorted((t for t in found if t), key=lambda t: t[0])]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _transcript(entry: os.DirEntry[str], below: int, session_id: str, kind: Kind) -> tuple[float, Transcript] | None:
    """The file with its time, unless it is none. `below`: where in its path the name below the projects begins."""
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except OSError:
        return None
    transcript = Transcript(entry.path, entry.path[below:], session_id, kind, mark_of(status), status.st_size)
    return status.st_mtime, transcript


# ---- reading ----------------------------------------------------------------


def pieces(todo: Iterable[Todo], folder: str) -> list[Piece]:
    """The transcripts in pieces, whose rows will be in `folder`."""
    groups: list[list[Todo]] = []
    room = 0
    for transcript, before in todo:
        if room <= 0:
            groups.append([])
            room = PIECE_BYTES
        groups[-1].append((transcript, before))
        room -= transcript.size
    return [Piece(os.path.join(folder, f"{number}.rows"), tuple(group)) for number, group in enumerate(groups)]


@contextmanager
def readers(size: int, processes: int | None) -> Iterator[Callable[[Iterable[Piece]], Iterator[Result]]]:
    """What reads pieces: this process, or several where `size` bytes are worth their start."""
    count = processes or min(MOST_PROCESSES, os.cpu_count() or 1)
    # A frozen program can't start a Python of its own.
    if count == 1 or size < ALONE_BYTES or getattr(sys, "frozen", False):
        yield lambda pieces: map(read_piece, pieces)
        return
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - seldom needed, and 14 ms
    from multiprocessing import get_context  # noqa: PLC0415 - as above

    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_with_parent) as executor:
        yield lambda pieces: executor.map(read_piece, pieces)


def _end_with_parent() -> None:
    """End this process when its parent has ended, also by a kill: otherwise it would wait for work without end."""
    import threading  # noqa: PLC0415 - only in a process that reads for another one
    from multiprocessing import connection, parent_process  # noqa: PLC0415 - as above

    def wait(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(0)

    if (parent := parent_process()) is not None:
        threading.Thread(target=wait, args=[parent.sentinel], daemon=True).start()


def read_piece(piece: Piece) -> Result:
    """Read the transcripts of a piece and write what they say to its file. A file that fails costs only itself."""
    rows: list[Row] = []
    read, problems = [], []
    for transcript, before in piece.todo:
        try:
            found = _scan(transcript, before)
        except OSError as error:
            problems.append(f"{transcript.path} can't be read: {error.strerror or error}")
            continue
        project = folder_name(found.position.folder)
        rows += [Row(r, transcript.name, r.session_id == transcript.session_id, project) for r in found.requests]
        read.append(Read(transcript.name, transcript.mark, found.position.encoded()))
    if rows:
        write_rows(piece.rows, rows)
    return Result(piece.rows, bool(rows), tuple(read), tuple(problems))


def _scan(transcript: Transcript, before: Read | None) -> "Scan":
    """Go on where the last reading ended; from the start where another file took the place of the one then read."""
    from claude_session_status.claude.past_requests import Position, scan  # noqa: PLC0415 - brings the JSON decoder

    position = None
    if before is not None and before.mark.rpartition(":")[2] == transcript.mark.rpartition(":")[2]:
        position = Position.decoded(before.position)
    return scan(transcript.path, transcript.session_id, transcript.kind, position)
