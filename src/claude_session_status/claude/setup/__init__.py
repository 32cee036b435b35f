"""Changes Claude Code's settings: our hooks, our status line, and how they are removed again."""
