"""Where the product's files are: one folder beside Claude Code's own.

Strings and `os.path` rather than `pathlib`: a hook imports this module, and pathlib alone would cost it milliseconds.
"""

import os


class Paths:
    """The places of all files, computed from the environment; nothing is created or looked at."""

    def __init__(self, claude_dir: str) -> None:
        self.claude_dir = claude_dir
        self.client_registry = os.path.join(claude_dir, "sessions")
        self.projects = os.path.join(claude_dir, "projects")
        self.settings = os.path.join(claude_dir, "settings.json")
        self.folder = os.path.join(claude_dir, "claude-session-status")
        self.database = os.path.join(self.folder, "status.duckdb")
        self.spool = os.path.join(self.folder, "spool")
        self.config = os.path.join(self.folder, "config.toml")
        self.statusline = os.path.join(self.folder, "statusline")
        self.monitor_alive = os.path.join(self.folder, "monitor.alive")
        self.ingest_lock = os.path.join(self.folder, "ingest.lock")
        self.pause = os.path.join(self.folder, "paused-until")
        self.tray_lock = os.path.join(self.folder, "tray.lock")
        self.log = os.path.join(self.folder, "log")


def from_environment() -> Paths:
    """Paths under `CLAUDE_CONFIG_DIR`, or `~/.claude` where that is unset or empty."""
    claude_dir = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".claude")
    return Paths(os.path.abspath(claude_dir))
