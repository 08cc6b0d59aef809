"""Predictions as files that other programs read: rasters, masks, water polygons, scores and a STAC collection."""
