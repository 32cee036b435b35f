"""Changes one key of `config.toml` and keeps the rest as the user wrote it: comments, order, spaces.

The file is replaced as a whole or not at all, and only by one that reads as expected. Where it is a link, as in a
folder of dotfiles, its target is replaced.
"""

import os
import tomllib
from typing import Any

from claude_session_status import config
from claude_session_status.errors import SessionStatusError, reason_of
from claude_session_status.private import give_to_owner, make_private_folder, open_private

Value = bool | int | str | tuple[int, ...]

TRIES = 3  # an editor may save the file at the same moment
CORRECT_IT = "Nothing was changed. Choose Settings, Open config.toml in the menu, and correct it"
TRY_AGAIN = "Nothing was changed. Check the file's owner and the free space, then try again"


def change(path: str, key: str, value: Value) -> None:
    """Set `key` in the file at `path`. Makes the file where there is none.

    Raises:
        SessionStatusError: it is no valid TOML, or can't be read or written. Nothing was changed then.

    """
    try:
        for _ in range(TRIES):
            before = _read(path)
            if _replace(path, before, changed(before or _new_file(), key, value)):
                return
    except OSError as error:
        raise SessionStatusError(f"{path} can't be changed: {reason_of(error)}", TRY_AGAIN) from error
    raise SessionStatusError(f"{path} is being changed by another program", TRY_AGAIN)


def make(path: str) -> None:
    """Make the file where there is none, with every key in a comment. Raises SessionStatusError."""
    try:
        if _read(path) is None:
            _replace(path, None, _new_file())
    except OSError as error:
        raise SessionStatusError(f"{path} can't be read or made: {reason_of(error)}", TRY_AGAIN) from error


def _new_file() -> bytes:
    keys = "".join(f"# {line}\n" for line in config.as_toml(config.Config()).splitlines())
    return f"# Settings of claude-session-status. Every key is optional; these are the defaults:\n{keys}".encode()


def _read(path: str) -> bytes | None:
    try:
        return config.read_file(path)
    except FileNotFoundError:
        return None


def changed(before: bytes, key: str, value: Value) -> bytes:
    """The content with the key set. Raises SessionStatusError where that can't be done safely."""
    import tomlkit  # noqa: PLC0415 - takes 30 ms, and only a click on a setting needs it

    plain: Any = list(value) if isinstance(value, tuple) else value
    try:
        text = before.decode()
        body = text.removeprefix("\ufeff")  # the byte order mark of an editor on Windows
        wanted = tomllib.loads(body) | {key: plain}
        document = tomlkit.parse(body)
        document[key] = plain
        after = tomlkit.dumps(document)
        is_right = tomllib.loads(after) == wanted
    except (ValueError, RecursionError) as error:  # also what both libraries raise for invalid TOML
        raise SessionStatusError(f"config.toml is not valid TOML: {error}", CORRECT_IT) from error
    if not is_right:
        raise SessionStatusError(f"{key} can't be changed in this config.toml", CORRECT_IT)
    return (text[: len(text) - len(body)] + after).encode()


def _replace(path: str, before: bytes | None, after: bytes) -> bool:
    """Replace the file's content. False when it is no longer `before`. Raises OSError."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    half = f"{target}.{os.getpid()}-{os.urandom(4).hex()}"
    if os.path.islink(path):  # the user's own folder: its mode is not ours to change
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        give_to_owner(descriptor, folder)
    else:
        make_private_folder(folder)
        descriptor = open_private(half, os.O_WRONLY)
    try:
        with open(descriptor, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(descriptor)
        if before is not None and os.name == "posix":
            os.chmod(half, os.stat(target).st_mode & 0o777)
        if _read(path) != before:
            return False
        os.replace(half, target)
    finally:
        try:
            os.unlink(half)
        except FileNotFoundError:
            pass
    return True
