"""Reduced equations: the model itself, projected on a few combinations of its states."""
