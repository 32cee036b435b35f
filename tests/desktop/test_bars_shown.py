"""The README's snippets for tmux, Waybar and Polybar, in the bars that they are for: the module's words can be read."""

import os

import pytest

from desktop.bars import BARS, picture_of
from desktop.desktops.every import chosen
from desktop.desktops.waybar import Waybar
from desktop.harness import why_not

pytestmark = pytest.mark.desktop

# tmux is tried with each change; the other two where DESKTOPS names the desktop that their packages come with.
NAMES = list(BARS) if Waybar in chosen(os.environ) else ["tmux"]


@pytest.mark.parametrize("name", NAMES)
def test_the_snippet_shows_the_sessions(name: str) -> None:
    if reason := why_not(BARS[name]):
        pytest.skip(reason)
    assert picture_of(name).height > 0  # its taking waits for the words
