"""Index reduction: equations differentiated, recombined, or held as invariants."""
