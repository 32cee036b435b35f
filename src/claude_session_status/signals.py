"""Signal handlers for the time of a `with` block."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # what ends a program, on any platform


@contextmanager
def handling(handlers: Mapping[str, Callable[[], object]]) -> Iterator[None]:
    """Call the handler of a signal, by its name, when it comes. Puts the old handlers back afterwards.

    Signals that this platform does not have are left out, and one that was ignored stays ignored: `nohup` means it.
    Only the main thread may handle signals; in any other this does nothing. A handler may interrupt any line of the
    main thread: of all queues and locks it may safely touch only a `queue.SimpleQueue`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, _calling(handler))
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _calling(handler: Callable[[], object]) -> Callable[[int, object], None]:
    def call(_number: int, _frame: object) -> None:
        handler()

    return call
