"""What a terminal did about a session's tab."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

Mark = Callable[[str], AbstractContextManager[None]]
"""Shows a text in the title of the window that shows the session, while the context lasts."""


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of a terminal whose claim was believed.

    `is_chosen`: it is in front in its window now. `advice` says how to make that possible where it is not. `title` is
    what its window's title contains, where the terminal says so; `mark` shows a text there.
    """

    is_chosen: bool
    advice: str = ""
    title: str = ""
    mark: Mark | None = None
    raises_itself: bool = False  # the terminal has also been asked to bring its window to the front
