"""Reads what the keep-warm mod reports about each session: `mods/ID.json` in our folder.

The mod writes in place, so a reader may find half of it; that counts as the report before it until the next look. Its
place is ours, but anybody who can write there may have put anything in it: a report that is not plain, not small or not
of this session is none.
"""

import json
import math
import os
from typing import Any

from claude_session_status.keep_warm import ModReport, ModState, Ping, is_plain
from claude_session_status.model import LATEST_AT
from claude_session_status.private import read_private

FORMAT = 1
LARGEST = 64 * 1024  # bytes; 50 pings have less than ten thousand
MOST_PINGS = 50
TTLS = (300, 3600)  # seconds
_LARGEST_COUNT = 1_000_000_000
_LONGEST_TEXT = 200


def parse(raw: bytes, session_id: str) -> ModReport | None:
    """The report about this session in a file's content; None where there is none."""
    if len(raw) >= LARGEST:
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("v") != FORMAT or found.get("session") != session_id:
        return None
    state, at = _state(found.get("state")), _moment(found.get("at"))
    ttl, tokens, pid = _count(found.get("ttl")), _count(found.get("tokens")), _count(found.get("pid"))
    if state is None or at is None or ttl not in TTLS or tokens is None or pid is None:
        return None
    pings = found.get("pings")
    return ModReport(
        session_id=session_id,
        pid=pid,
        at=at,
        ttl_seconds=ttl,
        tokens=tokens,
        model=_text(found.get("model")) or None,
        state=state,
        reason=_text(found.get("reason")),
        client_version=_text(found.get("client")) or None,
        in_a_row=_count(found.get("in_a_row")) or 0,
        pings=tuple(ping for each in pings[-MOST_PINGS:] if (ping := _ping(each)) is not None)
        if isinstance(pings, list)
        else (),
    )


def _ping(value: Any) -> Ping | None:
    if not isinstance(value, dict):
        return None
    at, ttl = _moment(value.get("at")), _count(value.get("ttl"))
    read, written = _count(value.get("read")), _count(value.get("wrote"))
    if at is None or ttl not in TTLS or read is None or written is None or not isinstance(value.get("kept"), bool):
        return None
    model, output = _text(value.get("model")) or None, _count(value.get("output")) or 0
    is_late = value.get("late") is True and not value["kept"]
    return Ping(at, ttl, model, read, written, output, value["kept"], is_late)


def _state(value: Any) -> ModState | None:
    return ModState(value) if isinstance(value, str) and value in list(ModState) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _moment(value: Any) -> float | None:
    return float(value) if _is_number(value) and 0 < value < LATEST_AT else None


def _count(value: Any) -> int | None:
    return int(value) if _is_number(value) and 0 <= value <= _LARGEST_COUNT else None


def _text(value: Any) -> str:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


class ModReports:
    """The reports in `folder`, each read again only when it changed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._known: dict[str, tuple[tuple[int, int, int], ModReport | None]] = {}

    def of(self, session_id: str) -> ModReport | None:
        """The report about a session; None where there is none that can be used. Raises nothing."""
        if not is_plain(session_id):
            return None
        path = self._path(session_id)
        try:
            status = os.lstat(path)
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            before = self._known.get(session_id)
            if before is not None and before[0] == mark:
                return before[1]
            report = parse(read_private(path, LARGEST), session_id)
        except OSError:
            self._known.pop(session_id, None)
            return None
        if report is None and before is not None:
            return before[1]  # half written: the next look reads it again
        self._known[session_id] = mark, report
        return report

    def names(self) -> list[str]:
        """The ids of the sessions that have a file. Raises nothing."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted(stem for stem in stems if is_plain(stem))

    def remove(self, session_id: str) -> None:
        """Remove the report about a session. Raises OSError where it is there and can't be removed."""
        self._known.pop(session_id, None)
        if is_plain(session_id):
            try:
                os.unlink(self._path(session_id))
            except FileNotFoundError:
                pass

    def sweep(self, oldest: float) -> None:
        """Remove the reports that were last written before `oldest` (epoch seconds). Raises nothing."""
        for name in self.names():
            try:
                if os.lstat(self._path(name)).st_mtime < oldest:
                    self.remove(name)
            except OSError:
                pass  # gone, or not ours to remove

    def _path(self, session_id: str) -> str:
        return os.path.join(self.folder, f"{session_id}.json")
