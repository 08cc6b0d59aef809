"""Learning: predict, score, store. Imports tiles, never dashboard."""
