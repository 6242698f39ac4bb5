"""Gaussian processes as arrays: an expansion whose coefficients they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.stored import Arrays, fields_of
from stiffdsl.surrogate.methods.expansion.expansion import Expansion
from stiffdsl.surrogate.methods.expansion.storage import expansion_format
from stiffdsl.surrogate.methods.gp.posterior import PosteriorMean


class ProcessExpansion(Expansion):
    """An expansion whose coefficients are posterior means of Gaussian processes."""


def packed(made: PosteriorMean, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Puts the arrays of `made` into `arrays`; nothing else is to be said of it."""
    arrays |= {f"{prefix}.{name}": value for name, value in fields_of(made).items()}
    return {}


def unpacked(meta: Mapping[str, Any], prefix: str, arrays: Mapping[str, np.ndarray]) -> PosteriorMean:
    """The map that `packed` stored."""
    del meta
    names = "centres", "scales", "counts", "weights", "slope", "offset"
    return PosteriorMean(*(arrays[f"{prefix}.{name}"] for name in names))


PROCESSES = expansion_format("processes", ProcessExpansion, packed, unpacked)
