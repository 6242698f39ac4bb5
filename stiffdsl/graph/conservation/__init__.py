"""Conserved quantities, and states that they give."""
