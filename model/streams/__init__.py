"""Streams: a source is looked at again and again, what is new is predicted once, and told."""
