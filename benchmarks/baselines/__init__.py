"""Surrogates against what else is in use: the same solves, the same held-out samples, the same seconds to train."""
