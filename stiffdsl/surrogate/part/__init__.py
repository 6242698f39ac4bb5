"""A part of a model is replaced by its surrogate: cut out, run alone, put back, compared with the full model."""
