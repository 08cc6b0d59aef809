"""One module a dataset layout; each has `recognises(folder)` and `read(folder)`."""
