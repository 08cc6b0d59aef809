"""Rasters written anew: cut into chips, or brought onto another grid."""
