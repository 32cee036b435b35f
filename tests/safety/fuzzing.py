"""What the fuzzers share: how many inputs they try, and a seed for each, so that a failure can be repeated.

    pytest tests/safety -k fuzz                       a second's worth of each, as in CI
    pytest tests/safety -k fuzz --fuzz full -n 0 -s   the full sizes: an hour
    pytest tests/safety -k fuzz --fuzz 5000 --fuzz-seed 3

The seed of an input is made of `--fuzz-seed` and the input's number, and is named when the input fails.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Fuzz:
    """The size that was asked for (None: small; `full`; a number), and the seed."""

    def __init__(self, asked: str | None, seed: int) -> None:
        self._asked = asked
        self._seed = seed
        self._case = ""
        self._began = time.monotonic()

    def size(self, small: int, full: int) -> int:
        """How many inputs to try."""
        if self._asked is None:
            return small
        return full if self._asked == "full" else int(self._asked)

    def cases(self, count: int) -> Iterator[random.Random]:
        """A source of random values for each of `count` inputs."""
        for number in range(count):
            yield self.case(number)

    def case(self, number: int) -> random.Random:
        """The source of random values for one input."""
        self._case = f"{self._seed}:{number}"
        return random.Random(self._case)

    @contextmanager
    def naming(self, describe: Callable[[], str] = str) -> Iterator[None]:
        """Name the input in whatever is raised within the context."""
        try:
            yield
        except Exception as error:
            raise AssertionError(f"input {self._case}: {describe()[:2000]}: {error}") from error

    def report(self, what: str) -> None:
        """Print what was tried, and how long it took (shown with `-s`)."""
        print(f"\n{what}: {time.monotonic() - self._began:.0f} s", flush=True)
