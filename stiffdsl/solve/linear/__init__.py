"""Linear systems of implicit steps: dense, sparse, level-scheduled, iterative."""
