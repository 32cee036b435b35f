"""What a running client says of itself: `<config>/sessions/<pid>.json`, the quickest word on what a session does.

Undocumented, absent in old clients and left behind by a crash: so it is believed only for a process that a hook named
and that still runs, and never needed. Nothing else in that folder is opened.
"""

import json
import os
from dataclasses import dataclass, field

from claude_session_status.claude.files import read_small
from claude_session_status.model import ClientStatus, Process

_LARGEST = 64 * 1024  # bytes; a real one has less than a thousand
_PERMISSION = "permission prompt"
_STATUS = {"idle": ClientStatus.IDLE, "busy": ClientStatus.BUSY}


@dataclass(frozen=True, slots=True)
class Registered:
    """The client's word on one session, and since when it holds (epoch seconds)."""

    status: ClientStatus
    since: float


@dataclass(slots=True)
class Registry:
    """The clients' own files in `folder`, each read again only when it changed."""

    folder: str
    _known: dict[int, tuple[int, dict[str, object]]] = field(default_factory=dict)

    def look(self, session_id: str, process: Process | None) -> Registered | None:
        """What the client in `process` says of the session; None where it says nothing that can be trusted."""
        if process is None:
            return None
        entry = self._entry(process.pid)
        if entry.get("sessionId") != session_id:
            return None
        if process.started is not None and str(entry.get("procStart")) != str(process.started):
            return None
        return parse(entry)

    def _entry(self, pid: int) -> dict[str, object]:
        path = os.path.join(self.folder, f"{pid}.json")
        try:
            mark = os.stat(path).st_mtime_ns
        except OSError:
            self._known.pop(pid, None)
            return {}
        if pid in self._known and self._known[pid][0] == mark:
            return self._known[pid][1]
        try:
            entry = json.loads(read_small(path, _LARGEST))
        except (OSError, ValueError, RecursionError):
            return {}  # half written: look again
        self._known[pid] = mark, entry if isinstance(entry, dict) else {}
        return self._known[pid][1]


def parse(entry: dict[str, object]) -> Registered | None:
    """The word in a client's file; None for one we do not know. A dialog that is open keeps nobody working."""
    status, since = entry.get("status"), entry.get("statusUpdatedAt", entry.get("updatedAt"))
    if isinstance(since, bool) or not isinstance(since, int | float) or not 0 < since < 1e14:
        return None
    if status == "waiting":
        waits = entry.get("waitingFor") == _PERMISSION
        return Registered(ClientStatus.WAITING if waits else ClientStatus.IDLE, since / 1000)
    known = _STATUS.get(str(status))
    return None if known is None else Registered(known, since / 1000)
