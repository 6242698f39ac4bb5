"""Arrays in expressions: their shapes, functions, sums and what they share."""
