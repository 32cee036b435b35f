"""What re-caching costs: an estimate from the prices that come with `genai-prices`, without any network.

A message to a warm cache reads the conversation at the cache's price; a later one writes all of it to the cache again.
Re-caching costs the difference. The library takes a quarter of a second and some 25 MB: it is asked once per model and
version, and `price_file` keeps the result.
"""

import functools
import json
import re
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from claude_session_status import price_file
from claude_session_status.lazy_log import Log
from claude_session_status.price_file import Samples

if TYPE_CHECKING:
    from datetime import date

    from claude_session_status.costs.rates import Rates

log = Log(__name__)

_PROVIDER = "anthropic"
_HOUR = 3600
# What clients add to the name in the price list: a context size, a provider's prefix, a version.
_CONTEXT = r"\[[^\]]*\]$"
_PREFIX = r"^(?:[a-z-]+\.)?anthropic[./]|^.*/(?=claude-)"
_VERSION = r"(?:-v\d+(?::\d+)?|@\d{8})$"


@functools.lru_cache(maxsize=512)
def rewrite_cost(model: str, ttl_seconds: int, tokens: int) -> float | None:
    """Return the USD that a message costs more after a cache of `tokens` tokens expired; None for an unknown model.

    An estimate: list prices, the whole context written again, no provider's discount or surcharge. Cached, as it is
    needed every second and changes only with a turn.
    """
    if (library := _library()) is None:
        return None
    name = plain_name(model)
    written = {"cache_write_1h_tokens": tokens} if ttl_seconds >= _HOUR else {}
    # For exactly these tokens, not per million: some models cost more from a certain size on.
    try:
        usage, calc_price = library.Usage, library.calc_price
        write = calc_price(
            usage(input_tokens=tokens, cache_write_tokens=tokens, **written), name, provider_id=_PROVIDER
        )
        read = calc_price(usage(input_tokens=tokens, cache_read_tokens=tokens), name, provider_id=_PROVIDER)
    except LookupError:
        log.info("no price is known for %s", model)
        return None
    except Exception as error:  # a new version of the library must not stop the countdown
        log.warning("no price for %s: %s: %s", model, type(error).__name__, error)
        return None
    return max(0.0, float(write.total_price - read.total_price))


@functools.lru_cache(maxsize=512)
def read_cost(model: str, tokens: int) -> float | None:
    """Return the USD that reading a context of `tokens` tokens from the cache costs; None for an unknown model."""
    if (library := _library()) is None:
        return None
    try:
        usage = library.Usage(input_tokens=tokens, cache_read_tokens=tokens)
        return max(0.0, float(library.calc_price(usage, plain_name(model), provider_id=_PROVIDER).total_price))
    except LookupError:
        return None
    except Exception as error:  # as above
        log.warning("no price for %s: %s: %s", model, type(error).__name__, error)
        return None


def version() -> str:
    """The version of the price list; empty where there is none."""
    return price_file.library_version() or ""


def rates(model: str, day: "date", tokens: int) -> "Rates | None":
    """The prices on `day` for a request of `tokens` tokens; None for an unknown model."""
    from datetime import UTC, datetime  # noqa: PLC0415 - only for the history

    from claude_session_status.costs.rates import Rates  # noqa: PLC0415 - as above

    if (library := _library()) is None:
        return None
    usage, name = library.Usage, plain_name(model)
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    def price(**kind: int) -> Any:
        return library.calc_price(
            usage(input_tokens=tokens, **kind), name, provider_id=_PROVIDER, genai_request_timestamp=at
        )

    try:
        return Rates(
            float(price().input_price) / tokens,
            float(price(cache_write_tokens=tokens).input_price) / tokens,
            float(price(cache_write_tokens=tokens, cache_write_1h_tokens=tokens).input_price) / tokens,
            float(price(cache_read_tokens=tokens).input_price) / tokens,
            float(price(output_tokens=tokens).output_price) / tokens,
        )
    except LookupError:
        log.info("no price is known for %s", model)
    except Exception as error:  # a new version of the library must not stop the history
        log.warning("no price for %s: %s: %s", model, type(error).__name__, error)
    return None


@functools.cache
def _library() -> Any:
    """Return the library, which is slow to import and seldom needed; None where the import fails."""
    try:
        import genai_prices  # noqa: PLC0415 - slow
    except Exception as error:
        log.warning("no prices: %s: %s", type(error).__name__, error)
        return None
    return genai_prices


def plain_name(model: str) -> str:
    """Return the name in the price list: `us.anthropic.claude-x-v1:0` and `claude-x[1m]` are both `claude-x`."""
    name = model.strip()
    for extra in (_CONTEXT, _PREFIX, _VERSION):
        name = re.sub(extra, "", name)
    return name


# ---- sampled ----------------------------------------------------------------

