"""The Dash app and the command line: imports model and tiles."""
