"""A DLL that Windows has and Wine 8 lacks, made of nothing but a name that stands for another one's function.

Compiled Rust, as in pydantic's core, takes its random numbers from `bcryptprimitives.dll`. Wine has the same function
in `advapi32.dll`, and a library may export a name that leads into another: no code, 1 KB, laid out here.
"""

import struct

NAME = "bcryptprimitives.dll"
_SECTION = 0x1000  # where in memory the only section stands
_HEADERS = 0x200  # bytes of headers, and of the section, in the file


def forwarder() -> bytes:
    """The file's bytes."""
    names = (NAME.encode() + b"\0", b"ProcessPrng\0", b"advapi32.SystemFunction036\0")
    table = _SECTION + 40  # behind the directory: one function, one name, one ordinal
    own_name = table + 12
    exported = own_name + len(names[0])
    target = exported + len(names[1])
    directory = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, own_name, 1, 1, 1, table, table + 4, table + 8)
    data = directory + struct.pack("<IIHH", target, exported, 0, 0) + b"".join(names)
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    file_header = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x2022)  # a DLL for 64 bits, without debug data
    sizes = (0, _HEADERS, 0, 0, _SECTION, 0x1_8000_0000, _SECTION, _HEADERS)
    versions = (6, 0, 0, 0, 6, 0, 0, 2 * _SECTION, _HEADERS, 0, 2, 0)
    memory = (0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    optional = struct.pack("<HBBIIIIIQII", 0x20B, 14, 0, *sizes)
    optional += struct.pack("<HHHHHHIIIIHH", *versions) + struct.pack("<QQQQII", *memory)
    optional += struct.pack("<II", _SECTION, len(data)) + bytes(15 * 8)  # of sixteen directories only the exports
    section = struct.pack("<8sIIIIIIHHI", b".rdata", len(data), _SECTION, _HEADERS, _HEADERS, 0, 0, 0, 0, 0x40000040)
    return (dos + b"PE\0\0" + file_header + optional + section).ljust(_HEADERS, b"\0") + data.ljust(_HEADERS, b"\0")
