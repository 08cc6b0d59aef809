"""The page: its layout, the names of its parts, and its callbacks."""
