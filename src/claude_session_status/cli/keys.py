"""Keys as they are pressed, without Enter, while a table is being drawn by another thread.

The terminal keeps doing what it does with output and with Ctrl-C: only the waiting for Enter and the echo are off
(click.getchar and its like switch all of it off, which breaks what is drawn meanwhile). Nothing is read where standard
input is no terminal.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

Heard = Callable[["Key"], None]


class Key(Enum):
    """The keys that mean something."""

    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    FIRST = "home"
    LAST = "end"
    MUTE = "m"
    OPEN = "o"
    COPY = "c"
    SORT = "s"
    QUIT = "q"


_ESCAPE = b"\x1b"
_SEQUENCE_SECONDS = 0.05  # what a key sends comes at once: an Esc that nothing follows was pressed as such

_MEANINGS = {
    b"\x1b[A": Key.UP,
    b"\x1bOA": Key.UP,  # where the terminal is in application mode
    b"\x1b[B": Key.DOWN,
    b"\x1bOB": Key.DOWN,
    b"\x1b[5~": Key.PAGE_UP,
    b"\x1b[6~": Key.PAGE_DOWN,
    **dict.fromkeys((b"\x1b[H", b"\x1bOH", b"\x1b[1~", b"\x1b[7~"), Key.FIRST),
    **dict.fromkeys((b"\x1b[F", b"\x1bOF", b"\x1b[4~", b"\x1b[8~"), Key.LAST),
    b"\xe0H": Key.UP,  # as the console of Windows has them
    b"\xe0P": Key.DOWN,
    b"\xe0I": Key.PAGE_UP,
    b"\xe0Q": Key.PAGE_DOWN,
    b"\xe0G": Key.FIRST,
    b"\xe0O": Key.LAST,
    b"k": Key.UP,
    b"j": Key.DOWN,
    **{letter.value.encode(): letter for letter in (Key.MUTE, Key.OPEN, Key.COPY, Key.SORT, Key.QUIT)},
}


def decode(typed: bytes) -> tuple[list[Key], bytes]:
    """The keys in what was typed, and the rest that may be the beginning of one more.

    Whole sequences that mean nothing here are passed over as one: their letters are no keys.
    """
    found = []
    while typed:
        length = _length(typed)
        if length is None:
            break
        if (key := _MEANINGS.get(typed[:length])) is not None:
            found.append(key)
        typed = typed[length:]
    return found, typed


def _length(typed: bytes) -> int | None:
    """How many bytes the first key has; None when its end has not come yet."""
    first = typed[:1]
    if first == b"\xe0":
        return 2 if len(typed) > 1 else None
    if first != _ESCAPE or typed[1:2] == _ESCAPE:
        return 1
    if len(typed) == 1:
        return None
    if typed[1:2] == b"O":
        return 3 if len(typed) > 2 else None
    if typed[1:2] != b"[":
        return 2  # Alt and a letter
    end = next((i for i in range(2, len(typed)) if 0x40 <= typed[i] <= 0x7E), None)
    return None if end is None else end + 1


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Gives the terminal back as it was, and takes it again: for Ctrl-Z and what follows it."""

    release: Callable[[], None] = lambda: None
    take: Callable[[], None] = lambda: None


@contextmanager
def listening(heard: Heard) -> Iterator[Keyboard]:
    """Have `heard` called with each key, in a thread of its own, until the end of the context."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield Keyboard()
    elif sys.platform == "win32":
        with _listening_to_a_console(heard):
            yield Keyboard()
    else:
        with _listening_to_a_terminal(sys.stdin.fileno(), heard) as keyboard:
            yield keyboard


if sys.platform == "win32":
    import msvcrt

    _POLL_SECONDS = 0.05  # a console can't be waited for together with an event

    @contextmanager
    def _listening_to_a_console(heard: Heard) -> Iterator[None]:
        stop = threading.Event()

        def read() -> None:
            rest = b""
            while not stop.wait(_POLL_SECONDS):
                while msvcrt.kbhit():
                    keys, rest = decode(rest + msvcrt.getch())
                    for key in keys:
                        heard(key)
                if rest == _ESCAPE:
                    rest = b""  # a console sends no such sequences

        reader = threading.Thread(target=read, name="keys", daemon=True)
        reader.start()
        try:
            yield
        finally:
            stop.set()
            reader.join()

else:
    import select
    import termios
    import tty

    @contextmanager
    def _listening_to_a_terminal(terminal: int, heard: Heard) -> Iterator[Keyboard]:
        before = termios.tcgetattr(terminal)
        waking, wake = os.pipe()

        def read() -> None:
            rest = b""
            while True:
                ready, _, _ = select.select([terminal, waking], [], [], _SEQUENCE_SECONDS if rest else None)
                if waking in ready:
                    return
                if not ready:
                    rest = b""
                    continue
                try:
                    typed = os.read(terminal, 1024)
                except OSError:  # hung up
                    return
                if not typed:
                    return
                keys, rest = decode(rest + typed)
                for key in keys:
                    heard(key)

        reader = threading.Thread(target=read, name="keys", daemon=True)

        def take() -> None:
            tty.setcbreak(terminal, termios.TCSANOW)

        take()
        reader.start()
        try:
            yield Keyboard(lambda: termios.tcsetattr(terminal, termios.TCSADRAIN, before), take)
        finally:
            os.close(wake)  # what is closed can be read to its end: the reader wakes
            reader.join()
            os.close(waking)
            # What was typed too late is thrown away: the shell must not get it.
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
