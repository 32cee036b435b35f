"""Reads and writes Claude Code's settings.json for the plans of `settings`: whole or not at all, and only when needed.

People keep this file in git or as a link to their dotfiles, and Claude Code writes it too, at any time. So the link's
target is edited and the link stays; mode, owner and extended attributes are kept; a new text is written beside the
file and renamed over it, after a last look whether the file is still the one that was read. There is no backup: the
rename can't tear the file, and an uninstall gives back every byte.
"""

import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.jsonedit import is_blank
from claude_session_status.claude.setup.plan import (
    UNINSTALL_ADVICE,
    Change,
    ChangeOutcome,
    OriginalState,
    install_advice,
    plan_install,
    plan_uninstall,
)
from claude_session_status.claude.setup.statusline_setting import string_value
from claude_session_status.errors import SettingsError
from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from claude_session_status.private import give_to_owner, make_private_folder

LOCK_TRIES = 100
LOCK_PAUSE_SECONDS = 0.05
WRITE_TRIES = 5
"""How often an edit is worked out anew because the file changed under it."""

_ORIGINAL_SCHEMA = 1

_Plan = Callable[[str | None, OriginalState], Change]


class SettingsFile:
    """The settings file of one Claude Code. Making one looks at nothing; `sleep` takes seconds."""

    def __init__(self, paths: Paths, sleep: Callable[[float], None] = time.sleep) -> None:
        self.path = paths.settings
        self._folder = Path(paths.folder)
        self._lock_path = self._folder / "settings.lock"
        self._original_path = self._folder / "settings-before.json"
        self._sleep = sleep

    def install(self, launcher: Launcher, *, dry_run: bool = False, status_line: bool = False) -> Change:
        """Put the hooks in, and our status line where it is asked for.

        Where all is there already, or on a dry run, nothing is written anywhere.

        Raises SettingsError, the file untouched, when it can't be read, edited safely or written.
        """
        return self._apply(
            lambda text, original: plan_install(text, launcher, original, name=self.path, status_line=status_line),
            install_advice(launcher),
            dry_run=dry_run,
        )

    def uninstall(self, *, dry_run: bool = False) -> Change:
        """Take the hooks out, and give back each byte that was there before them. Raises SettingsError likewise."""
        return self._apply(
            lambda text, original: plan_uninstall(text, original, name=self.path), UNINSTALL_ADVICE, dry_run=dry_run
        )

    def _apply(self, plan: _Plan, advice: str, *, dry_run: bool) -> Change:
        try:
            # Without the lock first: most runs find nothing to do and should leave no trace.
            change = plan(_text_of(self._read(advice), self.path, advice), self._read_original())
            if dry_run or change.outcome is ChangeOutcome.UNCHANGED:
                return change
            return self._apply_locked(plan, advice)
        except OSError as problem:
            raise SettingsError(f"{self.path} can't be edited: {problem.strerror or problem}", advice) from problem

    def _apply_locked(self, plan: _Plan, advice: str) -> Change:
        # One by one, since a parent that is made by the way would be open to all.
        make_private_folder(os.path.dirname(self.path))
        make_private_folder(str(self._folder))
        lock = FileLock(str(self._lock_path))
        for _ in range(LOCK_TRIES):
            if lock.acquire():
                break
            self._sleep(LOCK_PAUSE_SECONDS)
        else:
            raise SettingsError(f"{self.path} is being edited by another install", "Try again in a moment.")
        try:
            for _ in range(WRITE_TRIES):
                before = self._read(advice)
                change = plan(_text_of(before, self.path, advice), self._read_original())
                if change.outcome is ChangeOutcome.UNCHANGED or self._write(before, change, advice):
                    return change
        finally:
            lock.release()
        raise SettingsError(f"{self.path} keeps changing", "Try again when no other program writes to it.")

    # The file itself

    @property
    def _target(self) -> Path:
        # Not Path.resolve, which raises something other than OSError for a link to itself.
        return Path(os.path.realpath(self.path))

    def _read(self, advice: str) -> bytes | None:
        try:
            # A FIFO would block the read for ever.
            if not stat.S_ISREG(self._target.stat().st_mode):
                raise SettingsError(f"{self.path} is not a file", advice)
            return self._target.read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, before: bytes | None, change: Change, advice: str) -> bool:
        """Make the change unless the file is no longer `before`; then False, and nothing was done."""
        if before is not None and not os.access(self._target, os.W_OK):
            raise SettingsError(f"{self.path} is read-only", advice)
        if change.after is None:
            if self._read(advice) != before:
                return False
            self._target.unlink()
            self._write_original(change.original)
            return True
        try:
            content = change.after.encode()
        except UnicodeEncodeError:
            raise SettingsError("The path of claude-session-status is not valid text", advice) from None
        temporary = self._write_beside(content)
        try:
            # Kept first: should the power fail between, there is nothing of ours in the file that needs it.
            self._write_original(change.original)
            if self._read(advice) != before:
                return False
            temporary.replace(self._target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(self._target.parent)
        return True

    def _write_beside(self, content: bytes) -> Path:
        """A complete new file in the target's folder, with the target's mode, owner and attributes."""
        target = self._target
        temporary = _write_new(target.parent, ".settings.json.", content)
        try:
            with suppress(FileNotFoundError):
                _take_after(target, temporary)
        except BaseException:
            temporary.unlink()
            raise
        return temporary

    # What was there before us

    def _read_original(self) -> OriginalState:
        """What the last install left to be kept. An unreadable record counts as none: an empty `{}` is lost at most."""
        try:
            return original_from_json(self._original_path.read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            return OriginalState()

    def _write_original(self, original: OriginalState) -> None:
        if original:
            content = original_to_json(original).encode()
            _write_new(self._folder, ".settings-before.", content).replace(self._original_path)
        else:
            self._original_path.unlink(missing_ok=True)


def original_to_json(original: OriginalState) -> str:
    """`{"schema": 1, "absent": bool, "blank": text or null, "empty": [[keys, space], ...], "status_line": text}`."""
    empty = [[list(path), fill] for path, fill in original.empty.items()]
    data = {"schema": _ORIGINAL_SCHEMA, "absent": original.absent, "blank": original.blank, "empty": empty}
    return json.dumps({**data, "status_line": original.status_line})


def original_from_json(text: str) -> OriginalState:
    """The inverse of `original_to_json`; of a text that it did not write, nothing."""
    try:
        data = json.loads(text)
        if data["schema"] != _ORIGINAL_SCHEMA:
            return OriginalState()
        blank, line = data["blank"], data.get("status_line")
        return OriginalState(
            absent=data["absent"] is True,
            blank=blank if isinstance(blank, str) and is_blank(blank) else None,
            # Whitespace only: whatever is in the record, it can't put anything else into the user's file.
            empty={tuple(path): fill for path, fill in data["empty"] if not fill.strip(" \t\r\n")},
            status_line=line if isinstance(line, str) and string_value(line) is not None else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return OriginalState()


def _text_of(content: bytes | None, path: str, advice: str) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError as problem:
        raise SettingsError(f"{path} is not UTF-8 text (byte {problem.start})", advice) from None


def _write_new(folder: Path, prefix: str, content: bytes) -> Path:
    """A new file, readable by its owner alone, that is on the disk when this returns."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=".tmp")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            give_to_owner(descriptor, str(folder))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise
    return path


def _take_after(model: Path, path: Path) -> None:
    """Give `path` the mode, owner and extended attributes of `model`, as far as we are allowed to."""
    status = model.stat()
    if hasattr(os, "chown"):
        # Before the mode, since a change of owner clears some of its bits.
        with suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)
    shutil.copystat(model, path)
    os.utime(path)  # it is new: a client that watches the time must see that


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where folders can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
