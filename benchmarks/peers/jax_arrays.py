"""The equations in JAX, for the peers that solve there."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problem import ArrayFunctions


def _product(matrix, x):
    entries = matrix.tocoo()
    return jax.ops.segment_sum(entries.data * x[entries.col], entries.row, num_segments=matrix.shape[0])


JAX = ArrayFunctions(
    stack=jnp.stack,
    concatenate=jnp.concatenate,
    tanh=jnp.tanh,
    cos=jnp.cos,
    positive=lambda x: jnp.maximum(0.0, x),
    after=lambda t, at: jnp.where(t >= at, 1.0, 0.0),
    constant=np.asarray,
    product=_product,
)
