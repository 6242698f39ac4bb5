"""Runs of models that look back: `delay(x, tau)`."""
