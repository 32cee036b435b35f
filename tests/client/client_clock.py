"""A clock that a test moves ahead: the real client reads it, so five minutes or an hour pass at once.

libfaketime, which the client loads before libc, adds an offset from a file to each time that the client asks for, to
timers as well. The stand-in takes the same time, so that its cache expires when the client thinks so.
"""

import time
from pathlib import Path
from typing import Self

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class ClientClock:
    """The real time plus an offset, which only grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0.0

    def start(self) -> Self:
        """Write the file that the client reads."""
        self.advance(0)
        return self

    def now(self) -> float:
        """The client's time, in UTC epoch seconds."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Let this much time pass."""
        self._offset += seconds
        part = self._file.with_suffix(".part")
        part.write_text(f"+{self._offset:.3f}s\n")
        part.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """What the client needs in its environment."""
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
        }
