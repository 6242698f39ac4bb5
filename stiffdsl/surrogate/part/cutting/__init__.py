"""A part is cut out of a checked model, and something else put into its place."""
