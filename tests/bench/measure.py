"""Times cases side by side: each round runs every case once, so that other load on the machine affects all of them.

The order rotates by one in each round, so that no case always runs after the heaviest. Only medians are compared.
Preparing and checking a case is outside its time.
"""

import os
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Case:
    """One case. `before` and `after` run each time and are not timed; `after` checks that the work was done."""

    name: str
    run: Callable[[], object]
    before: Callable[[], object] = _nothing
    after: Callable[[], object] = _nothing


def interleaved(cases: Sequence[Case], rounds: int, warm_up: int = 2) -> dict[str, float]:
    """The median of each case in milliseconds, by its name, over `rounds`; the first `warm_up` more are thrown away."""
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(-warm_up, rounds):
        turn = number % len(cases)
        for case in (*cases[turn:], *cases[:turn]):
            case.before()
            began = time.perf_counter()
            case.run()
            took = time.perf_counter() - began
            case.after()
            if number >= 0:
                times[case.name].append(took * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


class Call:
    """A program that runs to its end with the same input each time, started as cheaply as Python can.

    Standard input and stderr are files, not pipes: copying bytes would be our work, not the program's.
    """

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], folder: Path, given: bytes = b"", *, fails: bool = False
    ) -> None:
        self.argv = list(argv)
        self._codes = (0, 1) if fails else (0,)  # `fails`: it may find something wrong
        self.env = dict(env)
        folder.mkdir(parents=True, exist_ok=True)
        self._input = folder / "input"
        self._complaints = folder / "complaints"
        self.give(given)

    def give(self, given: bytes) -> None:
        """Set the standard input of the next calls."""
        self._input.write_bytes(given)

    def all_at_once(self, count: int) -> None:
        """Run it `count` times at once. Raises RuntimeError when one fails."""
        given = [self._input.open("rb") for _ in range(count)]
        with self._complaints.open("wb") as complaints:
            running = [
                subprocess.Popen(self.argv, env=self.env, stdin=each, stdout=subprocess.DEVNULL, stderr=complaints)
                for each in given
            ]
            codes = {process.wait() for process in running}
        for each in given:
            each.close()
        if codes != {0}:
            raise RuntimeError(f"{self.argv} failed with {codes}: {self.complaints()}")

    def __call__(self) -> None:
        """Run it. Raises RuntimeError when it fails."""
        with self._input.open("rb") as given, self._complaints.open("wb") as complaints:
            code = subprocess.Popen(
                self.argv, env=self.env, stdin=given, stdout=subprocess.DEVNULL, stderr=complaints
            ).wait()
        if code != 0:
            raise RuntimeError(f"{self.argv} failed with {code}: {self.complaints()}")

    def processor_ms(self) -> float:
        """Run it, and return its processor time in milliseconds, with its children's. Raises RuntimeError."""
        with self._input.open("rb") as given, self._complaints.open("wb") as complaints:
            process = subprocess.Popen(
                self.argv, env=self.env, stdin=given, stdout=subprocess.DEVNULL, stderr=complaints
            )
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in self._codes:
            raise RuntimeError(f"{self.argv} failed with {process.returncode}: {self.complaints()}")
        return (used.ru_utime + used.ru_stime) * 1000

    def complaints(self) -> str:
        """What the last run printed on stderr."""
        return self._complaints.read_text("utf-8", "replace")

    def must_be_silent(self) -> None:
        """Raise RuntimeError when the last run printed on stderr: it did not do its work."""
        if text := self.complaints():
            raise RuntimeError(f"{self.argv} complained: {text}")


def processor_times(calls: Mapping[str, Call], rounds: int, warm_up: int = 1) -> dict[str, float]:
    """The median processor time of each call in milliseconds, by its name. The calls take turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for number in range(-warm_up, rounds):
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            took = calls[name].processor_ms()
            if number >= 0:
                times[name].append(took)
    return {name: statistics.median(values) for name, values in times.items()}


_COUNTED = ("stat", "open", "read", "listdir", "scandir", "utime", "readlink", "unlink", "rename", "mkdir")


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Count the file system calls that Python code makes through `os` within the context."""
    counts: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            counts[name] += 1
            return real(*args, **options)

        return call

    real = {name: getattr(os, name) for name in _COUNTED}
    try:
        for name, function in real.items():
            setattr(os, name, counting(name, function))
        yield counts
    finally:
        for name, function in real.items():
            setattr(os, name, function)
