"""Windows on KDE's Wayland session: a script in KWin lists them, and another brings one to the front.

KWin gives no other program the list. A script may call a method on D-Bus, so it calls us with what it found.
https://develop.kde.org/docs/plasma/kwin/api/
"""

import contextlib
import json
import os
import re
import tempfile
import time
from typing import Any

from claude_session_status.desktop.go.edge import SECONDS, Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.window import Window
from claude_session_status.desktop.linux.bus import Body, BusError, Call, Target

SERVICE = "org.kde.KWin"
_SCRIPTING = "org.kde.kwin.Scripting"
_SCRIPT = "org.kde.kwin.Script"
_REPORT = ("/GoToSession", "io.github.claude_session_status.Windows", "Report")
_ID = re.compile(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}")

# Plasma 6 calls it windowList and activeWindow, Plasma 5 clientList and activeClient.
_LIST = """
var all = workspace.windowList ? workspace.windowList() : workspace.clientList();
var active = workspace.activeWindow !== undefined ? workspace.activeWindow : workspace.activeClient;
var found = [];
for (var i = 0; i < all.length; i++)
    if (all[i].normalWindow)
        found.push([String(all[i].internalId), all[i].pid, String(all[i].caption), all[i] === active,
                    all[i].demandsAttention === true]);
"""
_ACTIVATE = """
for (var i = 0; i < all.length; i++)
    if (String(all[i].internalId) === ID) {
        if (workspace.activeWindow !== undefined) workspace.activeWindow = all[i];
        else workspace.activeClient = all[i];
        found = [[ID, all[i].pid, "", true, false]];
    }
"""


class KWin:
    """The windows of KWin, through the session bus."""

    name = "KWin"
    lists_all = True

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def close(self) -> None:
        """Nothing stays open."""

    def windows(self) -> tuple[Window, ...] | None:
        """All windows."""
        return parse(self._run(_LIST))

    def window_named(self, place: Place) -> str | None:  # noqa: ARG002 - no variable names a window
        """None: there is no such variable on Wayland."""
        return None

    def activate(self, window: Window) -> bool:
        """Activate the window, on whichever desktop it is."""
        if _ID.fullmatch(window.id) is None:
            return False
        done = parse(self._run(_LIST + f"var ID = {json.dumps(window.id)};" + _ACTIVATE))
        return done is not None and any(w.id == window.id and w.is_active for w in done)

    def _run(self, script: str) -> str | None:
        """Run the script, and return the text that it reports; None when it does not report in time."""
        bus = self._edge.bus
        if bus is None:
            return None
        to = ", ".join(json.dumps(word) for word in (bus.unique_name, *_REPORT))
        name = f"claude-session-status-{os.getpid()}-{time.monotonic_ns()}"
        reports: list[str] = []

        def on_call(call: Call) -> tuple[str, Body]:
            if (call.path, call.interface, call.member) != _REPORT or not call.body:
                raise LookupError(call.member)
            reports.append(str(call.body[0]))
            return "", ()

        with tempfile.NamedTemporaryFile("w", prefix="claude-session-status-", suffix=".js", encoding="utf-8") as file:
            file.write(f"{script}\ncallDBus({to}, JSON.stringify(found));\n")
            file.flush()
            loaded = self._edge.ask(Target(SERVICE, "/Scripting", _SCRIPTING), "loadScript", "ss", (file.name, name))
            if not loaded or not isinstance(loaded[0], int) or loaded[0] < 0:
                return None
            with contextlib.suppress(BusError):
                for path in (f"/Scripting/Script{loaded[0]}", f"/{loaded[0]}"):  # Plasma 6, Plasma 5
                    bus.call(Target(SERVICE, path, _SCRIPT), "run")
                deadline = time.monotonic() + SECONDS
                while not reports and (left := deadline - time.monotonic()) > 0:
                    bus.pump(left, on_call=on_call)
        with contextlib.suppress(BusError):
            bus.call(Target(SERVICE, "/Scripting", _SCRIPTING), "unloadScript", "s", (name,))
        return reports[0] if reports else None


def parse(report: str | None) -> tuple[Window, ...] | None:
    """The windows in the script's report; None where there is none."""
    try:
        rows: Any = json.loads(report or "")
        return tuple(
            Window(str(number), int(pid), str(title), active is True, attention is True)
            for number, pid, title, active, attention in rows
        )
    except (ValueError, TypeError):
        return None
