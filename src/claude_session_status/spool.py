"""The durable inbox: one small file an event, written whole or not at all, removed only once its rows are committed.

A hook only does this much, so it is fast, needs no database and can't lose to a lock. The writer gives the bytes a
temporary name and renames them; readers see complete notes in the order of their times. A note ends with a newline:
one without it (a power cut between the rename and the disk) was never wholly there.

Nothing here follows a link that somebody planted: not a note that is one, and not the folder itself where it leads to
what another user owns. And what root makes here, as a container does in a folder that is mounted into it, is given to
the user whose folder it is: that user's own hooks and monitor must get at it.
"""

import os

from claude_session_status.private import give_to_owner, leads_to_another_user, make_private, make_private_folder

_SUFFIX = ".json"
_TEMPORARY = ".tmp"
_REFUSED = ".refused"
# Bytes. A real note has less than a thousand; a hook keeps 4096 characters of a field, of 12 bytes each at most.
LARGEST_NOTE = 512 * 1024
ABANDONED_SECONDS = 86400.0  # a temporary file this old belongs to a writer that was killed


class Spool:
    """The notes in `folder`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def write(self, note: bytes, at: float) -> str:
        """Put one note in, named so that names sort by `at` (epoch seconds). Returns the name.

        Raises OSError when the folder can't be made or written, or is a link to another user's.
        """
        if leads_to_another_user(self.folder):
            raise PermissionError(1, "it is a link to a folder of another user", self.folder)
        name = f"{max(0, int(at * 1e6)):017d}-{os.getpid()}-{os.urandom(4).hex()}"
        temporary = os.path.join(self.folder, name + _TEMPORARY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(temporary, flags, 0o600)
        except FileNotFoundError:
            above = os.path.dirname(self.folder)
            make_private_folder(above)
            make_private(above)  # versions before 1.0 had a folder that anybody could read
            make_private_folder(self.folder)
            descriptor = os.open(temporary, flags, 0o600)
        try:
            try:
                give_to_owner(descriptor, self.folder)
                left = memoryview(note.rstrip(b"\n") + b"\n")
                while left:
                    left = left[os.write(descriptor, left) :]
            finally:
                os.close(descriptor)
            os.rename(temporary, os.path.join(self.folder, name + _SUFFIX))
        except OSError:
            try:
                os.unlink(temporary)
            except OSError:
                pass  # what went wrong first is what to tell
            raise
        return name + _SUFFIX

    def names(self) -> list[str]:
        """The notes' names, oldest first; empty when there is no folder."""
        try:
            if leads_to_another_user(self.folder):
                return []
            return sorted(n for n in os.listdir(self.folder) if n.endswith(_SUFFIX) and not n.startswith("."))
        except OSError:
            return []

    def sweep(self, now: float) -> None:
        """Remove what writers left half written when they were killed, a day ago or earlier (`now`: epoch seconds)."""
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if (
                        entry.name.endswith(_TEMPORARY)
                        and now - entry.stat(follow_symlinks=False).st_mtime > ABANDONED_SECONDS
                    ):
                        os.unlink(entry.path)
        except OSError:
            pass  # gone, or not ours to remove

    def read(self, name: str) -> bytes | None:
        """The note's bytes, b"" for one that can't be a whole note; None when it is gone or for another user to read.

        Never follows a symbolic link and never blocks: what is not a plain file is no note.
        """
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(os.path.join(self.folder, name), flags)
        except (FileNotFoundError, PermissionError):
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
        """Set a note aside that can't be applied, so that it is read once and still not lost. Raises OSError."""
        path = os.path.join(self.folder, name)
        try:
            os.rename(path, path + _REFUSED)
        except FileNotFoundError:
            pass


def moment_of(name: str) -> float:
    """The time (epoch seconds) in a note's name; 0 where it has none."""
    digits = name.partition("-")[0]
    return int(digits) / 1e6 if digits.isdecimal() else 0.0
