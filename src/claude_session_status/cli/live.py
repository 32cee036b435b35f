"""What `watch` and `status --follow` share: a monitor in its own thread, and a queue that the main thread waits for.

A signal must never interrupt the monitor's work with the database, so the main thread only waits. A queue is the one
thing that a signal handler may touch safely.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from queue import Empty, SimpleQueue
from typing import IO

from claude_session_status.cli.keys import Key
from claude_session_status.monitor import Listener, Monitor
from claude_session_status.signals import ENDING, handling

if sys.platform != "win32":
    import termios

# How often a waiting main thread looks for what no signal reports: a closed terminal. On Windows, Ctrl-C as well.
LOOK_SECONDS = 0.2 if sys.platform == "win32" else 1.0

END_SECONDS = 2.0
STUCK_SECONDS = 5  # a whole number, for alarm()


class TerminalEvent(Enum):
    """What signals report to the main thread."""

    END = "end"
    RESIZED = "resized"
    SUSPENDED = "suspended"
    RESUMED = "resumed"


Events = SimpleQueue[TerminalEvent | Key | BaseException]

_EVENT_OF_SIGNAL = {
    **dict.fromkeys(ENDING, TerminalEvent.END),
    "SIGWINCH": TerminalEvent.RESIZED,
    "SIGTSTP": TerminalEvent.SUSPENDED,
    "SIGCONT": TerminalEvent.RESUMED,
}


def next_event(events: Events, output: IO[str], has_ended: Callable[[], bool] | None = None) -> TerminalEvent | Key:
    """Wait for the next event and return it. Raise it where it is an error.

    END when nobody reads `output` any more, or when `has_ended` says so.

    SIGHUP does not always arrive: it can be ignored, or sent to a thread that is slow to notice. So look at the
    terminal itself as well.
    """
    while True:
        with suppress(Empty):
            event = events.get(timeout=LOOK_SECONDS)
            if isinstance(event, BaseException):
                raise event
            return event
        if has_no_reader(output) or (has_ended is not None and has_ended()):
            return TerminalEvent.END


def has_no_reader(output: IO[str]) -> bool:
    """Whether the terminal of `output` was closed, or the reader of its pipe has left. Always False on Windows."""
    if sys.platform == "win32":
        return False
    poll = select.poll()
    poll.register(output.fileno(), 0)
    return any(found & (select.POLLHUP | select.POLLERR) for _, found in poll.poll(0))


def suspend() -> None:
    """Stop this process until the shell continues it, as Ctrl-Z does in a program without a handler."""
    if sys.platform != "win32":
        os.kill(os.getpid(), signal.SIGSTOP)


@contextmanager
def running(monitor: Monitor, listener: Listener, on_error: Callable[[BaseException], object]) -> Iterator[None]:
    """Run `monitor` with `listener` in a thread until the end of the context; pass what it raises to `on_error`.

    A listener that blocks, because nobody reads what it writes, is left behind at the end.
    """
    stop = threading.Event()

    def run() -> None:
        try:
            monitor.run(stop, listener)
        except BaseException as error:  # raised again in the main thread
            on_error(error)

    thread = threading.Thread(target=run, name="monitor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        monitor.wake()
        thread.join(END_SECONDS)


@contextmanager
def signal_events(
    put: Callable[[TerminalEvent], object], *, with_suspension: bool = False, terminal: IO[str] | None = None
) -> Iterator[None]:
    """Put an event for each signal. `with_suspension`: also for Ctrl-Z, upon which the caller must `suspend`.

    `terminal`: where the caller draws; it can't keep this process from ending, even if it takes no output.
    """
    names = [*ENDING, "SIGWINCH", *(("SIGTSTP", "SIGCONT") if with_suspension else ())]
    with _letting_end(terminal) as let_end:

        def handle(name: str) -> None:
            event = _EVENT_OF_SIGNAL[name]
            if event is TerminalEvent.END:
                let_end()
            put(event)

        with handling(names, handle):
            yield


@contextmanager
def _letting_end(terminal: IO[str] | None) -> Iterator[Callable[[], None]]:
    """Yield what a signal handler calls so that the process ends although the terminal takes no output.

    The reason may be a Ctrl-S, which is undone. If that is not enough, the process restores the terminal's mode after
    STUCK_SECONDS and ends, whatever it waits for.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if sys.platform == "win32" or not is_main or terminal is None or not terminal.isatty():
        yield lambda: None
        return
    descriptor = terminal.fileno()
    before = termios.tcgetattr(descriptor)

    def leave(*_: object) -> None:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)  # does not wait for the output, as others do
        os._exit(1)

    def let_end() -> None:
        signal.alarm(STUCK_SECONDS)
        with suppress(OSError, termios.error):
            if os.tcgetpgrp(descriptor) == os.getpgrp():  # in the background this would stop the process
                termios.tcflow(descriptor, termios.TCOOFF)  # on Linux the second undoes only the first
                termios.tcflow(descriptor, termios.TCOON)

    previous = signal.signal(signal.SIGALRM, leave)
    try:
        yield let_end
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
