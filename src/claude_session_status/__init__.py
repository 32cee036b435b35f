"""Watches how long Claude Code's prompt cache stays warm. Holds two names and nothing else: hooks import it."""

__version__ = "1.0.0"
PROGRAM = "claude-session-status"  # the command
