"""A bus connection in a thread of its own: other threads call methods through it, and signals arrive meanwhile.

`Bus.ask` alone loses what arrives while nobody waits. A notification's buttons are pressed at just such a time, and
some services report them only to the connection that showed the notification.
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
class _PendingCall:
    """A method call, and its reply once it is there."""

    target: Target
    member: str
    signature: str
    body: Body
    on_late_reply: Callable[[Reply], None] | None = None
    reply: Reply | None = None
    failure: BusError | None = None
    done: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def finish(self, reply: Reply) -> None:
        with self._lock:
            late = self.done.is_set()
            if not late:
                self.reply = reply
                self.done.set()
        if late and self.on_late_reply is not None:
            self.on_late_reply(reply)

    def fail(self, error: BusError) -> None:
        with self._lock:
            if not self.done.is_set():
                self.failure = error
                self.done.set()


class BusThread:
    """Connects at the first call. `on_signal` is called in the bus thread, and must return at once."""

    def __init__(self, open_bus: Callable[[], Bus], rules: Sequence[str], on_signal: Callable[[Call], None]) -> None:
        self._open_bus = open_bus
        self._rules = tuple(rules)
        self._on_signal = on_signal
        self._lock = threading.Lock()
        self._connection: _Connection | None = None

    def ask(
        self,
        target: Target,
        member: str,
        signature: str = "",
        body: Body = (),
        timeout: float = ASK_SECONDS,
        *,
        on_late_reply: Callable[[Reply], None] | None = None,
    ) -> Body:
        """Call a method and wait for its reply. For any thread but the bus thread.

        `on_late_reply` gets a reply that comes after the timeout, in the bus thread.

        Raises:
            BusError: the bus can't be reached or went away.
            NoAnswerError: no reply in time. A call that was not sent by then is not sent later.
            CallError: the reply is an error.

        """
        call = _PendingCall(target, member, signature, body, on_late_reply)
        with self._lock:
            if self._connection is None or not self._connection.submit(call):
                self._connection = _Connection(self._open_bus, self._rules, self._on_signal)
                self._connection.submit(call)
                self._connection.start()
        if not call.done.wait(timeout):
            call.fail(NoAnswerError(f"{target.name} did not answer {member} within {timeout:g} s"))
        if call.failure is not None:
            raise call.failure
        assert call.reply is not None  # noqa: S101 - done means one of the two
        if call.reply.error is not None:
            raise call.reply.error
        return call.reply.body

    def send(self, target: Target, member: str, signature: str = "", body: Body = ()) -> None:
        """Call a method without waiting, if there still is a connection. For any thread."""
        with self._lock:
            if self._connection is not None:
                self._connection.submit(_PendingCall(target, member, signature, body))

    def disconnect(self) -> None:
        """Close the connection. The next call opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.end()


class _Connection:
    """One connection, from opening to closing, with its thread."""

    def __init__(self, open_bus: Callable[[], Bus], rules: tuple[str, ...], on_signal: Callable[[Call], None]) -> None:
        self._open_bus = open_bus
        self._rules = rules
        self._on_signal = on_signal
        self._lock = threading.Lock()
        self._dead = False
        self._leaving = False
        self._bus: Bus | None = None
        self._submitted: SimpleQueue[_PendingCall] = SimpleQueue()
        self._sent: list[_PendingCall] = []
        self._thread = threading.Thread(target=self._run, name="notification-bus", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, call: _PendingCall) -> bool:
        """Send the call soon; False when the connection is closed."""
        with self._lock:
            if self._dead:
                return False
            self._submitted.put(call)
            if self._bus is not None:
                self._bus.wake()
            return True

    def end(self) -> None:
        with self._lock:
            self._leaving = True
            if self._bus is not None:
                self._bus.wake()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        error = BusError("disconnected")
        bus: Bus | None = None
        try:
            bus = self._open_bus()
            with self._lock:
                self._bus = bus
            for rule in self._rules:
                bus.listen(rule)
            while not self._leaving:
                self._send_all(bus)
                bus.pump(None, on_signal=self._on_signal)
        except BusError as caught:
            error = caught
        finally:
            with self._lock:
                self._dead, self._bus = True, None
            if bus is not None:
                bus.close()
            for call in (*self._take_submitted(), *self._sent):
                call.fail(error)

    def _send_all(self, bus: Bus) -> None:
        self._sent = [call for call in self._sent if not call.done.is_set()]
        for call in self._take_submitted():
            if call.done.is_set():  # timed out meanwhile
                continue
            self._sent.append(call)
            bus.call(call.target, call.member, call.signature, call.body, call.finish)

    def _take_submitted(self) -> list[_PendingCall]:
        calls = []
        with contextlib.suppress(Empty):
            while True:
                calls.append(self._submitted.get_nowait())
        return calls
