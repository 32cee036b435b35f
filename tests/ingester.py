"""Waits for the detached ingester that a hook starts when no monitor runs."""

import os
import time

from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool

SECONDS = 30.0  # on a busy machine; a second is wanted, and measured by the benchmark


def wait_for_ingester(where: Paths) -> None:
    """Return when no process holds the ingest lock, whether or not it could apply the notes."""
    until = time.monotonic() + SECONDS
    while not _is_free(where):
        assert time.monotonic() < until, f"an ingester still runs; in the spool: {Spool(where.spool).names()}"
        time.sleep(0.005)


def wait_until_applied(where: Paths) -> None:
    """Return when an ingester has applied all notes. Between slices of its work the lock is free."""
    until = time.monotonic() + SECONDS
    while Spool(where.spool).names() or not _is_free(where):
        assert time.monotonic() < until, f"notes are left in the spool: {Spool(where.spool).names()}"
        time.sleep(0.005)


def _is_free(where: Paths) -> bool:
    if not os.path.exists(where.ingest_lock):
        return True
    lock = FileLock(where.ingest_lock)
    if not lock.acquire():
        return False
    lock.release()
    return True
