"""What `watch` and `status --follow` are made of: a monitor in a thread of its own, and a queue of what they wait for.

A signal must never break into the monitor's work with the database, so the main thread only waits. A queue is the one
thing that a signal handler may touch safely.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from queue import Empty, SimpleQueue
from typing import TypeVar

from claude_session_status.monitor import Listener, Monitor

# A wait without an end is deaf to Ctrl-C on Windows.
LONGEST_WAIT_SECONDS = 0.2 if sys.platform == "win32" else None

END_SECONDS = 2.0

T = TypeVar("T")


class News(Enum):
    """What signals tell the main thread."""

    END = "end"
    RESIZED = "resized"
    SUSPENDED = "suspended"
    RESUMED = "resumed"


def next_of(news: "SimpleQueue[T]") -> T:
    """Wait for the next news. An error that ended the monitor is raised."""
    while True:
        with suppress(Empty):
            heard = news.get(timeout=LONGEST_WAIT_SECONDS)
            if isinstance(heard, BaseException):
                raise heard
            return heard


def suspend() -> None:
    """Stop this process until a shell goes on with it, as Ctrl-Z does where nobody catches it."""
    if sys.platform != "win32":
        os.kill(os.getpid(), signal.SIGSTOP)


@contextmanager
def running(monitor: Monitor, listener: Listener, fail: Callable[[BaseException], None]) -> Iterator[None]:
    """Have `monitor` tell `listener`, in a thread; what either raises is given to `fail`. At the end it is stopped.

    A listener that writes to somebody who does not read is left behind then.
    """
    stop = threading.Event()

    def watch() -> None:
        try:
            monitor.run(stop, listener)
        except BaseException as error:  # handed over to the main thread
            fail(error)

    watching = threading.Thread(target=watch, name="monitor", daemon=True)
    watching.start()
    try:
        yield
    finally:
        stop.set()
        monitor.wake()
        watching.join(END_SECONDS)


@contextmanager
def signals(tell: Callable[[News], None], *, with_suspension: bool = False) -> Iterator[None]:
    """Tell what signals mean. `with_suspension`: also Ctrl-Z, upon which the listener must `suspend` the process."""
    meanings = {signal.SIGINT: News.END, signal.SIGTERM: News.END}
    if sys.platform != "win32":
        meanings |= {signal.SIGHUP: News.END, signal.SIGWINCH: News.RESIZED}
        if with_suspension:
            meanings |= {signal.SIGTSTP: News.SUSPENDED, signal.SIGCONT: News.RESUMED}
    else:
        meanings |= {signal.SIGBREAK: News.END}  # Ctrl-Break, or its window was closed

    def hear(number: int, _frame: object) -> None:
        tell(meanings[signal.Signals(number)])

    previous = {number: signal.signal(number, hear) for number in meanings}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
