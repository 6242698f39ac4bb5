"""Curves walked by clocks of their own, where fronts move with parameters."""
