"""Regression over parameters, without a task: radial basis functions, networks, projections, their arrays."""
