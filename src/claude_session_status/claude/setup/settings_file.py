"""Reads and writes Claude Code's settings.json for the plans of `plan`: whole or not at all, and only when needed.

People keep this file in git or as a link to their dotfiles, and Claude Code writes it too, at any time. So the link's
target is edited and the link stays; mode, owner and extended attributes are kept; a new text is written beside the
file and takes its place, if the file is still the one that was read. There is no backup: nothing can tear the file, and
an uninstall gives back every byte.

A kill at any moment leaves the old text or the new one. What an uninstall needs is written before the text that it
belongs to, and removed after the text is gone. A new file has no name until it is complete, where the system can do
that; a temporary file that a kill leaves behind all the same is removed by the next install or uninstall.
"""

import json
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from claude_session_status.claude.setup import file_exchange
from claude_session_status.claude.setup.hook_commands import Launcher
from claude_session_status.claude.setup.inspection import is_drop_in, managed_folders
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
from claude_session_status.errors import SettingsError, reason_of
from claude_session_status.lock import FileLock
from claude_session_status.paths import Paths
from claude_session_status.private import give_to_owner, make_private_folder, read_private, read_regular

LOCK_TRIES = 100
LOCK_PAUSE_SECONDS = 0.05
WRITE_TRIES = 5
"""How often an edit is planned again because the file changed in the meantime."""

_ORIGINAL_SCHEMA = 1
_LARGEST_ORIGINAL = 1_000_000  # a record holds whitespace and one command
_SETTINGS_PREFIX, _ORIGINAL_PREFIX = ".settings.json.", ".settings-before."
_TEMPORARY = re.compile(r"\.settings(?:\.json|-before)\.[a-z0-9_]{8}\.tmp")

_Plan = Callable[[str | None, OriginalState], Change]


def read_settings(path: str) -> str | None:
    """Return the text of a settings file, None where there is none. Never blocks.

    Raises OSError when it can't be read or is no regular file, UnicodeDecodeError when it is not UTF-8.
    """
    try:
        return read_regular(path).decode()
    except FileNotFoundError:
        return None


