"""Windows on niri, over its socket. Written after its documentation, not run.

https://yalter.github.io/niri/IPC.html
"""

import json
from typing import Any

from claude_session_status.desktop.go.compositor import Compositor
from claude_session_status.desktop.go.window import Window


class Niri(Compositor):
    """The windows of the niri that serves the socket at `path`."""

    name = "niri"

    def windows(self) -> tuple[Window, ...] | None:
        """All windows."""
        rows = self._ask("Windows").get("Windows")
        if not isinstance(rows, list):
            return None
        return tuple(
            Window(str(row.get("id")), row.get("pid"), str(row.get("title") or ""), row.get("is_focused") is True)
            for row in rows
            if isinstance(row, dict) and isinstance(row.get("pid"), int)
        )

    def activate(self, window: Window) -> bool:
        """Focus the window."""
        return window.id.isdecimal() and bool(self._ask({"Action": {"FocusWindow": {"id": int(window.id)}}}))

    def _ask(self, request: Any) -> dict[str, Any]:
        """The content of the reply; empty when there is none, `{"Handled": True}` where it says only that."""
        connection = self._edge.connect(self._path)
        if connection is None:
            return {}
        with connection:
            connection.send(json.dumps(request).encode() + b"\n")
            reply = connection.read(lambda data: data.endswith(b"\n"))
        try:
            content = json.loads(reply or b"").get("Ok", {})
        except (ValueError, AttributeError):
            return {}
        return content if isinstance(content, dict) else {str(content): True}
