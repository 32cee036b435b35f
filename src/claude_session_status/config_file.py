"""Changes one key or one host of `config.toml` and keeps the rest as the user wrote it: comments, order, spaces.

The file is replaced as a whole or not at all, and only by one that reads as expected. Where it is a link, as in a
folder of dotfiles, its target is replaced.
"""

import os
import tomllib
from collections.abc import Callable
from typing import Any

from claude_session_status import config, host_settings
from claude_session_status.errors import SessionStatusError, reason_of
from claude_session_status.model import Host
from claude_session_status.private import give_to_owner, make_private_folder, open_private

Value = bool | int | str | tuple[int, ...]

TRIES = 3  # an editor may save the file at the same moment
TRY_AGAIN = "Nothing was changed. Check the file's owner and the free space, then try again"


class RefusedError(ValueError):
    """The content of the file can't be edited safely; the message says why."""


def change(path: str, key: str, value: Value) -> None:
    """Set `key` in the file at `path`. Makes the file where there is none.

    Raises:
        SessionStatusError: it is no valid TOML, or can't be read or written. Nothing was changed then.

    """
    _edit(path, lambda before: changed(before, key, value))


def add_host(path: str, host: Host) -> None:
    """Add the host to the file at `path`, in `hosts` or as a `[[host]]`. Raises as `change`."""
    _edit(path, lambda before: with_host(before, host))


def remove_host(path: str, name: str) -> None:
    """Remove the host from the file at `path`. Raises as `change`."""
    _edit(path, lambda before: without_host(before, name))


def _edit(path: str, edited: Callable[[bytes], bytes]) -> None:
    try:
        for _ in range(TRIES):
            before = _read(path)
            if _replace(path, before, edited(before or _new_file())):
                return
    except RefusedError as error:
        raise SessionStatusError(str(error), f"Nothing was changed. Correct {path}") from error
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


_EXAMPLE = Host("dev", ("docker", "exec", "-i", "dev"))


def _new_file() -> bytes:
    lines = [
        "Settings of claude-session-status. Every key is optional; these are the defaults:",
        *config.as_toml(config.Config()).splitlines(),
        "A machine or a container that another command than ssh reaches:",
        *host_settings.as_toml([_EXAMPLE]).strip().splitlines(),
    ]
    return "".join(f"# {line}\n" for line in lines).encode()


def _read(path: str) -> bytes | None:
    try:
        return config.read_file(path)
    except FileNotFoundError:
        return None


def changed(before: bytes, key: str, value: Value) -> bytes:
    """The content with the key set. Raises RefusedError where that can't be done safely."""
    plain: Any = list(value) if isinstance(value, tuple) else value

    def edit(document: Any) -> None:
        document[key] = plain

    return _edited(before, key, edit, lambda table: table | {key: plain})


def with_host(before: bytes, host: Host) -> bytes:
    """The content with the host added. Raises RefusedError where that can't be done safely."""
    if host_settings.is_plain(host):
        return _with_entry(before, "hosts", host.name, _add_name)
    return _with_entry(before, "host", host_settings.values_of(host), _add_table)


def _with_entry(before: bytes, key: str, entry: Any, add: Callable[[Any, Any], None]) -> bytes:
    def edit(document: Any) -> None:
        add(document, entry)

    return _edited(before, key, edit, lambda table: table | {key: [*table.get(key, []), entry]})


def _add_name(document: Any, name: str) -> None:
    document.setdefault("hosts", []).append(name)


def _add_table(document: Any, values: dict[str, Any]) -> None:
    import tomlkit  # noqa: PLC0415 - takes 30 ms, and only a change of the file needs it

    is_inline = isinstance(document.get("host"), tomlkit.items.Array)
    table: Any = tomlkit.inline_table() if is_inline else tomlkit.table()
    table.update(values)
    if not is_inline:
        table.trivia.indent = "\n"  # a blank line before it
    document.setdefault("host", tomlkit.aot()).append(table)


def without_host(before: bytes, name: str) -> bytes:
    """The content without the host. Raises RefusedError where that can't be done safely."""

    def edit(document: Any) -> None:
        for key in host_settings.KEYS:
            found = document.get(key, [])
            for place in reversed([at for at, each in enumerate(found) if _is_entry(each, name)]):
                del found[place]
        if document.get("host") == []:
            del document["host"]

    def wanted(table: dict[str, Any]) -> dict[str, Any]:
        left = {key: [each for each in table.get(key, []) if not _is_entry(each, name)] for key in host_settings.KEYS}
        return {key: left.get(key, value) for key, value in table.items() if key != "host" or left["host"]}

    return _edited(before, f"the host {name}", edit, wanted)


def _is_entry(entry: Any, name: str) -> bool:
    return bool((entry.get("name") if isinstance(entry, dict) else entry) == name)


def _edited(
    before: bytes,
    what: str,
    edit: Callable[[Any], None],
    wanted: Callable[[dict[str, Any]], dict[str, Any]],
) -> bytes:
    """The content after `edit` has changed its document, if it then reads as `wanted`. Raises RefusedError."""
    import tomlkit  # noqa: PLC0415 - takes 30 ms, and only a change of the file needs it

    try:
        text = before.decode()
    except UnicodeError as error:
        raise RefusedError("config.toml is not UTF-8 text") from error
    try:
        body = text.removeprefix("\ufeff")  # the byte order mark of an editor on Windows
        table, document = tomllib.loads(body), tomlkit.parse(body)
    except (ValueError, RecursionError) as error:  # also what both libraries raise for invalid TOML
        raise RefusedError(f"config.toml is not valid TOML: {error}") from error
    try:
        edit(document)
        after = tomlkit.dumps(document)
        is_right = tomllib.loads(after) == wanted(table)
    except (ValueError, TypeError, AttributeError, LookupError):  # a key whose value is of another type
        is_right = False
    if not is_right:
        raise RefusedError(f"{what} can't be changed in this config.toml")
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
