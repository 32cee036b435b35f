"""Failures a person can act on: each says what went wrong and what to do next.

The command line prints them as two short lines and exits with 1; the tray shows the title. No failure reaches the user
as a traceback.
"""

import errno

_MODE = "Check the owner and the mode of the file and of its folder"
_IN_THE_WAY = "Move away what is in its place"
_FULL = "Free space on the disk, then try again"
_NEXT_STEPS = {
    errno.EACCES: _MODE,
    errno.EPERM: _MODE,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.ENOENT: "Make its folder first, or name another",
    errno.ENOSPC: _FULL,
    getattr(errno, "EDQUOT", errno.ENOSPC): _FULL,
    errno.EROFS: "The disk can only be read: name another, or make it writable",
}


def reason_of(error: OSError) -> str:
    """Return the system's reason: `Permission denied`."""
    return error.strerror or str(error)


def file_and_reason(error: OSError, fallback: str) -> str:
    """Return `FILE: reason`; `fallback` stands for the file where the error names none."""
    return f"{error.filename or fallback}: {reason_of(error)}"


def next_step_of(error: OSError) -> str:
    """Return what a person can do about a failure of the system."""
    return _NEXT_STEPS.get(error.errno or 0, "Check the disk, then try again")


class SessionStatusError(Exception):
    """A failure with a `title` (what went wrong, naming the file) and a `next_step` (what the person can do)."""

    def __init__(self, title: str, next_step: str) -> None:
        super().__init__(f"{title}. {next_step}")
        self.title = title
        self.next_step = next_step


class StoreLockedError(SessionStatusError):
    """Another program holds the database: nothing is lost, the events wait in the spool."""


class StoreNewerError(SessionStatusError):
    """The database was written by a later version of this program, and is left untouched."""


class StoreMigrationError(SessionStatusError):
    """The database is of an earlier version and can't be upgraded. It is whole, and left as it was."""


class StoreBrokenError(SessionStatusError):
    """The file is not a database, or is damaged."""


class StoreUnusableError(SessionStatusError):
    """The database can't be used for a reason outside it: no space, no permission, a failing disk."""


class StoreRowError(SessionStatusError):
    """A value that the table can't hold."""


class SettingsError(SessionStatusError):
    """Claude Code's settings file can't be edited safely, and is left untouched."""


class AutostartError(SessionStatusError):
    """Starting at login can't be turned on or off."""


class NoHomeError(SessionStatusError):
    """Neither the environment nor the system's list of users names the user's home folder."""
