"""Kinds of damage to a database file. Each is a function of its bytes."""

import os
import struct
from collections.abc import Callable

_FACTOR = 0xBF58476D1CE4E5B9  # of DuckDB's checksum
_64_BITS = (1 << 64) - 1
HEADER = 4096  # bytes; its first eight are the checksum of the rest


def of_a_newer_duckdb(good: bytes) -> bytes:
    """The file with a storage version that no DuckDB has reached yet, and with the right checksum."""
    header = bytearray(good[:HEADER])
    header[12:20] = struct.pack("<Q", 9999)
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", bytes(header[8:])):
        checksum ^= word * _FACTOR & _64_BITS
    header[:8] = struct.pack("<Q", checksum)
    return bytes(header) + good[HEADER:]


def _cut(size: int) -> Callable[[bytes], bytes]:
    return lambda good: good[:size]


def _garbled(start: int, length: int = 300) -> Callable[[bytes], bytes]:
    return lambda good: good[:start] + os.urandom(length) + good[start + length :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": _cut(0),
    "one byte": _cut(1),
    "half a header": _cut(100),
    "headers only": _cut(12288),
    "half": lambda good: good[: len(good) // 2],
    "junk": lambda good: b"junk" * 2000,
    "zeros": lambda good: bytes(len(good)),
    "a picture": lambda good: b"\x89PNG\r\n\x1a\n" + os.urandom(5000),
    "a damaged header": _garbled(0),
    "a damaged second header": lambda good: good[:4096] + os.urandom(8192) + good[12288:],
    "damaged tables": lambda good: good[:12288] + os.urandom(len(good) - 12288),
    "a newer DuckDB's": of_a_newer_duckdb,
}
