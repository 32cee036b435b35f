"""Finds a session's transcript where the hook's path can't be read here, and the folder in which the session started.

A hook in a container or on Windows reports its own path of a shared file, and a project's folder may be moved. Claude
Code keeps each transcript as `projects/<any folder>/<session id>.jsonl`, so the session's id finds it.

What reads a transcript (`transcript`) is imported only where one has changed: `status` starts sooner without it.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator

from claude_session_status.claude.files import json_object, open_plain
from claude_session_status.claude.payload import text_of

AHEAD_OF_CLOCK = 5.0  # seconds: a line later than the clock by more is not believed
LOOK_AGAIN_SECONDS = 10.0  # a transcript that was not found is looked for again after this time
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # an id that can't lead out of the folder
_HEAD = 1024 * 1024  # bytes from the start of a transcript in which its first folder must be named


class TranscriptFinder:
    """Looks for transcripts under `projects`. `clock` gives epoch seconds."""

    def __init__(self, projects: str, clock: Callable[[], float]) -> None:
        self.projects = projects
        self.clock = clock
        self._found: dict[str, tuple[float, str | None]] = {}  # session -> when it was looked for, path

    def path_of(self, session_id: str, reported: str | None) -> str | None:
        """The path of the session's transcript: `reported` by its hooks where that can be read, else the one found.

        None where there is neither. Raises nothing.
        """
        if reported is not None and is_readable(reported):
            return reported
        now = self.clock()
        looked_at, path = self._found.get(session_id, (None, None))
        is_fresh = looked_at is not None and 0 <= now - looked_at < LOOK_AGAIN_SECONDS
        if not is_fresh or (path is not None and not is_readable(path)):
            path = self._find(session_id)
            self._found[session_id] = now, path
        return path or reported

    def _find(self, session_id: str) -> str | None:
        """The newest of the transcripts with the session's id; None for an id that is no plain name."""
        if not _PLAIN_ID.fullmatch(session_id):
            return None
        try:
            with os.scandir(self.projects) as folders:
                paths = [os.path.join(folder.path, f"{session_id}.jsonl") for folder in folders]
        except OSError:
            return None
        return max(filter(is_readable, paths), key=_changed_at, default=None)


def is_readable(path: str) -> bool:
    """Whether `path` is a file that this process may read. Raises nothing."""
    try:
        return os.path.isfile(path) and os.access(path, os.R_OK)
    except ValueError:  # a path with a NUL
        return False


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def first_folder(path: str) -> str | None:
    """The working folder in the first line of a transcript that names one: where the session started.

    None where there is none, the file can't be read, or it is a subagent's. Never blocks, raises nothing.
    """
    for raw in _first_lines(path):
        if b'"cwd"' not in raw:
            continue
        line = json_object(raw)
        if line is None:
            continue
        if line.get("isSidechain") is True:
            return None
        if (cwd := text_of(line, "cwd")) is not None:
            return cwd
    return None


def _first_lines(path: str) -> Iterator[bytes]:
    """The lines at the start of the file, without the one that goes beyond `_HEAD` bytes."""
    try:
        with open_plain(path) as (descriptor, size):
            rest, read = b"", 0
            while read < min(size, _HEAD) and (block := os.read(descriptor, 64 * 1024)):
                read += len(block)
                *lines, rest = (rest + block).split(b"\n")
                yield from lines
            if read >= size:
                yield rest
    except (OSError, ValueError):
        return


def stat_mark(path: str) -> str | None:
    """Size and time of the file as one text that changes when it is written; None when there is no plain file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return mark_of(status) if stat.S_ISREG(status.st_mode) else None


def mark_of(status: os.stat_result) -> str:
    """Size and time of a file as one text that changes when it is written, and the number of the file itself."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"


def is_ahead(mark: str, now: float) -> bool:
    """Whether the file with that mark is ahead of the clock, so that true lines may be skipped now."""
    return int(mark.split(":")[1]) / 1e9 > now + AHEAD_OF_CLOCK
