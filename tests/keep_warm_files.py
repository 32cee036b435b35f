"""Writes what the keep-warm mod and its client write, for tests without them."""

import json
import os
import time
from pathlib import Path
from typing import Any

from claude_session_status import notes
from claude_session_status.model import Event, EventKind, Process
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool
from fakes import NOW, Transcript

SESSION = "0b7f3c52-6f0e-4d43-9d0a-2f1f6c1f5a11"
PID = 7
VERSION = "2.1.332"


def ping(at: float, *, kept: bool = True, late: bool = False, tokens: int = 142_000, ttl: int = 3600) -> dict[str, Any]:
    """One ping of a report."""
    read, wrote = (tokens - 200, 200) if kept else (0, tokens)
    counts = {"read": read, "wrote": wrote, "output": 5, "kept": kept}
    return {"at": at, "ttl": ttl, "model": "claude-opus-5-5", **counts, **({"late": True} if late else {})}


def report(at: float = NOW - 100, state: str = "ready", **fields: Any) -> dict[str, Any]:
    """What the mod writes about SESSION."""
    return {
        "v": 1, "mod": "1.0", "client": VERSION, "session": SESSION, "pid": PID, "at": at, "ttl": 3600,
        "tokens": 142_000, "model": "claude-opus-5-5", "state": state, "reason": "", "in_a_row": 0, "pings": [],
        **fields,
    }  # fmt: skip


def write_session(where: Paths, folder: Path, name: str, session_id: str = SESSION, ttl: int = 3600) -> None:
    """Write a session of this process as the client does, idle for a while, with 142k tokens; and the mod's report."""
    now, process = time.time(), Process(os.getpid())
    lines = Transcript(folder / "projects" / "x" / f"{session_id}.jsonl")
    wrote: dict[str, Any] = {"wrote_1h" if ttl == 3600 else "wrote_5m": 142_000}
    lines.user(now - 20).answer(now - 15, **wrote)
    fields: dict[str, Any] = {"cwd": f"/x/{name}", "transcript_path": str(lines.path), "process": process}
    for kind, at in ((EventKind.START, now - 100), (EventKind.TURN, now - 10)):
        Spool(where.spool).write(notes.encode(Event(kind, session_id, at, **fields)), at)
    write_report(where, report(now - 20, session=session_id, pid=os.getpid(), ttl=ttl), session_id)


def write_report(where: Paths, content: dict[str, Any] | bytes, session_id: str = SESSION) -> Path:
    """Write a report as the mod does: in place."""
    folder = Path(where.mods)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session_id}.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode() + b"\n")
    return path
