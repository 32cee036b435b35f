"""The durable inbox: one small file an event, written whole or not at all, removed only once its rows are committed.

A hook only does this much, so it is fast, needs no database and can't lose to a lock. The writer gives the bytes a
temporary name and renames them; readers see complete notes in the order of their times. A note ends with a newline:
one without it (a power cut between the rename and the disk) was never wholly there.

The folder is opened through `private`, which refuses another user's and follows no planted link, and all names are
relative to that open folder: nothing can take its place in between.
"""

from __future__ import annotations

import os
import stat

from claude_session_status.private import close_folder, give_to_owner, make_private_folder, open_folder

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
        self.problem: OSError | None = None  # why `names` last found a folder that can't be used

    def write(self, note: bytes, at: float) -> str:
        """Put one note in, named so that names sort by `at` (epoch seconds). Returns the name.

        Raises OSError when the folder can't be made or written, or belongs to another user.
        """
        try:
            handle = open_folder(self.folder)
        except FileNotFoundError:
            make_private_folder(os.path.dirname(self.folder))
            make_private_folder(self.folder)
            handle = open_folder(self.folder)
        name = f"{max(0, int(at * 1e6)):017d}-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            try:
                self._write(handle, name, note)
            except FileNotFoundError:
                if handle is not None:
                    raise
                make_private_folder(self.folder)  # Windows learns only here that there is no folder
                self._write(handle, name, note)
        except OSError as error:
            error.filename = self.folder
            raise
        finally:
            close_folder(handle)
        return name + _SUFFIX

    def _write(self, handle: int | None, name: str, note: bytes) -> None:
        temporary = self._path(handle, name + _TEMPORARY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, 0o600, dir_fd=handle)
        try:
            try:
                give_to_owner(descriptor, self.folder)
                left = memoryview(note.rstrip(b"\n") + b"\n")
                while left:
                    left = left[os.write(descriptor, left) :]
                if handle is not None and os.fstat(descriptor).st_mode & 0o777 != 0o600:
                    os.fchmod(descriptor, 0o600)  # the umask took rights from the owner
            finally:
                os.close(descriptor)
            os.rename(temporary, self._path(handle, name + _SUFFIX), src_dir_fd=handle, dst_dir_fd=handle)
        except OSError:
            try:
                os.unlink(temporary, dir_fd=handle)
            except OSError:
                pass  # the first error is the one to report
            raise

    def _path(self, handle: int | None, name: str) -> str:
        """The name as a path for calls with `dir_fd=handle`. Raises OSError for a name that leads out of the folder."""
        if not name or os.path.basename(name) != name or name in (os.curdir, os.pardir):
            raise OSError(22, "it is not the name of a note", name)
        return os.path.join(self.folder, name) if handle is None else name

    def names(self) -> list[str]:
        """The notes' names, oldest first; empty when there is no folder, or none that can be used: see `problem`."""
        self.problem = None
        try:
            handle = open_folder(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            self.problem = error
            return []
        try:
            names = os.listdir(self.folder if handle is None else handle)
        except FileNotFoundError:  # Windows learns only here that there is no folder
            return []
        except OSError as error:
            self.problem = error
            return []
        finally:
            close_folder(handle)
        return sorted(n for n in names if n.endswith(_SUFFIX) and not n.startswith("."))

    def sweep(self, now: float) -> None:
        """Remove what writers left half written when they were killed, a day ago or earlier (`now`: epoch seconds)."""
        try:
            handle = open_folder(self.folder)
        except OSError:
            return
        try:
            for name in os.listdir(self.folder if handle is None else handle):
                path = self._path(handle, name)
                if name.endswith(_TEMPORARY) and (
                    now - os.stat(path, dir_fd=handle, follow_symlinks=False).st_mtime > ABANDONED_SECONDS
                ):
                    os.unlink(path, dir_fd=handle)
        except OSError:
            pass  # gone, or not ours to remove
        finally:
            close_folder(handle)

    def read(self, name: str) -> bytes | None:
        """The note's bytes, b"" for one that can't be a whole note; None when it is gone or for another user to read.

        Never follows a symbolic link and never blocks: what is not a regular file is no note.
        """
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            handle = open_folder(self.folder)
        except OSError:
            return None
        try:
            descriptor = os.open(self._path(handle, name), flags, dir_fd=handle)
        except (FileNotFoundError, PermissionError):
            return None
        except OSError:
            return b""
        finally:
            close_folder(handle)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return b""
            note = os.read(descriptor, LARGEST_NOTE)
        except OSError:
            return b""
        finally:
            os.close(descriptor)
        return note if note.endswith(b"\n") else b""

    def remove(self, name: str) -> None:
        """Take a note out; harmless when it is gone. Raises OSError when it can't be removed."""
        try:
            handle = open_folder(self.folder)
        except FileNotFoundError:
            return
        try:
            os.unlink(self._path(handle, name), dir_fd=handle)
        except FileNotFoundError:
            pass
        finally:
            close_folder(handle)

    def refuse(self, name: str) -> None:
        """Set a note aside that can't be applied, so that it is read once and still not lost. Raises OSError."""
        try:
            handle = open_folder(self.folder)
        except FileNotFoundError:
            return
        try:
            path = self._path(handle, name)
            os.rename(path, path + _REFUSED, src_dir_fd=handle, dst_dir_fd=handle)
        except FileNotFoundError:
            pass
        finally:
            close_folder(handle)
