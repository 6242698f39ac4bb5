"""The consistent state that a run begins with."""
