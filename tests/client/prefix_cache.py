"""Models the API's prompt cache: which part of a request is read from it, and which part is written to it.

A prefix is all of a request before and including a block with `cache_control`, in the order tools, system, messages. It
belongs to one model, and from the messages on to one thinking mode, tool choice and effort. A request reads the longest
prefix that is cached, and looks for it up to 20 blocks before each of its own breakpoints. The rest up to its last
breakpoint is written. Reading a prefix renews it and each prefix of it.

A stand-in that is made with a `PrefixCache` therefore reports a miss exactly when a request's prefix differs.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

BYTES_A_TOKEN = 4
LOOKBACK_BLOCKS = 20
SECONDS = {"5m": 300.0, "1h": 3600.0}
_BILLING = "x-anthropic-billing-header"  # the API leaves this block of the system prompt out
_SETTINGS = ("thinking", "tool_choice", "output_config")  # another value here is another prefix of the messages


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The tokens of one request: read, written with a TTL of five minutes or an hour, and neither."""

    read: int
    written_5m: int
    written_1h: int
    uncached: int

    @property
    def written(self) -> int:
        """All that was written."""
        return self.written_5m + self.written_1h


@dataclass(frozen=True, slots=True)
class _Position:
    """The end of a block: the digest of everything up to it, its size in tokens, the TTL that a breakpoint asks for."""

    digest: str
    tokens: int
    ttl: str | None


@dataclass(slots=True)
class PrefixCache:
    """What is cached. One request at a time: the caller holds a lock where several may come."""

    uses: list[CacheUse] = field(default_factory=list)  # of each request, the oldest first
    _expiries: dict[str, tuple[float, str]] = field(default_factory=dict)  # digest -> epoch seconds, TTL

    def take(self, body: Json, now: float) -> CacheUse:
        """Handle a request at `now` (epoch seconds): read, renew and write prefixes; return the tokens of each."""
        use = self._take(body, now)
        self.uses.append(use)
        return use

    def _take(self, body: Json, now: float) -> CacheUse:
        positions = list(_positions(body))
        breakpoints = [index for index, position in enumerate(positions) if position.ttl is not None]
        size = positions[-1].tokens if positions else 0
        if not breakpoints:
            return CacheUse(0, 0, 0, size)
        hit = self._longest(positions, breakpoints, now)
        for position in positions[: 0 if hit is None else hit + 1]:
            self._renew(position.digest, now)
        read = 0 if hit is None else positions[hit].tokens
        written = dict.fromkeys(SECONDS, 0)
        end = read
        for position in (positions[index] for index in breakpoints):
            if position.ttl is not None and not self._is_cached(position.digest, now):
                self._expiries[position.digest] = now + SECONDS[position.ttl], position.ttl
                written[position.ttl] += max(0, position.tokens - end)
                end = max(end, position.tokens)
        return CacheUse(read, written["5m"], written["1h"], size - end)

    def forget(self) -> None:
        """Lose everything, as the API does with some caches before their time."""
        self._expiries.clear()

    def _longest(self, positions: list[_Position], breakpoints: list[int], now: float) -> int | None:
        near = {index for each in breakpoints for index in range(max(0, each - LOOKBACK_BLOCKS), each + 1)}
        return max((index for index in near if self._is_cached(positions[index].digest, now)), default=None)

    def _is_cached(self, digest: str, now: float) -> bool:
        return digest in self._expiries and now < self._expiries[digest][0]

    def _renew(self, digest: str, now: float) -> None:
        if self._is_cached(digest, now):
            ttl = self._expiries[digest][1]
            self._expiries[digest] = now + SECONDS[ttl], ttl


def prefix_of(body: Json) -> list[str]:
    """What a request shares with later ones: its settings, and its blocks up to the last breakpoint, as sent."""
    blocks = list(_blocks(body, billing=True))
    last = max((at for at, (_, block) in enumerate(blocks) if "cache_control" in block), default=-1)
    return _texts(body, blocks[: last + 1])


def begins_with(body: Json, prefix: list[str]) -> bool:
    """Whether a request begins with another one's prefix, byte by byte; the breakpoints themselves may have moved."""
    return _texts(body, list(_blocks(body, billing=True)))[: len(prefix)] == prefix


def _texts(body: Json, blocks: list[tuple[str, Json]]) -> list[str]:
    settings = {name: body.get(name) for name in ("model", *_SETTINGS)}
    return [json.dumps(settings), *(place + json.dumps(_without_breakpoints(block)) for place, block in blocks)]


def _positions(body: Json) -> Iterator[_Position]:
    digest = hashlib.sha256(str(body.get("model")).encode())
    tokens = 0
    is_in_messages = False
    for place, block in _blocks(body):
        if place.startswith("messages") and not is_in_messages:
            is_in_messages = True
            digest.update(_canonical([body.get(name) for name in _SETTINGS]))
        text = _canonical(_without_breakpoints(block))
        tokens += len(text) // BYTES_A_TOKEN
        digest.update(place.encode() + text)
        control = block.get("cache_control")
        ttl = str(control.get("ttl", "5m")) if isinstance(control, dict) else None
        yield _Position(digest.hexdigest(), tokens, ttl)


def _blocks(body: Json, *, billing: bool = False) -> Iterator[tuple[str, Json]]:
    """Each block with its place, in the order of the cache; the `billing` line is no part of it."""
    for tool in body.get("tools") or []:
        yield "tools", tool
    for block in _as_blocks(body.get("system") or []):
        if billing or not str(block.get("text", "")).startswith(_BILLING):
            yield "system", block
    for message in body.get("messages") or []:
        for block in _as_blocks(message["content"]):
            yield f"messages {message['role']}", block


def _as_blocks(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _without_breakpoints(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_breakpoints(inner) for name, inner in value.items() if name != "cache_control"}
    return [_without_breakpoints(inner) for inner in value] if isinstance(value, list) else value


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
