"""What it costs to be late: an estimate, from the prices that come with `genai-prices`, without any network.

A message within the cache's time reads the conversation at the cache's price; one after it writes the whole of it
again. The difference, times the tokens, is the cost of being late. Only the faces that show it import this, and the
library itself (a quarter of a second, some ten megabytes) only comes when the first price is asked for.
"""

import functools
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

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
    if (library := _library()) is None:
        return None
    name = plain_name(model)
    written = {"cache_write_1h_tokens": tokens} if ttl_seconds >= _HOUR else {}
    # Of these very tokens and not of a million: some models are dearer from a certain size on.
    try:
        usage, calc_price = library.Usage, library.calc_price
        write = calc_price(
            usage(input_tokens=tokens, cache_write_tokens=tokens, **written), name, provider_id=_PROVIDER
        )
        read = calc_price(usage(input_tokens=tokens, cache_read_tokens=tokens), name, provider_id=_PROVIDER)
    except LookupError:
        log.info("no price is known of %s", model)
        return None
    except Exception as error:  # a new version of the library must not take the countdown away
        log.warning("no price of %s: %s: %s", model, type(error).__name__, error)
        return None
    return max(0.0, float(write.total_price - read.total_price))


@functools.cache
def _library() -> Any:
    """The library, slow to import and seldom needed; None where it can't be: no countdown goes away with its price."""
    try:
        import genai_prices  # noqa: PLC0415 - see above
    except Exception as error:
        log.warning("no prices: %s: %s", type(error).__name__, error)
        return None
    return genai_prices


def plain_name(model: str) -> str:
    """The name by which prices are listed: `us.anthropic.claude-x-v1:0` and `claude-x[1m]` are both `claude-x`."""
    return _VERSION.sub("", _ELSEWHERE.sub("", _CONTEXT.sub("", model.strip())))


# ---- for a program that runs for days ---------------------------------------

# A dearer step holds for the whole context, and begins at a round number of tokens.
_SIZES = (1_000, 100_000, 200_000, 200_001, 400_000, 400_001, 1_000_000, 2_000_000)
_TTLS = (300, 3600)
_CHILD_SECONDS = 20.0

Samples = dict[int, list[float]]  # TTL -> USD for a token, at each of the sizes


class PriceList:
    """The same prices without the library's 25 MB: a child process tells them, once a model, and ends."""

    def __init__(self, ask: Callable[[str], Samples | None] | None = None) -> None:
        self._ask = ask or ask_child
        self._known: dict[str, Samples | None] = {}

    def rewrite_cost(self, model: str, ttl_seconds: int, tokens: int) -> float | None:
        """As the function of that name; a model is asked for once, also where no price is known of it."""
        if model not in self._known:
            self._known[model] = self._ask(model)
        samples = self._known[model]
        if samples is None:
            return None
        rates = samples[_TTLS[1] if ttl_seconds >= _HOUR else _TTLS[0]]
        at = next((i for i, size in enumerate(_SIZES) if tokens <= size), len(_SIZES) - 1)
        return rates[at] * tokens


def sample(model: str) -> Samples | None:
    """What a token costs at each size; None for an unknown model."""
    costs = {ttl: [rewrite_cost(model, ttl, size) for size in _SIZES] for ttl in _TTLS}
    if any(cost is None for row in costs.values() for cost in row):
        return None
    return {ttl: [(cost or 0.0) / size for cost, size in zip(row, _SIZES, strict=True)] for ttl, row in costs.items()}


def ask_child(model: str) -> Samples | None:
    """Have a process of its own take the samples; where there is no Python to start, take them here."""
    if getattr(sys, "frozen", False):
        return sample(model)
    argv = (sys.executable, "-P", "-m", __name__, model)
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CHILD_SECONDS, check=True)
        told = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.warning("no price of %s: %s", model, error)
        return None
    return None if told is None else {int(ttl): row for ttl, row in told.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(sample(sys.argv[1])))
