"""Inference: the queue of predictions, and what is made ready for it."""
