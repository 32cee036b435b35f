"""What it costs to be late: an estimate, from the prices that come with `genai-prices`, without any network.

A message within the cache's time reads the conversation at the cache's price; one after it writes the whole of it
again. The difference, times the tokens, is the cost of being late. Only the faces that show it import this, and the
library itself (a quarter of a second, some ten megabytes) only comes when the first price is asked for.
"""

import functools
import logging
import re

log = logging.getLogger(__name__)

_PROVIDER = "anthropic"
_HOUR = 3600
# What clients put around the name that the prices know: a context size, a provider's prefix, a version.
_CONTEXT = re.compile(r"\[[^\]]*\]$")
_ELSEWHERE = re.compile(r"^(?:[a-z-]+\.)?anthropic[./]|^.*/(?=claude-)")
_VERSION = re.compile(r"(?:-v\d+(?::\d+)?|@\d{8})$")


@functools.lru_cache(maxsize=512)
def rewrite_cost(model: str, ttl_seconds: int, tokens: int) -> float | None:
    """USD that a message costs more once the cache of `tokens` tokens has expired; None for an unknown model.

    It is an estimate: list prices, the whole context rewritten, no discount or surcharge of a provider. Remembered,
    since it is asked for every second and changes only with a turn.
    """
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - slow to import, and seldom needed

    name = plain_name(model)
    written = {"cache_write_1h_tokens": tokens} if ttl_seconds >= _HOUR else {}
    # Of these very tokens and not of a million: some models are dearer from a certain size on.
    try:
        write = calc_price(
            Usage(input_tokens=tokens, cache_write_tokens=tokens, **written), name, provider_id=_PROVIDER
        )
        read = calc_price(Usage(input_tokens=tokens, cache_read_tokens=tokens), name, provider_id=_PROVIDER)
    except LookupError:
        log.info("no price is known of %s", model)
        return None
    except Exception:  # a new version of the library must not take the countdown away
        log.exception("the price of %s", model)
        return None
    return max(0.0, float(write.total_price - read.total_price))


def plain_name(model: str) -> str:
    """The name by which prices are listed: `us.anthropic.claude-x-v1:0` and `claude-x[1m]` are both `claude-x`."""
    return _VERSION.sub("", _ELSEWHERE.sub("", _CONTEXT.sub("", model.strip())))
