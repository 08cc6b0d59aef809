"""The store: predictions on disk and in a database (contract 2)."""
