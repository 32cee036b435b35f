"""Freed memory goes back to the system."""

import ctypes
import sys
from pathlib import Path

import pytest

from claude_session_status.free_memory import give_back

BLOCK_BYTES, BLOCKS = 16_384, 2_000  # small ones: the C library maps large ones separately, and unmaps them


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps what was freed")
def test_what_was_freed_goes_back_to_the_system() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    blocks = [library.malloc(BLOCK_BYTES) for _ in range(BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK_BYTES)
    for block in blocks[:-1]:  # the last one keeps the heap from shrinking by itself
        library.free(block)
    before = own_kilobytes()
    give_back()
    after = own_kilobytes()
    library.free(blocks[-1])
    assert before - after > BLOCK_BYTES * BLOCKS / 1024 / 2


def own_kilobytes() -> int:
    """The memory of this process that is not mapped from files."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0])
