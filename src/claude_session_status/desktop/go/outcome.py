"""What going to a session has reached, and what to say about it."""

from dataclasses import dataclass
from enum import Enum


class Reached(Enum):
    """How far it went."""

    SESSION = "the session"  # window, tab and pane
    WINDOW = "its window"  # the tab or pane is not known to be the right one
    PANE = "its pane or tab"  # the window could not be brought to the front
    DETACHED = "detached"  # a multiplexer holds the session, and no terminal shows it
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sentence` says what was not reached, `next_step` what would make it possible; both are empty for SESSION.

    `attach` is the command that shows a detached multiplexer's session in a terminal.
    """

    reached: Reached
    sentence: str = ""
    next_step: str = ""
    attach: tuple[str, ...] = ()
