"""Readouts of a reservoir that inputs over time drive."""
