"""The durable inbox: one small file an event, written whole or not at all, removed only once its rows are committed.

A hook only does this much, so it is fast, needs no database and can't lose to a lock. The writer gives the bytes a
temporary name and renames them; readers see complete notes in the order of their times. A note ends with a newline:
one without it (a power cut between the rename and the disk) was never wholly there.
"""

import os

_SUFFIX = ".json"
_TEMPORARY = ".tmp"
_REFUSED = ".refused"
LARGEST_NOTE = 64 * 1024  # bytes; a real note has less than a thousand


class Spool:
    """The notes in `folder`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def write(self, note: bytes, at: float) -> str:
        """Put one note in, named so that names sort by `at` (epoch seconds). Returns the name.

        Raises OSError when the folder can't be made or written.
        """
        name = f"{max(0, int(at * 1e6)):017d}-{os.getpid()}-{os.urandom(4).hex()}"
        temporary = os.path.join(self.folder, name + _TEMPORARY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(temporary, flags, 0o600)
        except FileNotFoundError:
            make_private_folder(os.path.dirname(self.folder))
            make_private_folder(self.folder)
            descriptor = os.open(temporary, flags, 0o600)
        try:
            try:
                left = memoryview(note.rstrip(b"\n") + b"\n")
                while left:
                    left = left[os.write(descriptor, left) :]
            finally:
                os.close(descriptor)
            os.rename(temporary, os.path.join(self.folder, name + _SUFFIX))
        except OSError:
            os.unlink(temporary)
            raise
        return name + _SUFFIX

    def names(self) -> list[str]:
        """The notes' names, oldest first; empty when there is no folder."""
        try:
            return sorted(n for n in os.listdir(self.folder) if n.endswith(_SUFFIX) and not n.startswith("."))
        except OSError:
            return []

    def read(self, name: str) -> bytes | None:
        """The note's bytes, b"" for one that can't be a whole note; None when somebody else has removed it.

        Never follows a symbolic link and never blocks: what is not a plain file is no note.
        """
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(os.path.join(self.folder, name), flags)
        except FileNotFoundError:
            return None
        except OSError:
            return b""
        try:
            note = os.read(descriptor, LARGEST_NOTE)
        except OSError:
            return b""
        finally:
            os.close(descriptor)
        return note if note.endswith(b"\n") else b""

    def remove(self, name: str) -> None:
        """Take a note out; harmless when it is gone. Raises OSError when it can't be removed."""
        try:
            os.unlink(os.path.join(self.folder, name))
        except FileNotFoundError:
            pass

    def refuse(self, name: str) -> None:
        """Set a note aside that nobody can read, so that it is looked at once and still not lost."""
        path = os.path.join(self.folder, name)
        try:
            os.rename(path, path + _REFUSED)
        except OSError:
            pass

    def stamp(self) -> int | None:
        """Changes whenever a note comes or goes; one stat call. None when there is no folder."""
        try:
            return os.stat(self.folder).st_mtime_ns
        except OSError:
            return None


def make_private_folder(path: str) -> None:
    """Make `path` and what is above it; itself readable by its owner only. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
