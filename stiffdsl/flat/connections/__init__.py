"""Connections: sets of connected ports, their balances, what is left open."""
