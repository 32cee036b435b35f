"""The desktop's fixtures, for the tests here that need a real panel."""

from desktop.conftest import desktop, desktop_programs, panel

__all__ = ["desktop", "desktop_programs", "panel"]
