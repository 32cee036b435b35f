"""Which requests missed the cache, how many tokens they rebuilt, and why. Pure functions.

*Rebuilt* is what the previous request left in the cache and this one wrote again:

    rebuilt = clamp(context of the previous request - cache read now, 0, cache written now)

*A miss* is a request of a main conversation that rebuilt at least 1,024 tokens; less is the new message itself. Each
request is compared with the one before it in its conversation. The TTL is the previous request's, and the gap runs
from the start of the one to the start of the other, as the client's own countdown does.

*The cause* is the first that fits:

1. what the API itself named as the reason (`cache_miss_reason`)
2. `expired`: the gap is longer than the TTL
3. `model_changed`: another model, effort or speed
4. `compacted`: the conversation was compacted in between, by the user or by the client
5. `started`: the first request of a fork, or after a resume
6. `vanished`: none of these; the cache was gone before its time
"""

from typing import NamedTuple

from claude_session_status.costs.request import Cause, TokenCounts

LEAST_REBUILT = 1024  # tokens; a smaller difference is the new message


class Step(NamedTuple):
    """A request as far as it matters for the next one's miss. `since`: what happened between it and the one before."""

    started_at: float
    ttl_seconds: int | None
    model: str | None
    effort: str | None
    is_fast: bool | None
    tokens: TokenCounts
    miss_reason: str | None = None  # in the API's own term
    was_compacted: bool = False  # since the previous request
    is_first: bool = False  # the first request of a fork, or of a client that resumed the session


def rebuilt_tokens(previous: Step, now: Step) -> int:
    """The tokens that were in the previous request's context and were written again now."""
    missing = previous.tokens.context - now.tokens.first_read
    return max(0, min(missing, now.tokens.first_written))


def cause_of(previous: Step, now: Step) -> str | None:
    """Why `now` missed the cache: a `Cause` or the API's own term; None where it did not miss."""
    if rebuilt_tokens(previous, now) < LEAST_REBUILT:
        return None
    if now.miss_reason is not None:
        return now.miss_reason
    ttl = previous.ttl_seconds
    if ttl is not None and now.started_at - previous.started_at > ttl:
        return Cause.EXPIRED
    if _differs(previous.model, now.model) or _differs(previous.effort, now.effort):
        return Cause.MODEL_CHANGED
    if bool(previous.is_fast) != bool(now.is_fast):
        return Cause.MODEL_CHANGED
    if now.was_compacted:
        return Cause.COMPACTED
    return Cause.STARTED if now.is_first else Cause.VANISHED


def _differs(before: str | None, now: str | None) -> bool:
    return before is not None and now is not None and before != now
