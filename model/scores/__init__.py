"""Scores: everything that follows from counts of pixels (contract 3)."""
