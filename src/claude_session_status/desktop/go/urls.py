"""Opens the URLs with which other programs show a session: only of schemes that do nothing else."""

import re

from claude_session_status.desktop.terminal import Launch, spawn

SCHEMES = frozenset({"vscode", "vscode-insiders", "iterm2", "warp"})
_URL = re.compile(r"([a-z][a-z0-9-]*):[A-Za-z0-9/?=&.:_-]{1,300}")


def is_allowed(url: str) -> bool:
    """Whether the URL has an allowed scheme, and no character that a program could read as something else."""
    found = _URL.fullmatch(url)
    return found is not None and found[1] in SCHEMES


def open_url(url: str, opener: str) -> bool:
    """Open the URL with the system's opener, `xdg-open` or `open`; False for one that is not allowed.

    Raises:
        SessionStatusError: the opener can't be started.

    """
    if not is_allowed(url):
        return False
    spawn(Launch((opener, url)))
    return True
