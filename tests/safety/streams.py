"""Standard streams in files, for commands that are called thousands of times within this process."""

import os
import tempfile
from types import TracebackType
from typing import Self


class Streams:
    """In its context descriptors 0, 1 and 2 are files: `give` fills the first, `taken` returns what the others got."""

    def __enter__(self) -> Self:
        self._files = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - closed at the end of the context
        self._kept = [os.dup(number) for number in range(3)]
        for number, file in enumerate(self._files):
            os.dup2(file.fileno(), number)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, kept in enumerate(self._kept):
            os.dup2(kept, number)
            os.close(kept)
            self._files[number].close()

    def give(self, raw: bytes) -> None:
        """Make `raw` the standard input, and empty the outputs."""
        for number in range(3):
            os.ftruncate(number, 0)
            os.lseek(number, 0, os.SEEK_SET)
        os.pwrite(0, raw, 0)

    def taken(self) -> tuple[bytes, bytes]:
        """What was written to stdout and stderr since `give`."""
        out, err = (os.pread(number, 1 << 20, 0) for number in (1, 2))
        return out, err
