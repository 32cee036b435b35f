"""Windows on sway, over its socket: https://man.archlinux.org/man/sway-ipc.7"""

import glob
import json
import os
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from claude_session_status.desktop.go.compositor import Compositor
from claude_session_status.desktop.go.window import Window

_MAGIC = b"i3-ipc"
_HEAD = struct.Struct("=6sII")  # magic, length, type
_RUN_COMMAND, _GET_TREE = 0, 4


def socket_of(environ: Mapping[str, str]) -> str | None:
    """The socket that SWAYSOCK names, else the newest one in the runtime folder; None where there is none."""
    if environ.get("SWAYSOCK"):
        return environ["SWAYSOCK"]
    runtime = environ.get("XDG_RUNTIME_DIR")
    if not runtime or not environ.get("WAYLAND_DISPLAY"):
        return None
    found = glob.glob(f"{glob.escape(runtime)}/sway-ipc.{os.getuid()}.*.sock")
    return max(found, key=lambda path: os.lstat(path).st_mtime, default=None)


class Sway(Compositor):
    """The windows of the sway that serves the socket at `path`."""

    name = "sway"

    def windows(self) -> tuple[Window, ...] | None:
        """All windows."""
        tree = self._ask(_GET_TREE)
        return None if tree is None else tuple(views(tree))

    def activate(self, window: Window) -> bool:
        """Focus the window, on whichever workspace it is."""
        if re.fullmatch(r"[0-9]{1,15}", window.id, re.ASCII) is None:
            return False
        done = self._ask(_RUN_COMMAND, f"[con_id={window.id}] focus")
        return isinstance(done, list) and all(isinstance(d, dict) and d.get("success") is True for d in done)

    def _ask(self, kind: int, text: str = "") -> Any:  # JSON
        connection = self._edge.connect(self._path)
        if connection is None:
            return None
        with connection:
            payload = text.encode()
            connection.send(_HEAD.pack(_MAGIC, len(payload), kind) + payload)
            reply = connection.read(_is_whole)
        if reply is None or not reply.startswith(_MAGIC):
            return None
        try:
            return json.loads(reply[_HEAD.size :])
        except ValueError:
            return None


def _is_whole(data: bytes) -> bool:
    return len(data) >= _HEAD.size and len(data) >= _HEAD.size + _HEAD.unpack_from(data)[1]


def views(node: Any) -> Iterator[Window]:
    """The windows in a tree of containers, as GET_TREE describes them."""
    if not isinstance(node, dict):
        return
    if isinstance(node.get("pid"), int):
        title, urgent = str(node.get("name") or ""), node.get("urgent") is True
        yield Window(str(node.get("id")), node["pid"], title, node.get("focused") is True, urgent)
    for child in (*(node.get("nodes") or ()), *(node.get("floating_nodes") or ())):
        yield from views(child)
