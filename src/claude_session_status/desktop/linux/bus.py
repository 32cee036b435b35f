"""A connection to the D-Bus session bus: the only place that knows jeepney.

One thread owns a `Bus`: it connects, pumps and closes. Other threads may only `wake` it. That way nothing needs a lock,
and what is sent keeps its order. `ask` waits for one answer and is for those who have no loop.

Everybody on the bus may send us anything, and the bus itself may stand still. So no message that comes in ends a loop:
what goes wrong over one is logged, and answered with an error. And nothing that goes out waits without an end.
"""

import contextlib
import logging
import os
import selectors
import socket
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from jeepney import (  # type: ignore[import-untyped]  # jeepney ships no types
    DBusAddress,
    HeaderFields,
    MessageFlag,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.bus import get_bus  # type: ignore[import-untyped]  # likewise
from jeepney.io.blocking import DBusConnection, prep_socket  # type: ignore[import-untyped]  # likewise

log = logging.getLogger(__name__)

BUS_NAME = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
ASK_SECONDS = 5.0
OPEN_SECONDS = 5.0  # for each of the two steps, who we are and what our name is: at login a bus may be slow
SEND_SECONDS = 1.0  # a bus that takes nothing for so long does not read any more

Body = tuple[Any, ...]
T = TypeVar("T")


class BusError(Exception):
    """The bus can't be reached, or went away."""


class NoAnswerError(BusError):
    """Somebody is there, the bus or who was asked, and does not answer in time."""


class ArgumentsError(Exception):
    """A call of ours came with other arguments than its method takes."""


class CallError(Exception):
    """The other side answered with an error. `name` is D-Bus's name for it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Target:
    """Who is called: a bus name, an object and an interface."""

    name: str
    path: str
    interface: str


@dataclass(frozen=True, slots=True)
class Call:
    """A method call or a signal that came in."""

    path: str
    interface: str
    member: str
    body: Body
    sender: str = ""
    signature: str = ""

    def expect(self, signature: str) -> None:
        """Check what was sent along. Raises ArgumentsError."""
        if self.signature != signature:
            raise ArgumentsError(f"{self.member} takes '{signature}', not '{self.signature}'")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call of ours. `error` is None when it went well."""

    body: Body = ()
    error: CallError | None = None


class Emitter(Protocol):
    """Whoever can send a signal of ours."""

    def emit(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        """Send the signal to everybody who listens."""


THE_BUS = Target(BUS_NAME, BUS_PATH, BUS_NAME)


def session_bus_address(environ: Mapping[str, str]) -> str | None:
    """The session bus's address: the variable, else the socket in the runtime folder where systemd puts it, else None.

    jeepney knows only the variable, which is unset after `su` and in some cron and ssh sessions.
    """
    named = environ.get("DBUS_SESSION_BUS_ADDRESS")
    if named:
        return named
    runtime = environ.get("XDG_RUNTIME_DIR")
    if not runtime:
        return None
    path = os.path.join(runtime, "bus")  # stays a string: it becomes an address
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.stat(path).st_mode):  # likewise
            return f"unix:path={path}"
    return None


def open_session_bus(environ: Mapping[str, str]) -> "Bus":
    """Connect to the session bus.

    Raises:
        BusError: there is none, or it does not answer.

    """
    address = session_bus_address(environ)
    if address is None:
        raise BusError("there is no D-Bus session bus")
    bus = Bus(address)
    try:
        bus.open()
    except BusError:
        bus.close()
        raise
    return bus


class Bus:
    """A connection to a session bus at `address`. Connects when `open` is called."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection: Any = None
        self._selector: selectors.BaseSelector | None = None
        self._waiting: dict[int, Callable[[Reply], None]] = {}
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.settimeout(0)
        self._wake_writer.settimeout(0)

    @property
    def unique_name(self) -> str:
        """Our own name on the bus, such as `:1.43`."""
        return str(self._connection.unique_name)

    def open(self) -> None:
        """Connect.

        Raises:
            BusError: nothing answers at the address.

        """
        try:
            self._connection = _connect(self._address)
        except TimeoutError as error:
            raise NoAnswerError(f"the session bus at {self._address} does not answer") from error
        except Exception as error:  # jeepney lets through OSError, AuthenticationError, RuntimeError, ValueError, ...
            raise BusError(f"no session bus at {self._address}: {error}") from error
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._connection.sock, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)

    def close(self) -> None:
        """Hang up. May be called twice, and before `open`."""
        if self._selector is not None:
            self._selector.close()
            self._selector = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._waiting.clear()
        self._wake_reader.close()
        self._wake_writer.close()

    def wake(self) -> None:
        """Let `pump` return at once. The only method for other threads; safe in signal handlers."""
        # A full pipe means that a wake-up is under way already; a closed one that nobody sleeps any more.
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"w")

    def emit(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        """Send a signal of ours.

        Raises:
            BusError: the bus went away.

        """
        self._send(new_signal(DBusAddress(path, interface=interface), member, signature or None, body))

    def call(
        self,
        target: Target,
        member: str,
        signature: str = "",
        body: Body = (),
        on_reply: Callable[[Reply], None] | None = None,
    ) -> None:
        """Call a method and go on; `on_reply` is called from `pump` when the answer is there.

        Raises:
            BusError: the bus went away.

        """
        if self._connection is None:
            raise BusError("not connected")
        serial = next(self._connection.outgoing_serial)
        if on_reply is not None:
            self._waiting[serial] = on_reply
        address = DBusAddress(target.path, target.name, target.interface)
        self._send(new_method_call(address, member, signature or None, body), serial)

    def ask(
        self, target: Target, member: str, signature: str = "", body: Body = (), timeout: float = ASK_SECONDS
    ) -> Body:
        """Call a method and wait up to `timeout` seconds for its answer. What else comes meanwhile is lost.

        Raises:
            BusError: the bus went away, or nobody answered in time.
            CallError: the answer is an error.

        """
        replies: list[Reply] = []
        self.call(target, member, signature, body, replies.append)
        deadline = time.monotonic() + timeout
        while not replies:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NoAnswerError(f"{target.name} did not answer {member} within {timeout:g} s")
            self.pump(left)
        if replies[0].error is not None:
            raise replies[0].error
        return replies[0].body

    def listen(self, rule: str) -> None:
        """Ask the bus for signals that match `rule`, in D-Bus's own match language.

        Raises:
            BusError: the bus went away.

        """
        self.call(THE_BUS, "AddMatch", "s", (rule,))

    def owner_of(self, name: str) -> str | None:
        """The unique name of who owns `name` now, else None.

        Raises:
            BusError: the bus went away.

        """
        try:
            return str(self.ask(THE_BUS, "GetNameOwner", "s", (name,))[0])
        except CallError:
            return None

    def pump(
        self,
        timeout: float | None,
        on_call: Callable[[Call], tuple[str, Body]] | None = None,
        on_signal: Callable[[Call], None] | None = None,
    ) -> None:
        """Wait for messages, at most `timeout` seconds (None: for ever), and deal with all that are there.

        `on_call` returns the signature and the body of the answer, and raises LookupError for what it does not know.
        Whatever else is raised over a message, by it, `on_signal` or a call's `on_reply`, is logged and that is all.

        Raises:
            BusError: the bus went away.

        """
        if self._selector is None:
            raise BusError("not connected")
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._wake_reader:
                self._drain_wakes()
        while (message := self._next_message()) is not None:
            self._deal_with(message, on_call, on_signal)

    # ---- private ------------------------------------------------------------

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_reader.recv(64):
                pass

    def _next_message(self) -> Any:  # jeepney's messages have no types
        try:
            return self._connection.receive(timeout=0)
        except TimeoutError:
            return None
        except Exception as error:
            raise BusError(f"the session bus went away: {error}") from error

    def _send(self, message: Any, serial: int | None = None) -> None:  # likewise
        if self._connection is None:
            raise BusError("not connected")
        try:
            self._connection.send(message, serial=serial)
        except TimeoutError as error:
            raise NoAnswerError("the session bus reads no more") from error
        except OSError as error:
            raise BusError(f"the session bus went away: {error}") from error

    def _deal_with(
        self,
        message: Any,  # likewise
        on_call: Callable[[Call], tuple[str, Body]] | None,
        on_signal: Callable[[Call], None] | None,
    ) -> None:
        header, fields = message.header, message.header.fields
        kind = header.message_type
        if kind in (MessageType.method_return, MessageType.error):
            on_reply = self._waiting.pop(fields.get(HeaderFields.reply_serial, 0), None)
            if on_reply is not None:
                error = None
                if kind == MessageType.error:
                    name = fields.get(HeaderFields.error_name, "error")
                    error = CallError(name, str(message.body[0]) if message.body else "")
                _hand_over(on_reply, Reply(message.body, error))
            return
        call = Call(
            path=fields.get(HeaderFields.path, ""),
            interface=fields.get(HeaderFields.interface, ""),
            member=fields.get(HeaderFields.member, ""),
            body=message.body,
            sender=fields.get(HeaderFields.sender, ""),
            signature=fields.get(HeaderFields.signature, ""),
        )
        if kind == MessageType.signal:
            if on_signal is not None:
                _hand_over(on_signal, call)
            return
        answer = _answer_to(message, call, on_call or _answer_nothing)
        if not header.flags & MessageFlag.no_reply_expected:
            self._send(answer)


class _Connection(DBusConnection):  # type: ignore[misc]  # jeepney ships no types
    """jeepney's, whose first question, what our name is, waits for ever for a bus that stands still."""

    def receive(self, *, timeout: float | None = None) -> Any:  # likewise
        return super().receive(timeout=OPEN_SECONDS if timeout is None else timeout)


def _connect(address: str) -> _Connection:
    """A connection to the bus there. Raises whatever jeepney does: OSError, RuntimeError, ValueError, ..."""
    sock = prep_socket(get_bus(address), timeout=OPEN_SECONDS)
    try:
        sock.settimeout(SEND_SECONDS)  # reading waits in a selector
        return _Connection(sock)
    except BaseException:
        sock.close()
        raise


def _hand_over(listener: Callable[[T], None], news: T) -> None:
    """Tell the listener; that it stumbles over what others send is no reason to end."""
    try:
        listener(news)
    except BusError:
        raise
    except Exception:
        log.exception("hearing %r", news)


def _answer_to(
    message: Any,  # jeepney's messages have no types
    call: Call,
    on_call: Callable[[Call], tuple[str, Body]],
) -> Any:  # likewise
    try:
        signature, body = on_call(call)
        return new_method_return(message, signature or None, body)
    except BusError:
        raise
    except LookupError as error:
        return new_error(message, UNKNOWN_METHOD, "s", (f"unknown: {error}",))
    except ArgumentsError as error:
        log.warning("refused a call by %s: %s", call.sender, error)
        return new_error(message, INVALID_ARGS, "s", (str(error),))
    except Exception as error:
        log.exception("answering %r", call)
        return new_error(message, INVALID_ARGS, "s", (f"{type(error).__name__}: {error}",))


def _answer_nothing(call: Call) -> tuple[str, Body]:
    raise LookupError(call.member)
