"""The desktop's fixtures, for the tests here that need a real panel."""

from desktop.conftest import desktop, panel

__all__ = ["desktop", "panel"]
