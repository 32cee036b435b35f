"""What a running client says of itself: `<config>/sessions/<pid>.json`, the quickest word on what a session does.

Undocumented, absent in old clients and left behind by a crash: so it is believed only for a process that still runs,
and never needed. Nothing else in that folder is opened.
"""

import math
import os
from dataclasses import dataclass, field

from claude_session_status.claude.files import json_object, read_small
from claude_session_status.claude.pids import is_numbered_here, pid_namespace
from claude_session_status.model import ClientStatus, Process

_LARGEST = 64 * 1024  # bytes; a real one has less than a thousand
_PERMISSION = "permission prompt"
_STATUS = {"idle": ClientStatus.IDLE, "busy": ClientStatus.BUSY}


@dataclass(frozen=True, slots=True)
class Registered:
    """The client's word on one session, and since when it holds (epoch seconds)."""

    status: ClientStatus
    since: float


@dataclass(frozen=True, slots=True)
class Listed:
    """A client that lists a session: its process, the title that the user gave, and when it began (epoch seconds)."""

    process: Process
    title: str | None = None
    started_at: float | None = None


@dataclass(slots=True)
class Registry:
    """The clients' own files in `folder`, each read again only when it changed."""

    folder: str
    _known: dict[int, tuple[int, dict[str, object]]] = field(default_factory=dict)
    _here: str | None = None  # the numbering of process ids here, once it was asked for

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

    def names_another(self, session_id: str, process: Process | None) -> bool:
        """Whether the client in `process` has gone on to another session, as after /clear."""
        if process is None or not is_numbered_here(process.namespace, self._numbering()):
            return False
        named = self._entry(process.pid).get("sessionId")
        return isinstance(named, str) and named != session_id

    def changed_at(self) -> float:
        """When a client last came or left (epoch seconds); -inf where clients list nothing."""
        try:
            return os.stat(self.folder).st_mtime
        except OSError:
            return -math.inf

    def listed(self) -> dict[str, list[Listed]]:
        """The clients by the sessions that they list, dead ones included; of one session's the newest first.

        Two may have resumed the same, and what a crash left behind may name a session that another client has open.
        """
        try:
            names = os.listdir(self.folder)
        except OSError:
            return {}
        pids = [int(stem) for name in names if (stem := name.removesuffix(".json")) != name and stem.isdecimal()]
        found: dict[str, list[Listed]] = {}
        for pid in pids:
            entry = self._entry(pid) if 0 < pid < 1 << 31 else {}
            if "sessionId" in entry:
                client = Listed(self._process(pid, entry), _title(entry), _seconds(entry.get("startedAt")))
                found.setdefault(str(entry["sessionId"]), []).append(client)
        for clients in found.values():
            clients.sort(key=lambda client: client.started_at or 0.0, reverse=True)
        return found

    def _process(self, pid: int, entry: dict[str, object]) -> Process:
        started, named = str(entry.get("procStart")), self._namespace(entry.get("pidDomain"))
        ticks = int(started) if started.isdecimal() and len(started) < 19 and named is not None else None
        return Process(pid, ticks, named)

    def _namespace(self, domain: object) -> str | None:
        """The numbering of a client's own process id, as a hook names it.

        The client writes `linux:<id in /etc/machine-id>:pid:[<number>]`, and nothing for an id that is not there.
        """
        if not isinstance(domain, str) or domain.count(":") < 3:
            return self._numbering()
        _, machine, kernels = domain.split(":", 2)
        return f"{kernels}@{machine}" if machine else kernels

    def _numbering(self) -> str | None:
        if self._here is None:
            self._here = pid_namespace()
        return self._here

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
            raw = read_small(path, _LARGEST)
        except OSError:
            return {}
        entry = json_object(raw)
        if entry is None:
            return {}  # half written: read it again next time
        self._known[pid] = mark, entry
        return entry


def _seconds(moment: object) -> float | None:
    """A time in milliseconds as epoch seconds; None for what can't be one."""
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not 0 < moment < 1e14:
        return None
    return moment / 1000


def _title(entry: dict[str, object]) -> str | None:
    """The name that the user gave; one that the client derived from the folder is none."""
    name = entry.get("name")
    return name[:1024] if entry.get("nameSource") == "user" and isinstance(name, str) and name.strip() else None


def parse(entry: dict[str, object]) -> Registered | None:
    """The word in a client's file; None for one we do not know. A dialog that is open keeps nobody working."""
    status, since = entry.get("status"), _seconds(entry.get("statusUpdatedAt", entry.get("updatedAt")))
    if since is None:
        return None
    if status == "waiting":
        waits = entry.get("waitingFor") == _PERMISSION
        return Registered(ClientStatus.WAITING if waits else ClientStatus.IDLE, since)
    known = _STATUS.get(str(status))
    return None if known is None else Registered(known, since)
