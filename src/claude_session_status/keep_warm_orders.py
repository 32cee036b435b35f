"""The files behind *Keep warm*: an order for each session, and what is known about each version of the client.

An order is numbers only, whole or absent, for its owner only: the mod inside Claude Code reads it. Without the file
nothing is sent.
"""

import json
import os
from typing import Any

from claude_session_status.keep_warm import Order, is_plain
from claude_session_status.model import LATEST_AT
from claude_session_status.private import read_private, replace_private
from claude_session_status.values import Value

FORMAT = 1
_LARGEST = 4096  # bytes of an order, which has some hundred
_LARGEST_VERSIONS = 64 * 1024
_MOST_VERSIONS = 100
_LONGEST_VERSION = 40
UNKNOWN_VERSION = "unknown"


# ---- orders -----------------------------------------------------------------


def encode(order: Order) -> bytes:
    """The order as the mod reads it."""
    values = {
        "v": FORMAT,
        "at": round(order.at, 3),
        "until": round(order.until, 3),
        "max_pings": order.max_pings,
        "allow_five_minutes": int(order.allow_five_minutes),
        **({} if order.ttl_seconds is None else {"ttl": order.ttl_seconds}),
    }
    return json.dumps(values).encode() + b"\n"


def decode(raw: bytes) -> Order | None:
    """The order in a file's content; None where there is none."""
    found = _object(raw)
    if found.get("v") != FORMAT:
        return None
    at, until, pings = (_number(found.get(name)) for name in ("at", "until", "max_pings"))
    if at is None or until is None or pings is None:
        return None
    ttl = _number(found.get("ttl"))
    return Order(at, until, int(pings), found.get("allow_five_minutes") == 1, None if ttl is None else int(ttl))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < LATEST_AT else None  # NaN and infinity fail the comparison


class Orders:
    """The orders in `folder`. Nothing is cached: there are few, and another process may change them."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def all(self) -> dict[str, Order]:
        """The orders by session. A file that is no order is left out. Raises nothing."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return {}
        ids = sorted(stem for name in names if (stem := name.removesuffix(".json")) != name and is_plain(stem))
        return {session_id: order for session_id in ids if (order := self.of(session_id)) is not None}

    def of(self, session_id: str) -> Order | None:
        """The order for a session; None where there is none. Raises nothing."""
        try:
            return decode(read_private(self._path(session_id), _LARGEST)) if is_plain(session_id) else None
        except OSError:
            return None

    def write(self, session_id: str, order: Order) -> None:
        """Put an order in the place of the session's last one. Raises OSError."""
        replace_private(self._path(session_id), encode(order))

    def remove(self, session_id: str) -> bool:
        """Take back the session's order; return whether there was a file. Raises OSError."""
        try:
            os.unlink(self._path(session_id))
        except FileNotFoundError:
            return False
        return True

    def _path(self, session_id: str) -> str:
        if not is_plain(session_id):
            raise OSError(22, "it can't name a file", session_id)
        return os.path.join(self._folder, f"{session_id}.json")


# ---- versions of the client ---------------------------------------------------


class VersionRecord(Value):
    """What pings of one version of the client did: when one last read the cache, and when one missed it."""

    kept_at: float | None = None
    missed_at: float | None = None  # None once a person trusts the version again
    trusted_at: float | None = None


class Versions:
    """The records in the file at `path`, by version. What can't be read counts as no record."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> dict[str, VersionRecord]:
        """All records. Raises nothing."""
        try:
            found = _object(read_private(self._path, _LARGEST_VERSIONS))
        except OSError:
            return {}
        versions = found.get("versions") if found.get("v") == FORMAT else None
        if not isinstance(versions, dict):
            return {}
        return {name: _record(value) for name, value in versions.items() if 0 < len(name) <= _LONGEST_VERSION}

    def change(self, version: str, *, kept_at: float | None = None, missed_at: float | None = None) -> None:
        """Remember a ping. A miss from before the version was trusted again is forgotten. Raises OSError."""
        records = self.read()
        before = records.get(version, VersionRecord())
        is_new_miss = missed_at is not None and missed_at > (before.trusted_at or 0.0)
        after = VersionRecord(
            kept_at if kept_at is not None else before.kept_at,
            missed_at if is_new_miss else before.missed_at,
            before.trusted_at,
        )
        if after != before:
            self._write(records | {version: after})

    def trust(self, version: str, now: float) -> bool:
        """Trust a version again; return whether it was distrusted. Raises OSError."""
        records = self.read()
        before = records.get(version)
        if before is None or before.missed_at is None:
            return False
        self._write(records | {version: VersionRecord(before.kept_at, None, max(now, before.missed_at))})
        return True

    def _write(self, records: dict[str, VersionRecord]) -> None:
        newest = list(records)[-_MOST_VERSIONS:]
        versions = {
            name: {
                key: at
                for key in ("kept_at", "missed_at", "trusted_at")
                if (at := getattr(records[name], key)) is not None
            }
            for name in newest
        }
        replace_private(self._path, json.dumps({"v": FORMAT, "versions": versions}).encode() + b"\n")


def _record(value: Any) -> VersionRecord:
    if not isinstance(value, dict):
        return VersionRecord()
    times = (value.get(name) for name in ("kept_at", "missed_at", "trusted_at"))
    return VersionRecord(*map(_number, times))
