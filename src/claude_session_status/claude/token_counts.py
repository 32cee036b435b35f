"""The tokens that one response used, as the `usage` of a transcript line states them.

Each count is taken only with the right type and within bounds. A usage that states none, or has one that is no count,
says nothing: a sum with a hole in it would be wrong.
"""

from typing import Any

from claude_session_status.claude.transcript_line import cache_counts, count
from claude_session_status.costs.request import TokenCounts


def counts_of(usage: object, asked_ttl: int | None) -> TokenCounts | None:
    """The counts of a `usage`; None where it states none.

    `asked_ttl`: the TTL in seconds that the request asked for. It counts for tokens that were written without a stated
    TTL; without it they count as written for five minutes.
    """
    if not isinstance(usage, dict):
        return None
    whole = cache_counts(usage)
    if whole is None:
        return None
    steps = usage.get("iterations")
    own = [s for s in steps if isinstance(s, dict) and s.get("type") == "message"] if isinstance(steps, list) else ()
    parts = [counts for step in own if (counts := cache_counts(step)) is not None] or (whole,)
    uncached, written, read = whole
    written_1h = _written_1h(usage, written, asked_ttl)
    output = count(usage.get("output_tokens")) or 0
    _, first_written, first_read = parts[0]
    written_5m = written - written_1h
    return TokenCounts(uncached, output, read, written_5m, written_1h, sum(parts[-1]), first_read, first_written)


def _written_1h(usage: dict[str, Any], written: int, asked_ttl: int | None) -> int:
    creation = usage.get("cache_creation")
    if isinstance(creation, dict):
        for_1h = count(creation.get("ephemeral_1h_input_tokens"))
        if for_1h or count(creation.get("ephemeral_5m_input_tokens")):
            return min(written, for_1h or 0)
    return written if asked_ttl is not None and asked_ttl >= 3600 else 0
