"""macOS: a LaunchAgent, which launchd reads at the next login."""

import os
import plistlib
from typing import Any

from claude_session_status.desktop.autostart.base import SIGNATURE, AutostartOutcome, OneFile, Start, Switch

LABEL = "claude-session-status.tray"
_HEAD = b'<plist version="1.0">'


class LaunchAgent(Switch):
    """The agent's file in `folder`."""

    def __init__(self, folder: str, start: Start) -> None:
        self._file = OneFile(os.path.join(folder, f"{LABEL}.plist"), lambda: agent_of(start))

    @property
    def place(self) -> str:
        """The file's path."""
        return self._file.path

    def is_on(self) -> bool:
        """Whether the file is there, and not switched off in it."""
        agent = self._agent()
        return agent is not None and agent.get("Disabled") is not True

    def command(self) -> tuple[str, ...] | None:
        """What the agent starts."""
        words = (self._agent() or {}).get("ProgramArguments")
        return tuple(map(str, words)) if isinstance(words, list) else None

    def put(self, on: bool) -> AutostartOutcome:  # noqa: FBT001 - a switch has two positions
        """Write the file, or remove it."""
        return self._file.put(on)

    def _agent(self) -> dict[str, Any] | None:
        content = self._file.read_ours()
        try:
            agent = plistlib.loads(content) if content is not None else None
        except Exception:  # plistlib raises what its parsers raise
            return None
        return agent if isinstance(agent, dict) else None


def agent_of(start: Start) -> bytes:
    """The property list. It runs in the user's graphical session only, and does not restart after Quit."""
    agent: dict[str, Any] = {
        "Label": LABEL,
        "ProgramArguments": list(start.words),
        "RunAtLoad": True,
        "LimitLoadToSessionType": "Aqua",
        "ProcessType": "Interactive",
    }
    if start.environment:
        agent["EnvironmentVariables"] = dict(start.environment)
    return plistlib.dumps(agent).replace(_HEAD, f"<!-- {SIGNATURE} -->\n".encode() + _HEAD, 1)
