"""The terminal's face: click and rich live here, and nowhere else."""
