"""Reactions as equations, and their stoichiometry."""
