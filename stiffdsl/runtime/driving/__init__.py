"""Inputs over time: signals, series from files, the knots at which steps end."""
