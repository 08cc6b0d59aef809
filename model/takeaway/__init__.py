"""Predictions to take away: rasters, water polygons, scores and a STAC collection, as files that other programs open."""
