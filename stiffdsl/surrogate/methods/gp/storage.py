"""Gaussian processes as arrays: an expansion whose coefficients they are."""

from stiffdsl.surrogate.methods.expansion.expansion import Expansion
from stiffdsl.surrogate.methods.expansion.storage import format_of_arrays
from stiffdsl.surrogate.methods.gp.posterior import PosteriorMean


class ProcessExpansion(Expansion):
    """An expansion whose coefficients are posterior means of Gaussian processes."""


PROCESSES = format_of_arrays("processes", ProcessExpansion, PosteriorMean)
