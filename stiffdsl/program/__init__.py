"""Sorted system → array program: straight-line functions over vectors, and the analytic sparse Jacobian."""

from stiffdsl.program.lower import lower
from stiffdsl.program.program import Program

__all__ = ["Program", "lower"]
