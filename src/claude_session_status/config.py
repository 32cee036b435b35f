"""The user's settings in `config.toml`: every key is optional and checked, and a mistake is named with its line.

A mistake stops nothing: the default is used, and the problem is shown where the user looks.
"""

import errno
import json
import os
import re
import reprlib
import stat
from collections.abc import Callable
from typing import Any

from claude_session_status import host_settings, quiet
from claude_session_status.errors import reason_of
from claude_session_status.model import Host
from claude_session_status.quiet import QuietHours
from claude_session_status.values import Value, field_types


class Config(Value):
    """The effective settings."""

    poll_seconds: float = 2.0  # how often the monitor looks for changes
    # Lead times of the notification; empty: none. None, in the file "auto": 30 s, and 300 s too for an hour-long cache.
    notify_before_seconds: tuple[float, ...] | None = None
    default_ttl_seconds: int = 300  # where no source knows the TTL
    min_tokens: int = 0  # smaller conversations are not notified
    quiet: tuple[QuietHours, ...] = ()  # hours of the day without notifications
    on_alert: tuple[str, ...] = ()  # a program and its arguments, run at each alert
    sound: bool = False  # with a notification, if the desktop can play one
    notify_when_waiting: bool = False  # also of a permission prompt or a question that waits for the user
    history_days: int = 400  # how long the history keeps a request
    keep_warm_min_tokens: int = 60_000  # smaller conversations are not kept warm
    keep_warm_max_pings: int = 20  # in a row, without a turn of the person's own
    keep_warm_max_usage: int = 80  # percent of the account's five-hour window; above it no pings are sent
    hosts: tuple[Host, ...] = ()  # other machines whose sessions are shown; in the file also `[[host]]`


class Loaded(Value):
    """The settings, and the problems of the file, one line each."""

    config: Config = Config()
    problems: tuple[str, ...] = ()


class _RefusedError(ValueError):
    """The value is not allowed; the message says which are."""


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
            'a number of seconds from 5 to 3300, a list of such numbers, [] for no notification, or "auto"'
        ) from error


def _ttl(value: Any) -> int:
    if isinstance(value, bool) or value not in (300, 3600):
        raise _RefusedError("300 or 3600")
    return int(value)


