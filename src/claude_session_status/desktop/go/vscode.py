"""VS Code: its extension opens a session by URL; the window of a terminal in it is found by its folder.

Written after https://code.claude.com/docs/en/vs-code, not run.
"""

import os
from collections.abc import Collection

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab

EXTENSION = "claude-vscode"  # the entrypoint of sessions in the extension's own panel
ADVICE = "VS Code lets no other program choose a terminal"


def session_url(session_id: str) -> str:
    """The URL that shows the session in the extension."""
    return f"vscode://anthropic.claude-code/open?session={session_id}"


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:  # noqa: ARG001 - needs none
    """Ask for the window with the session's folder; its terminal can't be chosen."""
    inside = place.value("TERM_PROGRAM", "vscode") and any(
        up.name == "code" and up.pid in believed for up in place.chain
    )
    if not inside:
        return None
    folder = place.value("PWD", r"/[^\x00-\x1f]{1,4095}")
    if folder is not None and os.path.isdir(folder):
        edge.run("code", "--", folder)
    return Tab(is_chosen=False, advice=ADVICE)
