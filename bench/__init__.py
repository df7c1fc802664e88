"""Measures our work as ratios to floors of raw SQL in the same run; see README.md."""
