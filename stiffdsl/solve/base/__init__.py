"""The interfaces of solvers: systems, methods, options, tolerances, statuses."""
