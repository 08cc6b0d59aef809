"""Imagery: find chips, read them, draw them as map tiles. Imports neither model nor dashboard."""
