"""The catalog: every chip of the sources, what would spoil its scores, and what strangers may read of it."""
