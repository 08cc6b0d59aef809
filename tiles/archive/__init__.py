"""Imagery elsewhere: files read in part over HTTP(S) and S3, and archives (STAC) searched for them."""