def read_managed_settings(platform: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of each of the administrator's settings files, in the order in which Claude Code merges them.

    A file that can't be read is left out.
    """
    for folder in managed_folders(platform):
        drop_ins = os.path.join(folder, "managed-settings.d")
        try:
            names = sorted(filter(is_drop_in, os.listdir(drop_ins)))
        except OSError:
            names = []
        for path in (os.path.join(folder, "managed-settings.json"), *(os.path.join(drop_ins, name) for name in names)):
            with suppress(OSError, UnicodeError):
                if (text := read_settings(path)) is not None:
                    yield path, text


class SettingsFile:
    """The settings file of one Claude Code installation. `sleep` takes seconds."""

    def __init__(self, paths: Paths, sleep: Callable[[float], None] = time.sleep) -> None:
        self.path = paths.settings
        self._folder = Path(paths.folder)
        self._lock_path = self._folder / "settings.lock"
        self._original_path = self._folder / "settings-before.json"
        self._sleep = sleep

    def install(
        self, launcher: Launcher, *, dry_run: bool = False, status_line: bool = False, plugin_runs: bool = False
    ) -> Change:
        """Put the hooks in, and with `status_line` our status line as well.

        `plugin_runs`: whether our plugin finds the program; then it has the hooks, where it is enabled.
        Where nothing is to change, or on a dry run, nothing is written anywhere.

        Raises SettingsError, the file untouched, when it can't be read, edited safely or written.
        """
        return self._apply(
            lambda text, original: plan_install(
                text, launcher, original, name=self.path, status_line=status_line, plugin_runs=plugin_runs
            ),
            install_advice(launcher),
            dry_run=dry_run,
        )

    def uninstall(self, *, dry_run: bool = False) -> Change:
        """Remove everything of ours, and give back each byte that was there before. Raises SettingsError."""
        return self._apply(
            lambda text, original: plan_uninstall(text, original, name=self.path), UNINSTALL_ADVICE, dry_run=dry_run
        )

    def _apply(self, plan: _Plan, advice: str, *, dry_run: bool) -> Change:
        try:
            # Without the lock first: most runs find nothing to do and should leave no trace.
            change = plan(_text_of(self._read(advice), self.path, advice), self._read_original())
            if dry_run or (change.outcome is ChangeOutcome.UNCHANGED and not self._leftovers(change)):
                return change
            return self._apply_locked(plan, advice)
        except OSError as problem:
            named = "" if problem.filename in (None, self.path, str(self._target)) else f"{problem.filename}: "
            raise SettingsError(f"{self.path} can't be edited: {named}{reason_of(problem)}", advice) from problem

    def _apply_locked(self, plan: _Plan, advice: str) -> Change:
        if not os.path.isdir(folder := os.path.dirname(self.path)):
            make_private_folder(folder)  # as a parent of ours it would be readable by everybody
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
                    for path in self._leftovers(change):
                        path.unlink(missing_ok=True)
                    return change
        finally:
            lock.release()
        raise SettingsError(f"{self.path} keeps changing", "Try again when no other program writes to it.")

    def _leftovers(self, change: Change) -> list[Path]:
        """What a killed run of ours left behind: temporary files, and a record of what is no longer installed."""
        found = []
        for folder in {self._target.parent, self._folder}:
            with suppress(OSError):
                found += [folder / name for name in os.listdir(folder) if _TEMPORARY.fullmatch(name)]
        if not change.original and os.path.lexists(self._original_path):
            found.append(self._original_path)
        return found

    # The file itself

    @property
    def _target(self) -> Path:
        # Not Path.resolve, which raises something other than OSError for a link to itself.
        return Path(os.path.realpath(self.path))

    def _read(self, advice: str) -> bytes | None:
        try:
            if not stat.S_ISREG(self._target.stat().st_mode):
                raise SettingsError(f"{self.path} is not a file", advice)
            return read_regular(str(self._target))
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
            return True
        try:
            content = change.after.encode()
        except UnicodeEncodeError:
            raise SettingsError("The path of claude-session-status is not valid text", advice) from None
        if change.original:
            # First: should the power fail in between, the file has nothing of ours that needs the record.
            self._write_original(change.original)
        temporary = self._write_beside(content)
        try:
            if self._read(advice) != before:
                return False
            if not file_exchange.put_in_place(temporary, self._target, before):
                return False
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(self._target.parent)
        return True

    def _write_beside(self, content: bytes) -> Path:
        """Write a complete new file in the target's folder, with the target's mode, owner and attributes."""
        target = self._target
        return _write_new(target.parent, _SETTINGS_PREFIX, content, model=target)

    # What was there before us

    def _read_original(self) -> OriginalState:
        """What the last install kept. An unreadable record counts as none, which loses an empty `{}` at most."""
        try:
            return original_from_json(read_private(str(self._original_path), _LARGEST_ORIGINAL).decode())
        except (OSError, UnicodeDecodeError):
            return OriginalState()

    def _write_original(self, original: OriginalState) -> None:
        content = original_to_json(original).encode()
        _write_new(self._folder, _ORIGINAL_PREFIX, content).replace(self._original_path)


def original_to_json(original: OriginalState) -> str:
    """`{"schema": 1, "absent": bool, "blank": text or null, "empty": [[keys, space], ...], "status_line": text}`."""
    empty = [[list(path), fill] for path, fill in original.empty.items()]
    data = {"schema": _ORIGINAL_SCHEMA, "absent": original.absent, "blank": original.blank, "empty": empty}
    return json.dumps({**data, "status_line": original.status_line})


def original_from_json(text: str) -> OriginalState:
    """The inverse of `original_to_json`. Any other text gives an empty state."""
    try:
        data = json.loads(text)
        if data["schema"] != _ORIGINAL_SCHEMA:
            return OriginalState()
        blank, line = data["blank"], data.get("status_line")
        return OriginalState(
            absent=data["absent"] is True,
            blank=blank if isinstance(blank, str) and is_blank(blank) else None,
            # Whitespace only: a damaged record can put nothing else into the user's file.
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


def _write_new(folder: Path, prefix: str, content: bytes, model: Path | None = None) -> Path:
    """Write a new file that only its owner may read, like `model` where there is one, and sync it to the disk."""
    descriptor = _open_nameless(folder)
    if descriptor is not None:
        try:
            _fill(descriptor, f"/proc/self/fd/{descriptor}", folder, content, model)
            return _give_name(descriptor, folder, prefix)
        except OSError:
            pass  # not on this file system, or a fault that the other way meets as well
        finally:
            os.close(descriptor)
    import tempfile  # noqa: PLC0415 - brings random and hashlib, which a tray would keep

    descriptor, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=".tmp")
    path = Path(name)
    try:
        _fill(descriptor, name, folder, content, model)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(descriptor)
    return path


def _fill(descriptor: int, path: str, folder: Path, content: bytes, model: Path | None) -> None:
    """Write and sync a new file's content, owner and mode."""
    give_to_owner(descriptor, str(folder))
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    if model is not None:
        with suppress(FileNotFoundError):
            _take_after(model, path)
    os.fsync(descriptor)


def _open_nameless(folder: Path) -> int | None:
    """Open a file without a name in `folder`; None where the system or the file system has no such files."""
    try:
        descriptor = os.open(folder, getattr(os, "O_TMPFILE", 0) | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError:
        return None  # also where there is no O_TMPFILE: a folder can't be opened for writing
    if os.path.exists(f"/proc/self/fd/{descriptor}"):
        return descriptor
    os.close(descriptor)
    return None


def _give_name(descriptor: int, folder: Path, prefix: str) -> Path:
    """Give a file without a name a temporary one in its folder."""
    while True:
        path = folder / f"{prefix}{os.urandom(4).hex()}.tmp"
        with suppress(FileExistsError):
            os.link(f"/proc/self/fd/{descriptor}", path, follow_symlinks=True)
            return path


def _take_after(model: Path, path: str) -> None:
    """Give `path` the mode, owner and extended attributes of `model`, as far as the system allows it."""
    status = model.stat()
    if hasattr(os, "chown"):
        # Before the mode, since a change of owner clears some of its bits.
        with suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)
    shutil.copystat(model, path)
    os.utime(path)  # the file is new, and a client that watches its time must see that


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where folders can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
