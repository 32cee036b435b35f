"""Sessions on other machines: reads what our program there prints, over the user's own ssh, docker, podman or wsl."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from claude_session_status.paths import Paths

if TYPE_CHECKING:
    from claude_session_status.remote.holder import HostConnections


def connections(paths: Paths, wake: Callable[[], object]) -> "HostConnections":
    """Return what connects to the hosts of the settings. It is imported now: most users have no such host."""
    from claude_session_status.remote.holder import HostConnections  # noqa: PLC0415 - as above

    return HostConnections(paths, wake)
