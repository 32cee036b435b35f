"""All that knows Claude Code: its hooks, transcripts, settings and processes. Empty: hooks import it."""
