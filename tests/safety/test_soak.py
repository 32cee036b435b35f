"""Hundreds of sessions through real processes, with tray and watch open: no memory grows and no note is left.

The full size, 20,000 events, is run by hand: see soak.py.
"""

from pathlib import Path

import pytest

from desktop.desktops.xfce import Xfce
from desktop.harness import why_not
from safety.soak import soak

pytestmark = pytest.mark.desktop


def test_200_sessions_with_1500_events(tmp_path: Path) -> None:
    if reason := why_not(Xfce):
        pytest.skip(reason)
    figures = soak(tmp_path, sessions=200, events=1500)
    assert figures.complaints == []
    assert figures.notes_left == []
    assert figures.wrong == []
    assert "Traceback" not in figures.tray_log
    # Between 900 and 3,000 events it goes up and down by some megabytes, and ends where it was.
    assert figures.growth_mb(figures.tray) <= 10, figures.tray
    assert figures.leaked(figures.tray) <= 1, figures.tray  # one: the child that reads the history runs just then
    assert figures.leaked(figures.watch) <= 0, figures.watch
