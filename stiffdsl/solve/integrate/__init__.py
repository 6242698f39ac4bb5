"""The control loop and its entry points: records, pure solves, ensembles, events in time."""
