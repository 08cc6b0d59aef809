"""Predictors: what turns chips into probability rasters."""
