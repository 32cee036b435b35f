"""How wide text is in a terminal, and where it may be cut. Pure.

Terminals disagree about emoji: one draws a thumb with its skin tone in two columns, another in four. So a width here is
the largest that any of them uses: what fits by it fits everywhere. A cut never falls within what a person sees as one
character (a grapheme cluster).
"""

import unicodedata
from collections.abc import Iterable, Iterator

_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"  # makes a narrow sign an emoji, which is wide
# Trigrams, hexagrams and counting rods: Unicode 16 made them wide, and some Pythons know an earlier Unicode.
_WIDE_SINCE_UNICODE_16 = (
    ("\u2630", "\u2637"),
    ("\u268a", "\u268f"),
    ("\u4dc0", "\u4dff"),
    ("\U0001d300", "\U0001d356"),
    ("\U0001d360", "\U0001d376"),
)
_MOST = 16  # code points of one cluster: a real one has ten at most, a joke can have thousands


def columns_of(text: str) -> int:
    """Return how many columns `text` takes at most in any terminal."""
    return len(text) if text.isascii() else sum(map(_columns, clusters(text)))


def clusters(text: str) -> Iterator[str]:
    """Split `text` into what a person sees as one character: a letter with its accents, a flag, a family."""
    cluster = ""
    for character in text:
        if cluster and (not _continues(cluster, character) or len(cluster) >= _MOST):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _continues(cluster: str, character: str) -> bool:
    if character.isascii():
        return False
    if _is_flag_letter(character):
        return len(cluster) == 1 and _is_flag_letter(cluster)
    if _is_skin_tone(character):
        return not _is_skin_tone(cluster[-1])
    return cluster.endswith(_JOINER) or _is_mark(character)


def _is_mark(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character) in ("Mn", "Me", "Mc") or _is_inner_hangul(character)


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_inner_hangul(character: str) -> bool:
    return "\u1160" <= character <= "\u11ff"  # vowels and final consonants, drawn within the syllable


def _columns(cluster: str) -> int:
    least = 2 if _EMOJI_STYLE in cluster or _is_flag_letter(cluster[0]) else 1
    return max(least, sum(map(_columns_of_one, cluster)))


def _columns_of_one(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or _is_inner_hangul(character):
        return 0
    is_wide = unicodedata.east_asian_width(character) in "WF"
    return 2 if is_wide or any(first <= character <= last for first, last in _WIDE_SINCE_UNICODE_16) else 1


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, cut at its end: a sentence begins with what matters."""
    return text if columns_of(text) <= width else _beginning(clusters(text), width - 1).rstrip() + "…"


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, shortened in the middle: names differ at both ends."""
    if columns_of(text) <= width:
        return text
    whole = list(clusters(text))
    tail = _beginning(reversed(whole), width - 1 - width // 2, from_end=True)
    return f"{_beginning(whole, width // 2)}…{tail}"


def shorten_strictly(text: str, limit: int) -> str:
    """As `shorten`, in at most `limit` columns and code points: a letter can have many accents, an emoji many parts."""
    width = limit
    while len(short := shorten(text, width)) > limit:
        width -= 1
    return short


def _beginning(parts: Iterable[str], width: int, *, from_end: bool = False) -> str:
    """Return as many clusters as fit into `width` columns. `from_end`: `parts` begin with the last one."""
    fitting: list[str] = []
    for part in parts:
        width -= _columns(part)
        if width < 0:
            break
        fitting.append(part)
    return "".join(reversed(fitting) if from_end else fitting)


def wrap(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` columns, broken at blanks; a longer word is broken where it must be."""
    if columns_of(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split():
        rest = word
        if columns_of(f"{line} {rest}" if line else rest) > width and line:
            lines.append(line)
            line = ""
        while columns_of(rest) > width and (head := _beginning(clusters(rest), width)):
            lines.append(head)
            rest = rest[len(head) :]
        line = f"{line} {rest}" if line else rest
    return [*lines, line] if line else lines
