"""Signal handlers, put back afterwards: shared by the tray and by the commands that run until something ends them."""

import functools
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # each platform has some of them


@contextmanager
def handling(names: Iterable[str], handle: Callable[[str], object]) -> Iterator[None]:
    """Call `handle` with the name of each of these signals that arrives, until the end of the context.

    `handle` interrupts the main thread anywhere, so it may do little more than put something into a SimpleQueue. A
    signal that is ignored stays ignored, as nohup wants it. Does nothing in another thread than the main one.
    """
    previous = {}
    if threading.current_thread() is threading.main_thread():
        for name in names:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                previous[number] = signal.signal(number, functools.partial(_call, handle, name))
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _call(handle: Callable[[str], object], name: str, *_: object) -> None:
    handle(name)
