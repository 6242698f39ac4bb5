"""Kernel ridge regression: smooth functions of the parameters that need not pass through the samples."""
