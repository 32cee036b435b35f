"""Why a connection ended, from the exit code and what was printed to stderr. Pure.

OpenSSH's messages are not translated. A message that is not known here is passed on: its last line says most.
"""

import re

from claude_session_status.model import HostConnection
from claude_session_status.text_width import cut
from claude_session_status.words import clean

LONGEST_DETAIL = 200  # columns

SSH_FAILED = 255
NOT_FOUND = (126, 127)
USAGE = 2
KILLED = 128

NOT_INSTALLED = "claude-session-status is not installed there, or not on the PATH of a login shell"
TOO_OLD = "claude-session-status there is too old: update it there"
TOO_NEW = "claude-session-status there is newer: update it here"

_REFUSALS: tuple[tuple[str, str], ...] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key has changed: if that is right, remove the old key"),
    (r"Host key .*has changed", "its host key has changed: if that is right, remove the old key"),
    ("REVOKED", "its host key is revoked"),
    ("Host key verification failed", "its host key is not known: connect once by hand, and check the key"),
    (r"No \S+ host key is known", "its host key is not known: connect once by hand, and check the key"),
    ("Too many authentication failures", "too many keys were offered: name one with IdentityFile in ssh's config"),
    (r"Permission denied \((?!.*publickey)[^)]*(password|keyboard)", "it takes only a password: set up a key"),
    (r"Permission denied \(", "it accepts none of your keys"),
    ("Permission denied, please try again", "it takes only a password: set up a key"),
)
_UNREACHABLE: tuple[tuple[str, str], ...] = (
    (r"Could not resolve hostname|Name or service not known|nodename nor servname", "its name can't be resolved"),
    (r"Connection refused", "the connection is refused: no ssh server listens there"),
    (r"timed out|not responding", "it does not respond"),
    (r"No route to host|Network is unreachable|Host is down", "there is no route to it"),
)


def diagnose(code: int | None, errors: bytes) -> tuple[HostConnection, str]:
    """Return the state of a connection whose command has ended with exit code `code`, and why, in one line.

    `code` is None where the command could not be started; `errors` is the end of what it printed to stderr.
    """
    text = errors.decode("utf-8", "replace")
    if code == SSH_FAILED:
        for pattern, why in _REFUSALS:
            if re.search(pattern, text):
                return HostConnection.REFUSED, why
        for pattern, why in _UNREACHABLE:
            if re.search(pattern, text):
                return HostConnection.UNREACHABLE, why
    last = _last_line(text)
    if code in NOT_FOUND:
        # A missing container or `sh` is named by the program that looked for it.
        is_ours = not last or "claude-session-status" in last or "not found" in last
        return HostConnection.NO_PROGRAM, NOT_INSTALLED if is_ours else last
    if code == USAGE and "Usage:" in text:
        return HostConnection.WRONG_VERSION, TOO_OLD
    if last:
        return HostConnection.UNREACHABLE, last
    if code is None:
        return HostConnection.UNREACHABLE, "the command can't be started"
    number = -code if code < 0 else code - KILLED  # as a shell and `docker exec` report the signal
    how = f"was ended by signal {number}" if 0 < number <= 64 else f"ended with exit code {code}"
    return HostConnection.UNREACHABLE, f"the connection {how}"


def _last_line(text: str) -> str:
    lines = (clean(line) for line in reversed(text.splitlines()))
    return cut(next((line for line in lines if line), ""), LONGEST_DETAIL)
