"""Derivatives of solves as kernels: along directions, and from cotangents."""
