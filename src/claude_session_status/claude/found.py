"""Sessions that no hook told of: found by their transcripts, `<config>/projects/<folder>/<session id>.jsonl`.

Only the newest part of each file is looked at, and only of files that were written lately.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from claude_session_status.claude.files import open_plain
from claude_session_status.claude.transcript import lines_backwards
from claude_session_status.model import Session

_SUFFIX = ".jsonl"
_SUBAGENT = "agent-"  # older clients keep the transcripts of subagents beside those of sessions
_LINES = 200  # from the end: nearly every line of a conversation names the folder


@dataclass(frozen=True, slots=True)
class Found:
    """A transcript: whose it is, where it lies, when it was last written (epoch seconds)."""

    session_id: str
    path: str
    modified_at: float


def recent_transcripts(claude_dir: str, since: float) -> list[Found]:
    """The transcripts under `claude_dir` that were written at or after `since` (epoch seconds), the newest first."""
    found = []
    for folder in _entries(os.path.join(claude_dir, "projects")):
        for entry in _entries(folder.path):
            if not entry.name.endswith(_SUFFIX) or entry.name.startswith(_SUBAGENT):
                continue
            try:
                if entry.is_file() and (modified_at := entry.stat().st_mtime) >= since:
                    found.append(Found(entry.name.removesuffix(_SUFFIX), entry.path, modified_at))
            except OSError:
                continue
    return sorted(found, key=lambda f: (-f.modified_at, f.session_id))


def sessions(claude_dir: str, since: float) -> list[Session]:
    """What the recent transcripts' places and folders tell; the rest is to be read from them."""
    told = []
    for found in recent_transcripts(claude_dir, since):
        cwd = cwd_of(found.path)
        project = cwd.replace("\\", "/").rstrip("/").rpartition("/")[2] or cwd if cwd else None
        told.append(Session(found.session_id, project=project, cwd=cwd, transcript_path=found.path))
    return told


def cwd_of(path: str) -> str | None:
    """The folder that the end of a transcript names; None when it names none or can't be read."""
    try:
        with open_plain(path) as (descriptor, size):
            for number, (_, raw) in enumerate(lines_backwards(descriptor, size)):
                if number >= _LINES:
                    return None
                if b'"cwd"' in raw and (cwd := _cwd(raw)):
                    return cwd
    except OSError:
        pass
    return None


def _cwd(raw: bytes) -> str | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    cwd = line.get("cwd") if isinstance(line, dict) else None
    return cwd[:4096] if isinstance(cwd, str) and cwd else None


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return
