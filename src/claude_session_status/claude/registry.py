"""Reads `<config>/sessions/<pid>.json`, where a running client reports its session and status.

Its status changes sooner than the transcript does. The file is undocumented, absent in old clients and left behind by
a crash: so it is trusted only for a process that still runs, and never required. Nothing else in that folder is opened.
"""

import math
import os

from claude_session_status.claude.files import json_object, read_small
from claude_session_status.claude.pids import is_numbered_here, pid_namespace
from claude_session_status.model import ClientStatus, Process
from claude_session_status.values import Value

_LARGEST = 64 * 1024  # bytes; a real one has less than a thousand
# What a client waits for that holds the turn; its other dialogs (`dialog open`) do not.
_HOLDS_TURN = ("permission prompt", "input needed", "sandbox request", "worker request")
_LONGEST_VERSION = 40
_STATUS = {"idle": ClientStatus.IDLE, "busy": ClientStatus.BUSY}


class ReportedStatus(Value):
    """The status that a client reports for its session, and since when (epoch seconds)."""

    status: ClientStatus
    since: float


class ListedClient(Value):
    """A client that lists a session: its process, the user's title, its start (epoch seconds), how it was started."""

    process: Process
    title: str | None = None
    started_at: float | None = None
    entrypoint: str | None = None


class Registry:
    """The clients' files in `folder`, each read again only when it changed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._known: dict[int, tuple[int, dict[str, object]]] = {}
        self._clients: dict[int, tuple[dict[str, object], ListedClient]] = {}  # with the entry that each is made of
        self._here: str | None = None  # our own process id namespace, once it was looked up

    def status_of(self, session_id: str, process: Process | None) -> ReportedStatus | None:
        """The status that the client in `process` reports for the session; None where none can be trusted."""
        if process is None:
            return None
        entry = self._entry(process.pid)
        if entry.get("sessionId") != session_id:
            return None
        if process.started is not None and str(entry.get("procStart")) != str(process.started):
            return None
        return parse_status(entry)

    def version_of(self, pid: int) -> str | None:
        """The version of the client in this process; None where it does not say."""
        version = self._entry(pid).get("version")
        if not isinstance(version, str) or not 0 < len(version) <= _LONGEST_VERSION or not version.isascii():
            return None
        return version if version.isprintable() and " " not in version else None

    def lists_another(self, session_id: str, process: Process | None) -> bool:
        """Whether the client in `process` lists another session by now, as after /clear."""
        if process is None or not is_numbered_here(process.namespace, self._own_namespace()):
            return False
        named = self._entry(process.pid).get("sessionId")
        return isinstance(named, str) and named != session_id

    def changed_at(self) -> float:
        """When a client last started or exited (epoch seconds); -inf where clients list nothing."""
        try:
            return os.stat(self.folder).st_mtime
        except OSError:
            return -math.inf

    def listed(self) -> dict[str, list[ListedClient]]:
        """The clients by the session that they list, dead ones included; the newest client of a session first.

        Two clients may have resumed the same session, and a file left by a crash may name one that another has open.
        """
        try:
            names = os.listdir(self.folder)
        except OSError:
            return {}
        pids = [int(stem) for name in names if (stem := name.removesuffix(".json")) != name and stem.isdecimal()]
        found: dict[str, list[ListedClient]] = {}
        for pid in pids:
            entry = self._entry(pid) if 0 < pid < 1 << 31 else {}
            if "sessionId" in entry:
                found.setdefault(str(entry["sessionId"]), []).append(self._client(pid, entry))
        for clients in found.values():
            clients.sort(key=lambda client: client.started_at or 0.0, reverse=True)
        return found

    def _client(self, pid: int, entry: dict[str, object]) -> ListedClient:
        """The client of an entry; the same object as long as its file is the same."""
        made_of, client = self._clients.get(pid, (None, None))
        if client is None or made_of is not entry:
            entrypoint = entry.get("entrypoint")
            client = ListedClient(
                self._process(pid, entry),
                _title(entry),
                _seconds(entry.get("startedAt")),
                entrypoint[:64] if isinstance(entrypoint, str) else None,
            )
            self._clients[pid] = entry, client
        return client

    def _process(self, pid: int, entry: dict[str, object]) -> Process:
        started, named = str(entry.get("procStart")), self._namespace(entry.get("pidDomain"))
        ticks = int(started) if started.isdecimal() and len(started) < 19 and named is not None else None
        return Process(pid, ticks, named)

    def _namespace(self, domain: object) -> str | None:
        """The namespace of a client's process id, in the form that `pids.pid_namespace` gives.

        The client writes `linux:<id in /etc/machine-id>:pid:[<number>]`, with an empty id where there is none.
        """
        if not isinstance(domain, str) or domain.count(":") < 3:
            return self._own_namespace()
        _, machine, kernels = domain.split(":", 2)
        return f"{kernels}@{machine}" if machine else kernels

    def _own_namespace(self) -> str | None:
        if self._here is None:
            self._here = pid_namespace()
        return self._here

    def _entry(self, pid: int) -> dict[str, object]:
        path = os.path.join(self.folder, f"{pid}.json")
        try:
            mark = os.stat(path).st_mtime_ns
        except OSError:
            self._known.pop(pid, None)
            self._clients.pop(pid, None)
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
    """Milliseconds as epoch seconds; None for a value that is no time."""
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not 0 < moment < 1e14:
        return None
    return moment / 1000


def _title(entry: dict[str, object]) -> str | None:
    """The name that the user gave; None for a name that the client derived from the folder."""
    name = entry.get("name")
    return name[:1024] if entry.get("nameSource") == "user" and isinstance(name, str) and name.strip() else None


def parse_status(entry: dict[str, object]) -> ReportedStatus | None:
    """The status in a client's file; None for an unknown one. An open dialog of the client itself counts as idle."""
    status, since = entry.get("status"), _seconds(entry.get("statusUpdatedAt", entry.get("updatedAt")))
    if since is None:
        return None
    if status == "waiting":
        waits = entry.get("waitingFor") in _HOLDS_TURN
        return ReportedStatus(ClientStatus.WAITING if waits else ClientStatus.IDLE, since)
    known = _STATUS.get(str(status))
    return None if known is None else ReportedStatus(known, since)
