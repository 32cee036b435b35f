"""A clock that a test moves ahead: the real client reads it, so five minutes or an hour pass at once.

A small library, loaded before libc, adds an offset to each time that the client reads, and so to its timers. The
stand-in takes the same time: its cache expires when the client thinks so. (libfaketime does the same, but its locks
make the client hang now and then.)
"""

import shutil
import struct
import subprocess
import time
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
COMPILER = shutil.which("cc")
_OFFSET = struct.Struct("=q")  # nanoseconds


def build(folder: Path) -> Path:
    """Compile the library; return its path."""
    library = folder / "clock.so"
    command = [str(COMPILER), "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run([*command, "-lpthread"], check=True, capture_output=True)
    return library


class ClientClock:
    """The real time plus an offset, which only grows."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library = library
        self._file = file
        self._offset = 0.0
        file.write_bytes(_OFFSET.pack(0))

    def now(self) -> float:
        """The client's time, in UTC epoch seconds."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Let this much time pass. The client notices when it next wakes, within a second."""
        self._offset += seconds
        with self._file.open("r+b") as file:  # in place: the client has it mapped
            file.write(_OFFSET.pack(round(self._offset * 1e9)))

    @property
    def environment(self) -> dict[str, str]:
        """What the client needs in its environment; the programs that it starts get the same time."""
        return {"LD_PRELOAD": str(self._library), "CLIENT_CLOCK": str(self._file)}
