"""Windows on Hyprland, over its socket: https://wiki.hypr.land/IPC/. Written after its documentation, not run."""

import json
import re
from collections.abc import Mapping

from claude_session_status.desktop.go.compositor import Compositor
from claude_session_status.desktop.go.window import Window

_ADDRESS = re.compile(r"0x[0-9a-f]{1,16}")


def socket_of(environ: Mapping[str, str]) -> str | None:
    """The socket of the Hyprland that the environment names; None where it names none."""
    instance, runtime = environ.get("HYPRLAND_INSTANCE_SIGNATURE", ""), environ.get("XDG_RUNTIME_DIR", "")
    if not runtime or re.fullmatch(r"[0-9A-Za-z_]{1,100}", instance) is None:
        return None
    return f"{runtime}/hypr/{instance}/.socket.sock"


class Hyprland(Compositor):
    """The windows of the Hyprland that serves the socket at `path`."""

    name = "Hyprland"

    def windows(self) -> tuple[Window, ...] | None:
        """All windows."""
        try:
            rows = json.loads(self._ask("j/clients") or b"")
        except ValueError:
            return None
        if not isinstance(rows, list):
            return None
        return tuple(
            Window(str(row.get("address")), row["pid"], str(row.get("title") or ""), row.get("focusHistoryID") == 0)
            for row in rows
            if isinstance(row, dict) and isinstance(row.get("pid"), int)
        )

    def activate(self, window: Window) -> bool:
        """Focus the window. Only an address goes into the command: Hyprland would read other text as commands."""
        if _ADDRESS.fullmatch(window.id) is None:
            return False
        return self._ask(f"dispatch focuswindow address:{window.id}") == b"ok"

    def _ask(self, request: str) -> bytes | None:
        connection = self._edge.connect(self._path)
        if connection is None:
            return None
        with connection:
            connection.send(request.encode())
            return connection.read_to_end()
