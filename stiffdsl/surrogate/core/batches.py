"""Predictions of many lanes: the formula of a surrogate, compiled once and called chunk by chunk."""

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.surrogate.core.between import Deviations, bound, moved
from stiffdsl.surrogate.core.chunks import chunks
from stiffdsl.surrogate.core.constrained import ConstrainedReader
from stiffdsl.surrogate.core.fitted import FittedReader

# Lanes per call of the compiled prediction: few shapes are compiled, what a call writes stays in the cache, and a large
# table of modes is read from memory once for some lanes at least.
_CHUNK, _CHUNK_NUMBERS, _LEAST = 512, 1 << 19, 16


class Predict(Protocol):
    def __call__(self, values: np.ndarray, off: Deviations | None = None) -> np.ndarray:
        """(k, m, q) for rows of values (k, d) and inputs between knots."""
        ...


def batched(formula: FittedReader) -> Predict:
    """The formula, compiled for batches."""
    compiled = jax.jit(lambda values, change: bound(formula, change).rows(jnp, values))
    shape = len(formula.which), len(formula.times)
    computed = formula.computed if isinstance(formula, ConstrainedReader) else shape[0]
    fitting = max(_LEAST, _CHUNK_NUMBERS // max(1, computed * shape[1]))
    most = min(_CHUNK, 1 << (fitting.bit_length() - 1))

    def call(values: np.ndarray, off: Deviations | None = None) -> np.ndarray:
        found = np.empty((len(values), *shape))
        for lanes, which in chunks(len(values), most):
            part = found[lanes]
            change = None if off is None else moved(formula, np, off.some(which))
            part[...] = np.asarray(compiled(values[which], change))[: len(part)]
        return found.swapaxes(1, 2)

    return call
