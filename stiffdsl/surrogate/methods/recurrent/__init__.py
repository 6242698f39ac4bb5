"""Surrogates that feed their own answer back, from one knot of the inputs to the next."""
