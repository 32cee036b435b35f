"""Watches how long Claude Code's prompt cache stays warm. Holds the version and nothing else: hooks import it."""

__version__ = "1.0.0"
