"""`prices.json`: the sampled prices of models, so that `status` and the tray need not load the library each time.

It holds what one version of the library said. Any other content (an older version's, a torn or foreign file) counts as
none, and is written anew with the next sample.
"""

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence

from claude_session_status.private import read_private, replace_private

Samples = dict[int, list[float]]  # TTL in seconds, 0 for reading -> USD per token, at each size
Known = dict[str, Samples | None]  # by model; None: the library knows no price for it

FORMAT = 2
MOST_MODELS = 50  # a model's name is any text of a transcript: the oldest leave
LONGEST_NAME = 200  # characters
_LARGEST = 256 * 1024  # bytes
_LIBRARY = "genai_prices-"
_METADATA = ".dist-info"


def library_version(folders: Sequence[str] | None = None) -> str | None:
    """The version of the installed price library, by its metadata's folder name; None where there is none.

    `importlib.metadata` gives the same, but takes longer to import than `status` to run. `folders`: sys.path.
    """
    for folder in sys.path if folders is None else folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.startswith(_LIBRARY) and name.endswith(_METADATA):
                return name[len(_LIBRARY) : -len(_METADATA)]
    return None


def load(path: str, library: str, sizes: Sequence[int], ttls: Sequence[int]) -> Known:
    """The prices in the file at `path` that this version of the library gave; empty where there are none."""
    try:
        found = json.loads(read_private(path, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or _head(library, sizes) != {name: found.get(name) for name in ("format", *_HEAD)}:
        return {}
    models = found.get("models")
    if not isinstance(models, dict):
        return {}
    return {model: samples for model, value in models.items() if (samples := _samples(value, sizes, ttls)) is not _ODD}


def save(path: str, library: str, sizes: Sequence[int], known: Mapping[str, Samples | None]) -> None:
    """Replace the file. Raises OSError."""
    models = {model: known[model] for model in list(known)[-MOST_MODELS:] if len(model) <= LONGEST_NAME}
    replace_private(path, json.dumps(_head(library, sizes) | {"models": models}).encode() + b"\n")


_HEAD = ("library", "sizes")
_ODD: Samples = {}


def _head(library: str, sizes: Sequence[int]) -> dict[str, object]:
    return {"format": FORMAT, "library": library, "sizes": list(sizes)}


def _samples(value: object, sizes: Sequence[int], ttls: Sequence[int]) -> Samples | None:
    """The samples of one model in the file; `_ODD` for what this program never writes."""
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != set(map(str, ttls)):
        return _ODD
    rows = {int(ttl): row for ttl, row in value.items()}
    if any(
        not isinstance(row, list) or len(row) != len(sizes) or not all(map(_is_price, row)) for row in rows.values()
    ):
        return _ODD
    return {ttl: list(map(float, row)) for ttl, row in rows.items()}


def _is_price(value: object) -> bool:
    """Whether it can be USD per token: the dearest model costs less than a thousandth."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < 1
