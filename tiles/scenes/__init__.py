"""Scenes: rasters larger than a chip, read by windows, and what is made of them once for drawing."""
