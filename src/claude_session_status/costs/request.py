"""One request of the past and what it read from and wrote to the cache: the values that the history is made of.

Times are UTC epoch seconds, durations seconds, sizes tokens. None means "not known", never 0. Named tuples: a frozen
dataclass takes four times as long to make, and there are hundreds of thousands.
"""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Whose request it was. A subagent has a cache of its own, so its requests are kept apart."""

    MAIN = "main"
    SUBAGENT = "subagent"
    PING = "ping"  # a keep-warm ping: it leaves no line in a transcript, and is known from the plugin's report


class Cause(StrEnum):
    """Why a request did not find what the request before it had left in the cache."""

    EXPIRED = "expired"  # it came later than the previous request's TTL
    MODEL_CHANGED = "model_changed"  # another model, effort or speed than the previous request
    COMPACTED = "compacted"  # the conversation was compacted in between, also by the client itself
    STARTED = "started"  # the first request of a fork or after a resume
    KEEP_WARM = "keep_warm"  # a keep-warm ping; one that missed rebuilt what it wrote
    VANISHED = "vanished"  # none of these: the cache was gone before its time


class TokenCounts(NamedTuple):
    """The tokens of one response. The first ones are what was billed; the last three are the cache's view.

    A server-side loop sends the conversation several times within one request. What was billed is the sum; what the
    cache held at the start is seen by the first step, and what it holds afterwards by the last.
    """

    input: int
    output: int
    read: int
    written_5m: int
    written_1h: int
    context: int  # of the last step: what the next request can read
    first_read: int
    first_written: int


class PastRequest(NamedTuple):
    """One request that got a response, and how it stood to the request before it in its conversation."""

    key: str  # ids of the message and of the request: the same in each copy of the line that forks and resumes make
    session_id: str
    kind: Kind
    started_at: float
    model: str | None
    effort: str | None
    is_fast: bool | None
    ttl_seconds: int | None  # asked for or written by it, else by an earlier request
    tokens: TokenCounts
    previous_key: str | None = None
    gap_seconds: float | None = None  # from the previous request's start
    previous_ttl_seconds: int | None = None
    previous_context: int | None = None
    rebuilt_tokens: int | None = None  # None where there is no previous request
    cause: str | None = None  # a `Cause`, or the API's own term; None: no miss