def _tokens(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000_000:
        raise _RefusedError("a whole number of tokens from 0 to 10000000")
    return value


def _days(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 4000:
        raise _RefusedError("a whole number of days from 1 to 4000")
    return value


def _pings(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise _RefusedError("a whole number of pings from 1 to 100")
    return value


def _percent(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise _RefusedError("a whole number of percent from 0 to 100")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _RefusedError("true or false")
    return value


def _quiet(value: Any) -> tuple[QuietHours, ...]:
    texts = value if isinstance(value, list) else [value]
    ranges = [quiet.parse(text) if isinstance(text, str) else None for text in texts]
    if None in ranges:
        raise _RefusedError('a list of hours such as ["22:00-07:00", "12:30-13:00"], [] for none')
    return tuple(each for each in ranges if each is not None)


def _command(value: Any) -> tuple[str, ...]:
    words = value if isinstance(value, list) else None
    if (
        words is None
        or not all(isinstance(word, str) and "\0" not in word for word in words)
        or (words and not words[0])
    ):
        raise _RefusedError('a list of a program and its arguments such as ["notify-phone", "--quick"], [] for none')
    return tuple(words)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "poll_seconds": _number(0.5, 5),  # after ten silent seconds, hooks take the monitor for dead
    "notify_before_seconds": _leads,
    "default_ttl_seconds": _ttl,
    "min_tokens": _tokens,
    "quiet": _quiet,
    "on_alert": _command,
    "sound": _yes_or_no,
    "notify_when_waiting": _yes_or_no,
    "history_days": _days,
    "keep_warm_min_tokens": _tokens,
    "keep_warm_max_pings": _pings,
    "keep_warm_max_usage": _percent,
}
MOST_PROBLEMS = 10  # named one by one
_KEYS = (*_CHECKS, *host_settings.KEYS)
assert {*_CHECKS, "hosts"} == field_types(Config).keys()  # noqa: S101 - each key has its check


def load(path: str, name: str | None = None) -> Loaded:
    """Read the file at `path`; without one, the defaults apply. Raises nothing: problems are returned.

    `name` stands for the file in problems; by default, its path.
    """
    name = name or path
    try:
        text = read_file(path).decode("utf-8-sig")  # an editor on Windows may begin it with a byte order mark
    except FileNotFoundError:
        return Loaded()
    except OSError as error:
        return Loaded(problems=(f"{name} can't be read: {reason_of(error)}. Defaults are used until it can",))
    except UnicodeError:
        return Loaded(problems=(f"{name} can't be read: it is not UTF-8 text. Defaults are used until it is",))
    return parse(text, name)


def read_file(path: str) -> bytes:
    """Return the file's content. Follows links, as people keep their settings elsewhere; never blocks on a FIFO."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        return file.read()


class ConfigFile:
    """The settings in a file that may change at any time. Reads it again when it did."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._version: object = None
        self.loaded = Loaded()

    def reread(self) -> bool:
        """Read the file if it changed; return whether the settings or problems did. Raises nothing."""
        try:
            status = os.stat(self._path)
            version: object = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as error:
            version = error.errno
        if version == self._version:
            return False
        self._version = version
        before, self.loaded = self.loaded, load(self._path, os.path.basename(self._path))
        return self.loaded != before


def as_toml(config: Config) -> str:
    """Return the text of a `config.toml` that sets every key to these settings."""
    lines = "".join(f"{name} = {_toml(getattr(config, name))}\n" for name in field_types(Config) if name != "hosts")
    plain = tuple(host.name for host in config.hosts if host_settings.is_plain(host))
    return f"{lines}hosts = {_toml(plain)}\n{host_settings.as_toml(config.hosts)}"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(v) for v in value)}]"
    if value is None:
        return '"auto"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # which JSON leaves as it is


def parse(text: str, path: str = "config.toml") -> Loaded:
    """Return the settings in `text`. `path` stands for the file in problems."""
    import tomllib  # noqa: PLC0415 - slow, and most users have no such file

    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also for a number of thousands of digits, or too many brackets
        return Loaded(problems=(f"{path} is not valid TOML: {error}. Defaults are used until you correct it",))
    values: dict[str, Any] = {}
    values["hosts"], host_problems = host_settings.read(table, text)
    problems = [(problem.line, problem.text) for problem in host_problems]
    for key, value in table.items():
        if key in host_settings.KEYS:
            continue
        if key not in _CHECKS:
            problems.append((_line_of(text, key), f"unknown key {key!r}. {_meant(key)}"))
            continue
        try:
            values[key] = _CHECKS[key](value)
        except _RefusedError as allowed:
            problems.append((_line_of(text, key), f"{key} must be {allowed}, not {_named(value)}"))
    named = [f"{path}:{line}: {problem}" for line, problem in sorted(problems)]
    if len(named) > MOST_PROBLEMS:
        named[MOST_PROBLEMS:] = [f"{path}: {len(named) - MOST_PROBLEMS} more mistakes"]
    return Loaded(Config(**values), tuple(named))


def _meant(key: str) -> str:
    """Return the known key that looks like this one, else all of them."""
    import difflib  # noqa: PLC0415 - only for a file with a mistake

    similar = difflib.get_close_matches(key, _KEYS, 1)
    return f"Did you mean {similar[0]}?" if similar else f"Known keys: {', '.join(sorted(_KEYS))}"


def _named(value: Any) -> str:
    """Return the value about as the user wrote it, on one short line."""
    try:
        return reprlib.repr(value)
    except ValueError:
        return "a number of thousands of digits"


_KEY = re.compile(r"""\s*\[*\s*["']?([^"'=.\]\s]+)""")


def _line_of(text: str, key: str) -> int:
    """Return the line, from 1, that sets the key at the top level; 1 when none can be found."""
    for number, line in enumerate(text.splitlines(), 1):
        name = _KEY.match(line)
        if name is not None and name[1] == key:
            return number
    return 1
