"""Writes what the keep-warm mod and its client write, for tests without them."""

import json
from pathlib import Path
from typing import Any

from claude_session_status.paths import Paths
from fakes import NOW

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


def write_report(where: Paths, content: dict[str, Any] | bytes, session_id: str = SESSION) -> Path:
    """Write a report as the mod does: in place."""
    folder = Path(where.mods)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session_id}.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode() + b"\n")
    return path
