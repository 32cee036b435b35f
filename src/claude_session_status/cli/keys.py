"""Reads single keys, without Enter, while another thread draws the table.

Only line input and echo are switched off; output and Ctrl-C work as before (click.getchar and others switch to raw
mode, which garbles what is drawn meanwhile). Nothing is read where standard input is no terminal.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum

OnKey = Callable[["Key"], object]
OnHangUp = Callable[[], object]


class Key(Enum):
    """The keys that `watch` understands."""

    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    FIRST = "home"
    LAST = "end"
    GO = "enter"
    MUTE = "m"
    KEEP_WARM = "k"
    OPEN = "o"
    COPY = "c"
    SORT = "s"
    HISTORY = "h"
    HELP = "?"
    QUIT = "q"


_ESCAPE = b"\x1b"
_SEQUENCE_SECONDS = 0.05  # a key's bytes arrive together: an Esc with nothing after it was the Esc key

_MEANINGS = {
    b"\x1b[A": Key.UP,
    b"\x1bOA": Key.UP,  # in application mode
    b"\x1b[B": Key.DOWN,
    b"\x1bOB": Key.DOWN,
    b"\x1b[5~": Key.PAGE_UP,
    b"\x1b[6~": Key.PAGE_DOWN,
    **dict.fromkeys((b"\x1b[H", b"\x1bOH", b"\x1b[1~", b"\x1b[7~"), Key.FIRST),
    **dict.fromkeys((b"\x1b[F", b"\x1bOF", b"\x1b[4~", b"\x1b[8~"), Key.LAST),
    b"\xe0H": Key.UP,  # on a Windows console
    b"\xe0P": Key.DOWN,
    b"\xe0I": Key.PAGE_UP,
    b"\xe0Q": Key.PAGE_DOWN,
    b"\xe0G": Key.FIRST,
    b"\xe0O": Key.LAST,
    b"\r": Key.GO,
    b"\n": Key.GO,
    **{
        letter.value.encode(): letter
        for letter in (Key.MUTE, Key.KEEP_WARM, Key.OPEN, Key.COPY, Key.SORT, Key.HISTORY, Key.HELP, Key.QUIT)
    },
}


def decode(typed: bytes) -> tuple[list[Key], bytes]:
    """Return the keys in what was typed, and the rest, which may be the beginning of another one.

    A sequence without a meaning here is skipped whole: its letters are not keys.
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
    """Return how many bytes the first key has; None when its end has not arrived yet."""
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
    """Restores the terminal's own mode (`release`) and switches to single keys again (`take`), around Ctrl-Z."""

    release: Callable[[], None] = lambda: None
    take: Callable[[], None] = lambda: None


@contextmanager
def reading_keys(on_key: OnKey, on_hang_up: OnHangUp) -> Iterator[Keyboard]:
    """Call `on_key` with each key, and `on_hang_up` when the terminal is closed, until the end of the context.

    Both are called in a thread of their own.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        yield Keyboard()
    elif sys.platform == "win32":
        with _reading_console(on_key):
            yield Keyboard()
    else:
        with _reading_terminal(sys.stdin.fileno(), on_key, on_hang_up) as keyboard:
            yield keyboard


if sys.platform == "win32":
    import msvcrt

    _POLL_SECONDS = 0.05  # one can't wait for a console and an event at once

    @contextmanager
    def _reading_console(on_key: OnKey) -> Iterator[None]:
        stop = threading.Event()

        def read() -> None:
            rest = b""
            while not stop.wait(_POLL_SECONDS):
                while msvcrt.kbhit():
                    keys, rest = decode(rest + msvcrt.getch())
                    for key in keys:
                        on_key(key)
                if rest == _ESCAPE:
                    rest = b""  # a console sends no escape sequences

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
    def _reading_terminal(terminal: int, on_key: OnKey, on_hang_up: OnHangUp) -> Iterator[Keyboard]:
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
                except OSError:  # EIO: the terminal was closed
                    typed = b""
                if not typed:
                    on_hang_up()
                    return
                keys, rest = decode(rest + typed)
                for key in keys:
                    on_key(key)

        reader = threading.Thread(target=read, name="keys", daemon=True)

        def take() -> None:
            tty.setcbreak(terminal, termios.TCSANOW)

        take()
        reader.start()
        try:
            yield Keyboard(lambda: termios.tcsetattr(terminal, termios.TCSADRAIN, before), take)
        finally:
            os.close(wake)  # wakes the reader: the other end can be read to its end
            reader.join()
            os.close(waking)
            with suppress(termios.error):  # the terminal may be gone
                # Discard keys typed too late: the shell must not get them.
                termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
