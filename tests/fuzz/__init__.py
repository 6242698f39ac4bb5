"""Fuzzing with a meaning of its own: `python -m tests.fuzz --cases 1000 --seed 1`."""
