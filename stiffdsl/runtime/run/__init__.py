"""Runs of a model: one solution on the host, a pure function of its parameters, many lanes at once."""
