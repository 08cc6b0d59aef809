"""Sentinel-1 products as Copernicus delivers them (SAFE): read, calibrated to sigma0, and laid onto a map grid."""
