"""Ends keeping sessions warm where no monitor runs to do it: after each ingest of hooks' and status lines' notes.

A ping and a turn both change the client's status line, which notes what is used of the five-hour window. So the limit
holds also for those who use neither the tray nor `watch`.
"""

import time

from claude_session_status.heartbeat import monitor_runs
from claude_session_status.keep_warm_orders import Orders
from claude_session_status.paths import Paths


def look(paths: Paths) -> bool:
    """Take in what pings did, and take back the orders that have to end; return whether there was anything to do."""
    if not Orders(paths.keep_warm).all() or monitor_runs(paths.monitor_alive, time.time()):
        return False
    from claude_session_status.monitor import Monitor  # noqa: PLC0415 - only where a session is kept warm

    Monitor(paths, alerts=False, logs=False).look()
    return True
