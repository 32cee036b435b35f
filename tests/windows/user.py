"""A user on that Windows: a home folder, Claude Code's folder in it, and the installed product."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from windows.wine import Done, Running, Wine


class User:
    """The user with this name."""

    def __init__(self, wine: Wine, name: str) -> None:
        self.wine = wine
        self.home = wine.drive / "users" / name
        shutil.rmtree(self.home, ignore_errors=True)
        self.claude = self.home / ".claude"
        self.folder = self.claude / "claude-session-status"
        self.settings = self.claude / "settings.json"
        self.project = self.home / "My Projects" / "my-app"
        self.project.mkdir(parents=True)
        self.claude.mkdir()
        self.env = {"USERPROFILE": self.windows_path(self.home), "CLAUDE_CONFIG_DIR": self.windows_path(self.claude)}

    @property
    def windows_path_of_program(self) -> str:
        return self.windows_path(Path(self.wine.program))

    def windows_path(self, path: Path) -> str:
        return self.wine.windows_path(path)

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
        """Run the installed command, the .exe that pip made."""
        return self.wine.run(
            self.wine.program, *arguments, stdin=stdin, env={**self.env, **(env or {})}, cwd=self.project
        )

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> Running:
        return self.wine.start(self.wine.program, *arguments, env={**self.env, **(env or {})}, cwd=self.project)

    def python(self, *arguments: str, stdin: bytes = b"") -> Done:
        return self.wine.run(self.wine.python, *arguments, stdin=stdin, env=self.env, cwd=self.project)

    def mark(self, command: str, *, env: Mapping[str, str] | None = None, **fields: Any) -> Done:
        """Call a hook as Claude Code does."""
        payload = {"session_id": "s1", "cwd": self.windows_path(self.project), **fields}
        return self.run(command, stdin=json.dumps(payload).encode(), env=env)

    def status(self, *options: str) -> list[dict[str, Any]]:
        done = self.run("status", "--json", *options)
        assert done.code == 0, done.complaint
        sessions: list[dict[str, Any]] = json.loads(done.out.decode("utf-8"))["sessions"]
        return sessions

    def notes(self) -> list[Path]:
        return sorted((self.folder / "spool").glob("*.json"))

    def touch_heartbeat(self) -> None:
        """Touch the heartbeat: valid for ten seconds."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "monitor.alive").touch()
