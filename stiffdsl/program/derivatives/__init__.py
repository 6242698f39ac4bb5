"""Derivatives of programs: the Jacobian, forward and reverse mode, and the rules of operations."""
