"""When to try again to connect. Pure."""

from claude_session_status.model import HostConnection

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
STEADY_SECONDS = 60.0  # a connection that lasted so long was a good one: the next try comes soon


def failures_after(failures: int, lasted_seconds: float | None) -> int:
    """Return how many tries have failed in a row after one that was connected for `lasted_seconds`; None: never."""
    return 1 if lasted_seconds is not None and lasted_seconds >= STEADY_SECONDS else failures + 1


def wait_seconds(failures: int, connection: HostConnection, chance: float) -> float:
    """Return the wait before the next try after so many failed ones. `chance`, from 0 to 1, spreads many hosts' tries.

    A machine that refuses us is asked rarely: some servers block a client after five refusals in ten minutes.
    """
    if connection is HostConnection.REFUSED:
        return LONGEST_SECONDS
    whole = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 16))
    return whole * (1.0 - 0.2 * chance)


def retries_at_once(connection: HostConnection) -> bool:
    """Whether sleep that is over, or another network, is a reason to try again now."""
    return connection is not HostConnection.REFUSED
