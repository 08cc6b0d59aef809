"""A model on disk (contract 4), and the networks and trees in it."""
