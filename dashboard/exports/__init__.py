"""Exports: the files that are taken away, and the jobs that make them."""
