"""Quantities: units and dimensions, offsets of temperatures, expressions in SI."""
