"""Ways to tell a person something, tried in order until one works."""
