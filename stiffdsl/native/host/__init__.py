"""Kernels on the host: compiled, kept on disk, and called from NumPy and XLA."""
