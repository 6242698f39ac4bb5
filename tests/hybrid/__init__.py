"""Random systems with events, whose times and final values are known in closed form."""
