"""How long a line was on its way. Pure.

Nobody knows how far the two clocks are apart, so the delay of a single line can't be measured. But the line that was on
its way for the shortest time shows the smallest difference between receipt and sending: what another line has beyond
that is its delay. So a line that was held up never lengthens a countdown.
"""

# Clocks drift apart: the smallest difference may grow by this much a second. No clock is slewed faster than this.
LARGEST_DRIFT = 0.0005


class Delay:
    """The delays of the lines of one connection, which come in the order in which they were sent."""

    def __init__(self) -> None:
        self._smallest = 0.0
        self._received: float | None = None
        self._sent = 0.0

    def of(self, received: float, sent: float) -> float:
        """Return the delay in seconds of a line that was `received` by our clock, and `sent` by the other one.

        `received` is of a clock that nobody sets and that goes on while the machine sleeps.
        """
        difference = received - sent
        if self._received is None or sent < self._sent:  # or the clock there was set back
            self._smallest = difference
        else:
            grown = self._smallest + LARGEST_DRIFT * (received - self._received)
            self._smallest = min(grown, difference)
        self._received, self._sent = received, sent
        return difference - self._smallest
