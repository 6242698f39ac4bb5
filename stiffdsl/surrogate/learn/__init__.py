"""Training: samples of the full model, trials of methods on them, errors and speed measured on others."""
