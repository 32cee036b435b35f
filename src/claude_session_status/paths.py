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
        self.history = os.path.join(self.folder, "history.duckdb")
        self.history_lock = os.path.join(self.folder, "history.lock")
        self.spool = os.path.join(self.folder, "spool")
        self.config = os.path.join(self.folder, "config.toml")
        self.keep_warm = os.path.join(self.folder, "keep-warm")
        self.keep_warm_versions = os.path.join(self.folder, "keep-warm-versions.json")
        self.mods = os.path.join(self.folder, "mods")
        self.statusline = os.path.join(self.folder, "statusline")
        self.monitor_alive = os.path.join(self.folder, "monitor.alive")
        self.wake = os.path.join(self.folder, "wake")
        self.ingest_lock = os.path.join(self.folder, "ingest.lock")
        self.prices = os.path.join(self.folder, "prices.json")
        self.pause = os.path.join(self.folder, "paused-until")
        self.alert_result = os.path.join(self.folder, "on-alert.json")
        self.alert_lock = os.path.join(self.folder, "on-alert.lock")
        self.hosts = os.path.join(self.folder, "hosts.json")
        self.hosts_retry = os.path.join(self.folder, "hosts.retry")
        self.hosts_lock = os.path.join(self.folder, "hosts.lock")
        self.tray_lock = os.path.join(self.folder, "tray.lock")
        self.log = os.path.join(self.folder, "log")


def from_environment() -> Paths:
    """Paths under `CLAUDE_CONFIG_DIR`, or `~/.claude` where that is unset or empty. Raises NoHomeError."""
    claude_dir = os.environ.get("CLAUDE_CONFIG_DIR")
    if not claude_dir:
        home = os.path.expanduser("~")
        if not os.path.isabs(home):  # taken as it is, that would be a folder in the user's project
            from claude_session_status.errors import NoHomeError  # noqa: PLC0415 - hooks import this module

            raise NoHomeError("No home folder is known", "Set HOME or CLAUDE_CONFIG_DIR")
        claude_dir = os.path.join(home, ".claude")
    return Paths(os.path.abspath(claude_dir))
