"""Predictions of many lanes: the formula of a surrogate, compiled once and called chunk by chunk."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.surrogate.kept import AnyReader, KeptReader

# Lanes per call of the compiled prediction: few shapes are compiled, what a call writes stays in the cache, and a large
# table of modes is read from memory once for some lanes at least.
_CHUNK, _CHUNK_NUMBERS, _LEAST = 512, 1 << 19, 16


def batched(formula: AnyReader) -> Callable[[np.ndarray], np.ndarray]:
    """A function of rows of values (k, d) that returns (k, m, q)."""
    compiled = jax.jit(lambda values: formula.rows(jnp, values))
    shape = len(formula.which), len(formula.times)
    computed = formula.computed if isinstance(formula, KeptReader) else shape[0]
    fitting = max(_LEAST, _CHUNK_NUMBERS // max(1, computed * shape[1]))
    most = min(_CHUNK, 1 << (fitting.bit_length() - 1))

    def call(values: np.ndarray) -> np.ndarray:
        size = min(most, 1 << (len(values) - 1).bit_length())
        found = np.empty((len(values), *shape))
        for begin in range(0, len(values), size):
            # The last chunk is filled up with copies of its last lane.
            rows = np.minimum(np.arange(begin, begin + size), len(values) - 1)
            part = found[begin : begin + size]
            part[...] = np.asarray(compiled(values[rows]))[: len(part)]
        return found.swapaxes(1, 2)

    return call
