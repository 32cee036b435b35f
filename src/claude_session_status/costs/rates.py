"""List prices, as the history keeps them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per token."""

    input: float
    write_5m: float
    write_1h: float
    read: float
    output: float
