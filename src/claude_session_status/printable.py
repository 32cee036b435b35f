"""Removes from texts what could steer a terminal. Imports nothing: every command prints through it."""


def printable(text: str) -> str:
    """Return `text`, of any number of lines, without characters that steer a terminal; spaces stand for them.

    They are control characters but for line feeds and tabs, and what turns the direction of writing. A byte of a file
    name that is not UTF-8 stays, so that the name can be copied.
    """
    return text if text.isprintable() else "".join(c if _is_harmless(c) else " " for c in text)


def is_shown(character: str) -> bool:
    """Whether a character can be seen, or is part of one that can."""
    return character.isprintable() or character in "\u200c\u200d"  # these join letters, and emoji to one picture


def _is_harmless(character: str) -> bool:
    # U+200E is an invisible letter, which keeps what is beside an Arabic name in its place: see `words.fenced`.
    return is_shown(character) or character in "\n\t\u200e" or "\udca0" <= character <= "\udcff"
