"""Predictions of many lanes: the formula of a surrogate, compiled once and called chunk by chunk."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.surrogate.core.chunks import chunks
from stiffdsl.surrogate.core.constrained import ConstrainedReader
from stiffdsl.surrogate.core.fitted import FittedReader

# Lanes per call of the compiled prediction: few shapes are compiled, what a call writes stays in the cache, and a large
# table of modes is read from memory once for some lanes at least.
_CHUNK, _CHUNK_NUMBERS, _LEAST = 512, 1 << 19, 16


def batched(formula: FittedReader) -> Callable[[np.ndarray], np.ndarray]:
    """A function of rows of values (k, d) that returns (k, m, q)."""
    compiled = jax.jit(lambda values: formula.rows(jnp, values))
    shape = len(formula.which), len(formula.times)
    computed = formula.computed if isinstance(formula, ConstrainedReader) else shape[0]
    fitting = max(_LEAST, _CHUNK_NUMBERS // max(1, computed * shape[1]))
    most = min(_CHUNK, 1 << (fitting.bit_length() - 1))

    def call(values: np.ndarray) -> np.ndarray:
        found = np.empty((len(values), *shape))
        for lanes, rows in chunks(values, most):
            part = found[lanes]
            part[...] = np.asarray(compiled(rows))[: len(part)]
        return found.swapaxes(1, 2)

    return call
