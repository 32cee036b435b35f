"""A bus connection for those who have no loop: a thread of its own that asks for others, and hears signals meanwhile.

`Bus.ask` alone loses what comes while nobody waits. A notification's buttons are pressed at just such a time, and some
services tell only the connection that showed the notification.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from claude_session_status.desktop.linux.bus import (
    ASK_SECONDS,
    Body,
    Bus,
    BusError,
    Call,
    NoAnswerError,
    Reply,
    Target,
)

log = logging.getLogger(__name__)

END_SECONDS = 0.3


@dataclass(eq=False, slots=True)
class _Question:
    """What is to be asked, and the answer once it is there."""

    target: Target
    member: str
    signature: str
    body: Body
    on_late: Callable[[Reply], None] | None = None
    reply: Reply | None = None
    failure: BusError | None = None
    done: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, reply: Reply) -> None:
        with self._guard:
            late = self.done.is_set()
            if not late:
                self.reply = reply
                self.done.set()
        if late and self.on_late is not None:
            self.on_late(reply)

    def failed(self, error: BusError) -> None:
        with self._guard:
            if not self.done.is_set():
                self.failure = error
                self.done.set()


class Courier:
    """Connects when it is first asked. `on_signal` is called in its thread, and must not take its time."""

    def __init__(self, open_bus: Callable[[], Bus], rules: Sequence[str], on_signal: Callable[[Call], None]) -> None:
        self._open_bus = open_bus
        self._rules = tuple(rules)
        self._on_signal = on_signal
        self._guard = threading.Lock()
        self._line: _Line | None = None

    def ask(
        self,
        target: Target,
        member: str,
        signature: str = "",
        body: Body = (),
        timeout: float = ASK_SECONDS,
        *,
        on_late: Callable[[Reply], None] | None = None,
    ) -> Body:
        """Call a method and wait for its answer. For any thread but its own.

        `on_late` hears an answer that comes after the time is over, in the courier's thread.

        Raises:
            BusError: the bus can't be reached or went away.
            NoAnswerError: nobody answered in time. What was not sent by then is not sent any more.
            CallError: the answer is an error.

        """
        question = _Question(target, member, signature, body, on_late)
        with self._guard:
            if self._line is None or not self._line.take(question):
                self._line = _Line(self._open_bus, self._rules, self._on_signal)
                self._line.take(question)
                self._line.start()
        if not question.done.wait(timeout):
            question.failed(NoAnswerError(f"{target.name} did not answer {member} within {timeout:g} s"))
        if question.failure is not None:
            raise question.failure
        assert question.reply is not None  # noqa: S101 - done means one of the two
        if question.reply.error is not None:
            raise question.reply.error
        return question.reply.body

    def tell(self, target: Target, member: str, signature: str = "", body: Body = ()) -> None:
        """Call a method over the connection, if there still is one, and do not wait. For any thread."""
        with self._guard:
            if self._line is not None:
                self._line.take(_Question(target, member, signature, body))

    def disconnect(self) -> None:
        """Close the connection. Another question opens the next."""
        with self._guard:
            line, self._line = self._line, None
        if line is not None:
            line.end()


class _Line:
    """One connection from its beginning to its end."""

    def __init__(self, open_bus: Callable[[], Bus], rules: tuple[str, ...], on_signal: Callable[[Call], None]) -> None:
        self._open_bus = open_bus
        self._rules = rules
        self._on_signal = on_signal
        self._guard = threading.Lock()
        self._dead = False
        self._leaving = False
        self._bus: Bus | None = None
        self._waiting: SimpleQueue[_Question] = SimpleQueue()
        self._asked: list[_Question] = []
        self._thread = threading.Thread(target=self._run, name="notification-bus", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, question: _Question) -> bool:
        """Have the question asked; False when the connection is no more."""
        with self._guard:
            if self._dead:
                return False
            self._waiting.put(question)
            if self._bus is not None:
                self._bus.wake()
            return True

    def end(self) -> None:
        with self._guard:
            self._leaving = True
            if self._bus is not None:
                self._bus.wake()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        error = BusError("hung up")
        bus: Bus | None = None
        try:
            bus = self._open_bus()
            with self._guard:
                self._bus = bus
            for rule in self._rules:
                bus.listen(rule)
            while not self._leaving:
                self._ask_all(bus)
                bus.pump(None, on_signal=self._heard)
        except BusError as caught:
            error = caught
        finally:
            with self._guard:
                self._dead, self._bus = True, None
            if bus is not None:
                bus.close()
            for question in (*self._taken(), *self._asked):
                question.failed(error)

    def _ask_all(self, bus: Bus) -> None:
        self._asked = [question for question in self._asked if not question.done.is_set()]
        for question in self._taken():
            if question.done.is_set():  # given up meanwhile
                continue
            self._asked.append(question)
            bus.call(question.target, question.member, question.signature, question.body, question.answered)

    def _taken(self) -> list[_Question]:
        taken = []
        with contextlib.suppress(Empty):
            while True:
                taken.append(self._waiting.get_nowait())
        return taken

    def _heard(self, signal: Call) -> None:
        try:
            self._on_signal(signal)
        except Exception:
            log.exception("hearing %s", signal.member)
