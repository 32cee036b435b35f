"""Puts a new file in the place of the one that was read, without losing what another program writes at that moment.

Between a last look at a file and a rename over it another program can write it, and the rename would delete its text.
Linux can exchange two names in one step: then the old file is still there to look at, and goes back if it is not the
one that was read. Elsewhere, and on file systems that can't exchange names, it is a rename.
"""

import ctypes
import os
import sys
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2
_TRIES = 100  # each one more means that the other program has just written again


def put_in_place(new: Path, target: Path, before: bytes | None) -> bool:
    """Make `new` the file `target`, which held `before` (None: there was none), unless another program has written it.

    Then False, and what that program wrote last stays. Whatever `new` is afterwards is for the caller to delete. Raises
    OSError.
    """
    if before is None:
        return _appear(new, target)
    ours = new.read_bytes()
    try:
        exchange(new, target)
    except FileNotFoundError:
        return False  # another program has deleted it
    except OSError:
        new.replace(target)
        return True
    placed, taken = ours, new.read_bytes()
    if taken == before:
        return True
    for _ in range(_TRIES):
        exchange(new, target)
        expected, placed = placed, taken
        taken = new.read_bytes()
        if taken == expected:
            break  # nobody has written since: the last text of the other program is in its place
    return False


def _appear(new: Path, target: Path) -> bool:
    """Give `new` the name `target`, unless a file has it by now."""
    try:
        os.link(new, target)
    except FileExistsError:
        return False
    except OSError:  # this file system has no second names
        new.replace(target)
    return True


def exchange(a: Path, b: Path) -> None:
    """Exchange two files in one step. Raises OSError, also where the system can't."""
    if sys.platform != "linux":
        raise OSError(95, "this system can't exchange files", str(b))
    library = ctypes.CDLL(None, use_errno=True)
    try:
        rename = library.renameat2
    except AttributeError:
        raise OSError(95, "this C library can't exchange files", str(b)) from None
    if rename(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(b))
