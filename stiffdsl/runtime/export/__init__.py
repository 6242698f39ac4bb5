"""Models written as Python modules."""
