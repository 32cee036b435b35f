"""What a person can set in `config.toml`: every key optional, each checked, a mistake named with its line.

A wrong key never stops anything: the default is used and the problem is said where the person looks.
"""

import json
import os
import re
import reprlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from claude_session_status.errors import reason_of


@dataclass(frozen=True, slots=True)
class Config:
    """The effective settings."""

    poll_seconds: float = 2.0  # how often the monitor looks for news
    # Lead times of the notification; empty for none; None, "auto": 30 s, and for an hour-long cache 300 s as well.
    notify_before_seconds: tuple[float, ...] | None = None
    default_ttl_seconds: int = 300  # where no source tells the TTL
    min_tokens: int = 0  # smaller conversations give no notification
    sound: bool = False  # with the notification, where the desktop has one


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and what was wrong with the file, one line a problem."""

    config: Config = Config()
    problems: tuple[str, ...] = ()


class _RefusedError(ValueError):
    """The value is not allowed; the message says what is."""


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _RefusedError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def _leads(value: Any) -> tuple[float, ...] | None:
    if value == "auto":
        return None
    values = value if isinstance(value, list) else [value]
    one = _number(5, 3300)
    try:
        return tuple(sorted({one(v) for v in values}, reverse=True))
    except _RefusedError as error:
        raise _RefusedError(
            'a number of seconds from 5 to 3300, a list of such, [] for no notification, or "auto"'
        ) from error


def _ttl(value: Any) -> int:
    if isinstance(value, bool) or value not in (300, 3600):
        raise _RefusedError("300 or 3600")
    return int(value)


def _tokens(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000_000:
        raise _RefusedError("a whole number of tokens from 0 to 10000000")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _RefusedError("true or false")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "poll_seconds": _number(0.5, 5),  # hooks take a monitor for dead that is silent for ten seconds
    "notify_before_seconds": _leads,
    "default_ttl_seconds": _ttl,
    "min_tokens": _tokens,
    "sound": _yes_or_no,
}
assert set(_CHECKS) == {f.name for f in fields(Config)}  # noqa: S101 - each key has its check


def load(path: str, called: str | None = None) -> Loaded:
    """Read the file at `path`; a missing one means defaults. Raises nothing: problems are returned.

    `called` is what problems call the file, its path unless told.
    """
    called = called or path
    if os.path.exists(path) and not os.path.isfile(path):
        return Loaded(problems=(f"{called} can't be read: it is no file. Defaults are used",))  # a pipe would wait
    try:
        text = Path(path).read_text("utf-8-sig")  # an editor on Windows may begin it with a mark
    except FileNotFoundError:
        return Loaded()
    except OSError as error:
        return Loaded(problems=(f"{called} can't be read: {reason_of(error)}. Defaults are used",))
    except UnicodeError:
        return Loaded(problems=(f"{called} can't be read: it is not UTF-8 text. Defaults are used",))
    return parse(text, called)


class ConfigFile:
    """The settings in a file that may change at any time: read again when it did. Making one looks at nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._mark: object = None
        self.loaded = Loaded()

    def reread(self) -> bool:
        """Look at the file; whether what it says is new. Raises nothing."""
        try:
            status = os.stat(self._path)
            mark: object = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as error:
            mark = error.errno
        if mark == self._mark:
            return False
        self._mark = mark
        before, self.loaded = self.loaded, load(self._path, os.path.basename(self._path))
        return self.loaded != before


def as_toml(config: Config) -> str:
    """The settings as the text of a `config.toml` that sets every key."""
    return "".join(f"{f.name} = {_toml(getattr(config, f.name))}\n" for f in fields(config))


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(v) for v in value)}]"
    if value is None:
        return '"auto"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


def parse(text: str, path: str = "config.toml") -> Loaded:
    """The settings in `text`; `path` is only named in problems."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets without an end
        return Loaded(problems=(f"{path} is not valid TOML: {error}. Defaults are used",))
    values, problems = {}, []
    for key, value in table.items():
        where = f"{path}:{_line_of(text, key)}"
        if key not in _CHECKS:
            problems.append(f"{where}: unknown key {key!r}; known: {', '.join(sorted(_CHECKS))}")
            continue
        try:
            values[key] = _CHECKS[key](value)
        except _RefusedError as allowed:
            problems.append(f"{where}: {key} must be {allowed}, not {_named(value)}")
    return Loaded(Config(**values), tuple(problems))


def _named(value: Any) -> str:
    """The value as a person may have written it, in one line of bearable length."""
    try:
        return reprlib.repr(value)
    except ValueError:
        return "a number of thousands of digits"


_KEY = re.compile(r"""\s*\[*\s*["']?([^"'=.\]\s]+)""")


def _line_of(text: str, key: str) -> int:
    """The line, from 1, on which the key is set at the top level; 1 when it can't be told."""
    for number, line in enumerate(text.splitlines(), 1):
        name = _KEY.match(line)
        if name is not None and name[1] == key:
            return number
    return 1
