"""The JSON of a transcript's lines, as far as the history needs it.

Most of a transcript is text that nobody needs here. The decoder passes over it, and makes values only of the fields
named below: `past_lines` and `transcript_line` ask for no others.
"""

from collections.abc import Callable
from typing import Any, TypedDict, cast

import msgspec

from claude_session_status.claude.jsonl import objects_in

# Types that say nothing about requests, and can be long: skipped before the JSON is read.
_SKIPPED = tuple(
    f'{{"type":"{kind}"'.encode()
    for kind in ("api-request-blob", "api-request-shape", "file-history-snapshot", "last-prompt", "queue-operation")
)


class _Block(TypedDict, total=False):
    text: Any


class _Message(TypedDict, total=False):
    id: Any
    model: Any
    usage: Any
    diagnostics: Any
    content: list[_Block] | str | None


class _Fields(TypedDict, total=False):
    type: Any
    timestamp: Any
    uuid: Any
    cwd: Any
    isSidechain: Any
    isApiErrorMessage: Any
    isCompactSummary: Any
    requestId: Any
    requestRef: Any
    requestSessionId: Any
    requestedModel: Any
    promptCacheRequested: Any
    effort: Any
    message: _Message
    id: Any
    querySource: Any
    subtype: Any
    content: Any
    retryInMs: Any
    compactMetadata: Any


_decode = cast("Callable[[bytes], dict[str, Any]]", msgspec.json.Decoder(_Fields).decode)


def fields_in(raw: bytes) -> list[dict[str, Any]]:
    """The objects in a line, in order; normally one. Never raises.

    An object has only the fields that matter, unless its line is damaged or of an unusual shape.
    """
    if raw.startswith(_SKIPPED):
        return []
    try:
        return [_decode(raw)]
    except (ValueError, RecursionError):  # among them msgspec's errors
        return objects_in(raw.removesuffix(b"\n"))
