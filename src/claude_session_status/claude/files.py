"""Opening files that others write, never blocking on a pipe or a device, and reading JSON objects from them."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def open_plain(path: str) -> Iterator[tuple[int, int]]:
    """A descriptor on the plain file at `path`, and its size in bytes. Raises OSError for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a NUL in the name
        raise OSError(str(error)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a plain file")
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)


def read_small(path: str, largest: int) -> bytes:
    """The first `largest` bytes of the plain file at `path`. Raises OSError."""
    with open_plain(path) as (descriptor, _):
        return os.read(descriptor, largest)


def json_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in `raw`; None where there is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
