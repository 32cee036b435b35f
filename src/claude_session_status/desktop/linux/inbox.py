"""D-Bus messages that have arrived and are not handled yet. One sender that floods us delays only its own messages."""

from collections import deque
from typing import Any

from jeepney import HeaderFields, MessageFlag, MessageType  # type: ignore[import-untyped]  # jeepney ships no types

BUS_NAME = "org.freedesktop.DBus"
WAITING_LIMIT = 500  # messages of one sender; a desktop that reads a whole menu row by row stays below

REPLIES = (MessageType.method_return, MessageType.error)


class Inbox:
    """Messages that have arrived, by sender. The senders take turns, and each one's messages keep their order."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Any]] = {}  # jeepney's messages have no types

    def __bool__(self) -> bool:
        return bool(self._queues)

    def put(self, message: Any) -> bool:  # no types
        """Add a message; False when its sender has too many waiting. Replies and the bus itself have no limit."""
        sender = sender_of(message)
        queue = self._queues.setdefault(sender, deque())
        if len(queue) >= WAITING_LIMIT and sender != BUS_NAME and message.header.message_type not in REPLIES:
            return False
        queue.append(message)
        return True

    def take(self) -> Any | None:
        """Remove and return the next message; None when there is none."""
        for sender, queue in self._queues.items():
            del self._queues[sender]
            message = queue.popleft()
            if queue:
                self._queues[sender] = queue  # behind the others
            return message
        return None


def sender_of(message: Any) -> str:  # no types
    """The sender's unique name, such as `:1.43`."""
    return str(message.header.fields.get(HeaderFields.sender, ""))


def wants_reply(message: Any) -> bool:  # no types
    """Whether it is a method call whose caller waits for the reply."""
    header = message.header
    return header.message_type == MessageType.method_call and not header.flags & MessageFlag.no_reply_expected
