"""kitty: its remote control, straight over the socket. `kitten @` does the same in a second.

https://sw.kovidgoyal.net/kitty/rc_protocol/
"""

import json
from collections.abc import Collection

from claude_session_status.desktop.go.edge import Edge
from claude_session_status.desktop.go.place import Place
from claude_session_status.desktop.go.tab import Tab

ADVICE = "To reach the tab, too: add `allow_remote_control socket-only` and `listen_on unix:@kitty` to kitty.conf"
_PROTOCOL = [0, 14, 2]  # the oldest kitty that understands the command
_BEGIN, _END = b"\x1bP@kitty-cmd", b"\x1b\\"


def choose_tab(place: Place, believed: Collection[int], edge: Edge, token: str | None) -> Tab | None:  # noqa: ARG001 - needs none
    """Focus the session's kitty window, with its tab."""
    window, pid = place.value("KITTY_WINDOW_ID", r"[0-9]{1,9}"), place.number("KITTY_PID")
    if window is None or pid not in believed:
        return None
    address = place.value("KITTY_LISTEN_ON", r"unix:(@[\w.-]{1,100}|/[^\x00-\x1f]{1,107})")
    if address is None:
        return Tab(is_chosen=False, advice=ADVICE)
    connection = edge.connect(address.removeprefix("unix:"))
    if connection is None:
        return Tab(is_chosen=False, advice=ADVICE)
    with connection:
        if connection.pid != pid:
            return None
        command = {"cmd": "focus-window", "version": _PROTOCOL, "payload": {"match": f"id:{window}"}}
        connection.send(_BEGIN + json.dumps(command).encode() + _END)
        reply = connection.read(lambda data: data.endswith(_END))
    return Tab(is_chosen=is_ok(reply), advice=ADVICE)


def is_ok(reply: bytes | None) -> bool:
    """Whether kitty's reply says that the command worked."""
    if reply is None or not reply.startswith(_BEGIN):
        return False
    try:
        return json.loads(reply[len(_BEGIN) : -len(_END)]).get("ok") is True
    except (ValueError, AttributeError):
        return False
