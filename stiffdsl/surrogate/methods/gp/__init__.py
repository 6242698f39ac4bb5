"""Gaussian processes: every principal component of the trajectories is one over the parameters."""
