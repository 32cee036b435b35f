"""The documented snippets for tmux, Waybar and Polybar, in the bars that they are for: the words appear, and count."""

import os
from pathlib import Path

import pytest

from desktop.bars import BARS, wait_for_module
from desktop.desktops.every import chosen
from desktop.desktops.waybar import Waybar
from desktop.harness import why_not

pytestmark = pytest.mark.desktop

# tmux is tried with each change; the other two where DESKTOPS names the desktop that their packages come with.
NAMES = list(BARS) if Waybar in chosen(os.environ) else ["tmux"]


@pytest.mark.parametrize("name", NAMES)
def test_the_snippet_shows_the_sessions_and_counts_down(name: str, tmp_path: Path) -> None:
    if reason := why_not(BARS[name]):
        pytest.skip(reason)
    with BARS[name](tmp_path) as bar:
        bar.start_panel()
        wait_for_module(bar, other_than=wait_for_module(bar))
