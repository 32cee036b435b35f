"""The notes that wait, as a monitor works through them: one batch per poll, or all of them within a time.

Also sees when another process holds the ingest lock and records nothing: events would be missing without any message.
"""

import os
import sys
import threading

from claude_session_status import notes
from claude_session_status.claude.ingest import DrainResult, Ingester
from claude_session_status.clock import Clock
from claude_session_status.errors import SessionStatusError, reason_of
from claude_session_status.lock_holder import stalled_ingest
from claude_session_status.model import Event
from claude_session_status.paths import Paths
from claude_session_status.spool import Spool

LOOK_SECONDS = 10.0  # how long `apply_all` works on the notes that wait
STALLED_SECONDS = 5.0  # a process that holds the ingest lock for so long and takes no note is named as a problem
STALLED_LOOK_SECONDS = 1.5  # the same for `apply_all`, which somebody waits for
TAKEN_SECONDS = 1.0  # after that another process that ingests is no longer asked for more often
_WAIT_SECONDS = 0.05


def has_room(found: "os.statvfs_result", *, is_root: bool) -> bool:
    """Whether one more small file fits. Some file systems give no number of blocks or of files: then it is unknown."""
    blocks = found.f_bfree if is_root else found.f_bavail
    return (blocks > 0 or found.f_blocks == 0) and (found.f_favail > 0 or found.f_files == 0)


class Inbox:
    """The notes of one folder.

    `is_behind`: more notes wait than the last batch took, and can be applied.
    """

    def __init__(self, paths: Paths, ingester: Ingester, clock: Clock) -> None:
        self._lock = paths.ingest_lock
        self._spool = Spool(paths.spool)
        self._ingester = ingester
        self._clock = clock
        self._blocked: tuple[str, float] | None = None  # the oldest note while another process ingests, and since when
        self.is_behind = False

    @property
    def is_taken(self) -> bool:
        """Whether another process has just begun to record the notes that wait."""
        return self._blocked is not None and abs(self._clock.time() - self._blocked[1]) < TAKEN_SECONDS

    def add(self, event: Event, at: float) -> None:
        """Put a note into the spool, at its place of `at` (epoch seconds). Raises OSError."""
        self._spool.write(notes.encode(event), at)

    def apply_batch(self) -> None:
        """Apply one batch of the notes that wait. Raises SessionStatusError."""
        self.is_behind = False
        names = self._spool.names()
        if not names:
            self._blocked = None
            return
        result = self._ingester.drain(batches=1)
        self.is_behind = result is DrainResult.MORE
        self._check_progress(result, names, STALLED_SECONDS)
        self._check_leftovers()

    def apply_all(self) -> None:
        """Apply all notes, for LOOK_SECONDS at most; wait a moment for another process that does so.

        Raises SessionStatusError, also when events are left.
        """
        until = self._clock.time() + LOOK_SECONDS
        while names := self._spool.names():
            result = self._ingester.drain(batches=1)
            self._check_progress(result, names, STALLED_LOOK_SECONDS)
            if result is DrainResult.DONE:
                break
            if self._clock.time() >= until:
                title = f"{len(names)} events in {self._spool.folder} are not recorded yet"
                raise SessionStatusError(title, "No event is lost: look again in a while")
            if result is DrainResult.LOCKED:
                self._clock.wait(threading.Event(), _WAIT_SECONDS)
        self._check_leftovers()

    def check_writable(self) -> None:
        """Raise SessionStatusError where hooks can't leave their notes: no usable folder, or a full disk."""
        if self._spool.problem is not None:
            title = f"{self._spool.folder} can't be used ({reason_of(self._spool.problem)}), so events are lost"
            raise SessionStatusError(title, "Make yourself its owner, or move it away")
        if sys.platform == "win32":
            return
        try:
            found = os.statvfs(self._spool.folder)
        except OSError:
            return  # no hook has made the folder yet
        if not has_room(found, is_root=os.geteuid() == 0):
            title = "No space is left on the disk, so events are lost"
            raise SessionStatusError(title, f"Free space on the disk with {self._spool.folder}")

    def _check_progress(self, result: DrainResult, names: list[str], patience: float) -> None:
        """Raise when another process has held the ingest lock for `patience` seconds while the oldest note stayed."""
        now = self._clock.time()
        if result is not DrainResult.LOCKED:
            self._blocked = None
        elif self._blocked is None or self._blocked[0] != names[0] or now < self._blocked[1]:
            self._blocked = names[0], now
        elif now - self._blocked[1] >= patience:
            raise stalled_ingest(self._lock, len(names))

    def _check_leftovers(self) -> None:
        if self._ingester.problem is not None:
            raise self._ingester.problem
