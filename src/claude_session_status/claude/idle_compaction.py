"""Reads from a client's settings and environment from which size on it compacts an idle conversation by itself.

Claude Code 2.1.332 does it at nine tenths of a one-hour cache, from 200,000 tokens on, unless auto-compaction or idle
compaction is off, and in a terminal only: started by an editor it did nothing at that moment. Three variables of the
client's own environment change that. On Linux they are read from the running client; nothing else of its environment
is kept. Elsewhere they are unknown and the default counts.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from claude_session_status.claude.files import json_object, read_small
from claude_session_status.claude.pids import is_numbered_here, pid_namespace, start_ticks
from claude_session_status.model import Process, Session

DEFAULT_TOKENS = 200_000
LEAST_TOKENS = 100_000  # the client's own floor
_MINIMUM = "CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS"
_SWITCHES = ("DISABLE_AUTO_COMPACT", "DISABLE_COMPACT")
VARIABLES = (_MINIMUM, *_SWITCHES)
_SETTINGS = ("idleCompaction", "autoCompactEnabled")  # either one set to false turns it off
_TRUE = ("1", "true", "yes", "on")
_TERMINAL = "cli"
_LARGEST = 4 * 1024 * 1024  # bytes of a settings file


def tokens_from(settings: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> int | None:
    """The size in tokens from which the client compacts an idle conversation; None where that is off.

    `settings` in the order of their precedence, the strongest last: a file's `env` block adds to the environment.
    """
    variables = dict(environment)
    for each in settings:
        if any(each.get(name) is False for name in _SETTINGS):
            return None
        block = each.get("env")
        if isinstance(block, dict):
            variables |= {name: str(block[name]) for name in VARIABLES if name in block}
    if any(variables.get(name, "").strip().lower() in _TRUE for name in _SWITCHES):
        return None
    minimum = variables.get(_MINIMUM, "").strip()
    wanted = int(minimum) if minimum.isascii() and minimum.isdecimal() and len(minimum) < 16 else DEFAULT_TOKENS
    return max(LEAST_TOKENS, wanted)


class IdleCompaction:
    """Looks it up for the sessions under one `claude_dir`. `managed`: the folders of an administrator's settings."""

    def __init__(self, claude_dir: str, managed: tuple[str, ...] = ()) -> None:
        self.claude_dir = claude_dir
        self.managed = managed
        self._environments: dict[Process, dict[str, str]] = {}  # a running client's never changes
        self._files: dict[str, tuple[int, dict[str, Any]]] = {}  # path -> mtime, content

    def tokens_of(self, session: Session) -> int | None:
        """The size in tokens from which the session's client compacts it when idle.

        None where it never does so, and for a session whose size is below any threshold or not known.
        """
        if session.entrypoint != _TERMINAL or (session.context_tokens or 0) < LEAST_TOKENS:
            return None
        return tokens_from(map(self._read, self._paths(session.folder)), self._environment(session.process))

    def _paths(self, folder: str | None) -> list[str]:
        paths = [
            os.path.join(self.claude_dir, ".claude.json"),
            f"{self.claude_dir}.json",  # ~/.claude.json, where older clients keep `autoCompactEnabled`
            os.path.join(self.claude_dir, "settings.json"),
        ]
        if folder is not None and os.path.isabs(folder):
            paths += [os.path.join(folder, ".claude", name) for name in ("settings.json", "settings.local.json")]
        for each in self.managed or managed_folders(sys.platform):
            drop_ins = os.path.join(each, "managed-settings.d")
            names = sorted(name for name in _names_in(drop_ins) if name.endswith(".json") and name[0] != ".")
            paths += [os.path.join(each, "managed-settings.json"), *(os.path.join(drop_ins, name) for name in names)]
        return paths

    def _read(self, path: str) -> dict[str, Any]:
        """The content of a settings file; empty where it can't be read, since the client skips such a file."""
        try:
            changed = os.stat(path).st_mtime_ns
            if path in self._files and self._files[path][0] == changed:
                return self._files[path][1]
            held = json_object(read_small(path, _LARGEST)) or {}
        except (OSError, ValueError):
            return {}
        kept = {name: held[name] for name in (*_SETTINGS, "env") if name in held}
        block = kept.get("env")
        kept["env"] = {name: block[name] for name in VARIABLES if name in block} if isinstance(block, dict) else {}
        self._files[path] = changed, kept
        return kept

    def _environment(self, process: Process | None) -> dict[str, str]:
        if process is None or process.started is None:
            return {}
        if process not in self._environments:
            self._environments[process] = environment_of(process)
        return self._environments[process]


def environment_of(process: Process) -> dict[str, str]:
    """The `VARIABLES` with which the running process was started; empty where that can't be read."""
    if not is_numbered_here(process.namespace, pid_namespace()) or start_ticks(process.pid) != process.started:
        return {}
    try:
        raw = read_all(f"/proc/{process.pid}/environ")
    except OSError:
        return {}
    pairs = (item.partition(b"=") for item in raw.split(b"\0"))
    wanted = {name.encode(): name for name in VARIABLES}
    return {wanted[name]: value.decode("utf-8", "replace") for name, _, value in pairs if name in wanted}


def read_all(path: str) -> bytes:
    """The whole of a file of the kernel's, whose size is not known before. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(_LARGEST)


def managed_folders(platform: str) -> tuple[str, ...]:
    """Where an administrator's settings are, which stand above the user's."""
    if platform == "win32":
        return (r"C:\Program Files\ClaudeCode", r"C:\ProgramData\ClaudeCode")
    return ("/Library/Application Support/ClaudeCode",) if platform == "darwin" else ("/etc/claude-code",)


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
