"""Evaluations, cross-validations, exports and models as text and as HTML."""