# A higher price applies to the whole context, from a round number of tokens on.
SIZES = (1_000, 100_000, 200_000, 200_001, 400_000, 400_001, 1_000_000, 2_000_000)
TTLS = (300, _HOUR)
READ = 0  # in the place of a TTL: the price of reading from the cache, not of writing to it
_SAMPLED = (*TTLS, READ)
_CHILD_SECONDS = 20.0

Sampler = Callable[[str], Samples | None]


class NoPricesError(Exception):
    """The library can't be asked."""


class PriceList:
    """The same prices from samples, which are taken once per model and kept in the file at `path`, if one is given.

    Making one does no I/O.
    """

    def __init__(
        self,
        path: str | None = None,
        sampler: Sampler | None = None,
        version: Callable[[], str | None] = price_file.library_version,
    ) -> None:
        self._path = path
        self._sampler = sampler or sample_in_child
        self._version = version

    @functools.cached_property
    def _library(self) -> str | None:
        return self._version() if self._path else None

    @functools.cached_property
    def _known(self) -> price_file.Known:
        return self._kept()

    def knows(self, model: str) -> bool:
        """Whether the model was sampled before, so that its prices are there at once."""
        return model in self._known

    def rewrite_cost(self, model: str, ttl_seconds: int, tokens: int) -> float | None:
        """As the function of that name. Samples each model once, also one without a known price."""
        return self._cost(model, TTLS[1] if ttl_seconds >= _HOUR else TTLS[0], tokens)

    def read_cost(self, model: str, tokens: int) -> float | None:
        """As the function of that name."""
        return self._cost(model, READ, tokens)

    def _cost(self, model: str, kind: int, tokens: int) -> float | None:
        if model not in self._known:
            try:
                self._known[model] = self._sampler(model)
                self._keep(model)
            except NoPricesError as error:
                log.warning("no price for %s: %s", model, error)
                self._known[model] = None
        samples = self._known[model]
        if samples is None:
            return None
        rates = samples[kind]
        at = next((i for i, size in enumerate(SIZES) if tokens <= size), len(SIZES) - 1)
        return rates[at] * tokens

    def _kept(self) -> price_file.Known:
        if self._path is None or self._library is None:
            return {}
        return price_file.load(self._path, self._library, SIZES, _SAMPLED)

    def _keep(self, model: str) -> None:
        """Add a model to the file, beside those that another process has added meanwhile."""
        if self._path is None or self._library is None:
            return
        kept = self._kept()
        kept.pop(model, None)
        try:
            price_file.save(self._path, self._library, SIZES, kept | {model: self._known[model]})
        except OSError as error:
            log.info("%s can't be written: %s", self._path, error)  # it would only save time


class PricesInBackground:
    """The same prices, without waiting for them: None until a thread has sampled the model, which calls `on_known`."""

    def __init__(self, prices: PriceList | None = None, on_known: Callable[[], object] = lambda: None) -> None:
        self._prices = prices or PriceList()
        self._on_known = on_known
        self._asked: set[str] = set()

    def rewrite_cost(self, model: str, ttl_seconds: int, tokens: int) -> float | None:
        """As the function of that name; None as long as the model's price is not known yet."""
        return self._prices.rewrite_cost(model, ttl_seconds, tokens) if self._is_known(model) else None

    def read_cost(self, model: str, tokens: int) -> float | None:
        """As the function of that name; None as long as the model's price is not known yet."""
        return self._prices.read_cost(model, tokens) if self._is_known(model) else None

    def _is_known(self, model: str) -> bool:
        if self._prices.knows(model):
            return True
        if model not in self._asked:
            self._asked.add(model)
            threading.Thread(target=self._ask, args=(model,), name="price", daemon=True).start()
        return False

    def _ask(self, model: str) -> None:
        self._prices.read_cost(model, 1)
        self._on_known()


def sample(model: str) -> Samples | None:
    """Return the USD per token at each size; None for an unknown model. Raises NoPricesError."""
    if _library() is None:
        raise NoPricesError("the price list can't be imported")
    costs = {ttl: [rewrite_cost(model, ttl, size) for size in SIZES] for ttl in TTLS}
    costs[READ] = [read_cost(model, size) for size in SIZES]
    if any(cost is None for row in costs.values() for cost in row):
        return None
    return {ttl: [(cost or 0.0) / size for cost, size in zip(row, SIZES, strict=True)] for ttl, row in costs.items()}


def sample_in_child(model: str) -> Samples | None:
    """Sample in a child process; in this one where there is no Python to start, as in a frozen program.

    Raises NoPricesError.
    """
    if getattr(sys, "frozen", False):
        return sample(model)
    import subprocess  # noqa: PLC0415 - slow, and seldom needed

    argv = (sys.executable, "-P", "-m", __name__, model)
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CHILD_SECONDS,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows: the tray has no console
        )
        samples = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NoPricesError(str(error)) from error
    return None if samples is None else {int(ttl): row for ttl, row in samples.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(sample(sys.argv[1])))
