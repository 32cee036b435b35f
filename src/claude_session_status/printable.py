"""Removes from texts what could steer a terminal. Imports nothing: every command prints through it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def printable(text: str) -> str:
    """Return `text`, of any number of lines, without characters that steer a terminal; spaces stand for them.

    They are control characters but for line feeds and tabs, and what turns the direction of writing. A byte of a file
    name that is not UTF-8 stays, so that the name can be copied.
    """
    return replaced(text, lambda character: character if _is_harmless(character) else " ")


def replaced(text: str, shown: "Callable[[str], str]") -> str:
    """Return `text` with each character that can't be printed replaced, but for line feeds.

    Lines without one are taken as they are: a long text is mostly that.
    """
    return "\n".join(
        line if line.isprintable() else "".join(c if c.isprintable() else shown(c) for c in line)
        for line in text.split("\n")
    )


def is_shown(character: str) -> bool:
    """Whether a character can be seen, or is part of one that can."""
    return character.isprintable() or character in "\u200c\u200d"  # these join letters, and emoji to one picture


def _is_harmless(character: str) -> bool:
    # U+200E is an invisible letter, which keeps what is beside an Arabic name in its place: see `words.fenced`.
    return is_shown(character) or character in "\n\t\u200e" or "\udca0" <= character <= "\udcff"
