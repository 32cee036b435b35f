"""A connection to the D-Bus session bus: the only place that knows jeepney.

One thread owns a `Bus`: it opens, pumps and closes it. Other threads may only `wake` it. So nothing needs a lock, and
messages are sent in order. `ask` waits for one reply and is for code without a loop.

Any program on the bus may send anything, as much as it likes, and the bus itself may hang. So no message that arrives
ends a loop: an error while it is handled is logged, and sent as the reply. A sender that floods us delays only its own
messages. And sending never waits without a limit.
"""

import contextlib
import logging
import os
import selectors
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from jeepney import (  # type: ignore[import-untyped]  # jeepney ships no types
    DBusAddress,
    HeaderFields,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.bus import get_bus  # type: ignore[import-untyped]  # untyped, too
from jeepney.io.blocking import DBusConnection, prep_socket  # type: ignore[import-untyped]  # untyped, too

from claude_session_status.desktop.linux.inbox import BUS_NAME, REPLIES, Inbox, sender_of, wants_reply
from claude_session_status.desktop.loop_waker import LoopWaker

log = logging.getLogger(__name__)

BUS_PATH = "/org/freedesktop/DBus"
UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
LIMITS_EXCEEDED = "org.freedesktop.DBus.Error.LimitsExceeded"
ASK_SECONDS = 5.0
OPEN_SECONDS = 5.0  # for each of the two steps, authentication and our name: at login a bus may be slow
SEND_SECONDS = 1.0  # a bus that accepts nothing for so long hangs
READ_SECONDS = HANDLE_SECONDS = 0.05  # how long one `pump` reads, and then handles, when there is always more

Body = tuple[Any, ...]
T = TypeVar("T")


class BusError(Exception):
    """The bus can't be reached, or went away."""


class NoAnswerError(BusError):
    """The bus, or the program that was called, exists but does not answer in time."""


class ArgumentsError(Exception):
    """We were called with other arguments than the method takes."""


class CallError(Exception):
    """The reply is an error. `name` is D-Bus's name for it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Target:
    """What to call: a bus name, an object and an interface."""

    name: str
    path: str
    interface: str


@dataclass(frozen=True, slots=True)
class Call:
    """A method call or a signal that has arrived."""

    path: str
    interface: str
    member: str
    body: Body
    sender: str = ""
    signature: str = ""

    def expect(self, signature: str) -> None:
        """Check the arguments' types. Raises ArgumentsError."""
        if self.signature != signature:
            raise ArgumentsError(f"{self.member} takes '{signature}', not '{self.signature}'")


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to our call. `error` is None when it succeeded."""

    body: Body = ()
    error: CallError | None = None


class Emitter(Protocol):
    """Sends signals."""

    def emit(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        """Send the signal to every program that listens."""


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
        if stat.S_ISSOCK(os.stat(path).st_mode):
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
        self._inbox = Inbox()
        self._may_have_more = False  # reading was stopped before the socket was empty
        self._pipe = LoopWaker()

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
        self._selector.register(self._pipe, selectors.EVENT_READ)

    def close(self) -> None:
        """Disconnect. May be called twice, and before `open`."""
        if self._selector is not None:
            self._selector.close()
            self._selector = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._waiting.clear()
        self._pipe.close()

    def wake(self) -> None:
        """Make `pump` return at once. The only method for other threads; safe in signal handlers."""
        self._pipe.wake()

    def emit(self, path: str, interface: str, member: str, signature: str = "", body: Body = ()) -> None:
        """Send a signal.

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
        """Call a method without waiting; `on_reply` is called from `pump` with the reply.

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
        """Call a method and wait up to `timeout` seconds for its reply. Other messages meanwhile are lost.

        Raises:
            BusError: the bus went away, or there was no reply in time.
            CallError: the reply is an error.

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
        """Subscribe to the signals that match `rule`, in D-Bus's match language.

        Raises:
            BusError: the bus went away.

        """
        self.call(THE_BUS, "AddMatch", "s", (rule,))

    def owner_of(self, name: str) -> str | None:
        """The unique name of the owner of `name`; None when it has no owner.

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
        """Wait for messages, at most `timeout` seconds (None: no limit), and handle them, for at most 0.1 s.

        Each sender's messages are handled in order, and the senders in turn. What is left is handled by the next call.
        `on_call` returns the signature and the body of the reply, and raises LookupError for an unknown method. Any
        other exception of `on_call`, `on_signal` or a call's `on_reply` is logged.

        Raises:
            BusError: the bus went away.

        """
        if self._selector is None:
            raise BusError("not connected")
        if self._inbox or self._may_have_more:
            timeout = 0
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._pipe:
                self._pipe.drain()
        self._read_messages()
        deadline = time.monotonic() + HANDLE_SECONDS
        while (message := self._inbox.take()) is not None:
            self._handle(message, on_call, on_signal)
            if time.monotonic() >= deadline:
                break

    # ---- private ------------------------------------------------------------

    def _read_messages(self) -> None:
        """Move what has arrived into the inbox. A sender that has too much there is refused."""
        deadline = time.monotonic() + READ_SECONDS
        self._may_have_more = True
        while time.monotonic() < deadline:
            message = self._next_message()
            if message is None:
                self._may_have_more = False
                return
            if not self._inbox.put(message) and wants_reply(message):
                self._send(new_error(message, LIMITS_EXCEEDED, "s", ("too many calls are waiting",)))

    def _next_message(self) -> Any:  # jeepney's messages have no types
        try:
            return self._connection.receive(timeout=0)
        except TimeoutError:
            return None
        except Exception as error:
            raise BusError(f"the session bus went away: {error}") from error

    def _send(self, message: Any, serial: int | None = None) -> None:  # no types
        if self._connection is None:
            raise BusError("not connected")
        try:
            self._connection.send(message, serial=serial)
        except TimeoutError as error:
            raise NoAnswerError("the session bus hangs") from error
        except OSError as error:
            raise BusError(f"the session bus went away: {error}") from error

    def _handle(
        self,
        message: Any,  # no types
        on_call: Callable[[Call], tuple[str, Body]] | None,
        on_signal: Callable[[Call], None] | None,
    ) -> None:
        header, fields = message.header, message.header.fields
        kind = header.message_type
        if kind in REPLIES:
            on_reply = self._waiting.pop(fields.get(HeaderFields.reply_serial, 0), None)
            if on_reply is not None:
                error = None
                if kind == MessageType.error:
                    name = fields.get(HeaderFields.error_name, "error")
                    error = CallError(name, str(message.body[0]) if message.body else "")
                _call_safely(on_reply, Reply(message.body, error))
            return
        call = Call(
            path=fields.get(HeaderFields.path, ""),
            interface=fields.get(HeaderFields.interface, ""),
            member=fields.get(HeaderFields.member, ""),
            body=message.body,
            sender=sender_of(message),
            signature=fields.get(HeaderFields.signature, ""),
        )
        if kind == MessageType.signal:
            if on_signal is not None:
                _call_safely(on_signal, call)
            return
        reply = _reply_to(message, call, on_call or _refuse)
        if wants_reply(message):
            self._send(reply)


class _Connection(DBusConnection):  # type: ignore[misc]  # jeepney ships no types
    """jeepney's, whose first call, the one for our name, waits without a limit for a bus that hangs."""

    def receive(self, *, timeout: float | None = None) -> Any:  # no types
        return super().receive(timeout=OPEN_SECONDS if timeout is None else timeout)


def _connect(address: str) -> _Connection:
    """Connect to the bus at this address. Raises what jeepney raises: OSError, RuntimeError, ValueError, ..."""
    sock = prep_socket(get_bus(address), timeout=OPEN_SECONDS)
    try:
        sock.settimeout(SEND_SECONDS)  # reading waits in a selector
        return _Connection(sock)
    except BaseException:
        sock.close()
        raise


def _call_safely(listener: Callable[[T], None], value: T) -> None:
    """Call the listener; what it raises over a message of another program is logged."""
    try:
        listener(value)
    except BusError:
        raise
    except Exception:
        log.exception("handling %r", value)


def _reply_to(
    message: Any,  # jeepney's messages have no types
    call: Call,
    on_call: Callable[[Call], tuple[str, Body]],
) -> Any:  # no types
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


def _refuse(call: Call) -> tuple[str, Body]:
    raise LookupError(call.member)
