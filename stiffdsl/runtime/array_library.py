"""The few array operations that a program uses beside `xp`, for JAX and for NumPy."""

import jax
import jax.numpy as jnp
import numpy as np


def _segment_sum(values, owner, size):
    return jax.ops.segment_sum(values, owner, num_segments=size, indices_are_sorted=False)


def _numpy_segment_sum(values, owner, size):
    result = np.zeros(size)
    np.add.at(result, owner, values)
    return result


JAX = {"xp": jnp, "take": lambda a, i: a[i], "stack": jnp.stack, "segment_sum": _segment_sum}
NUMPY = {"xp": np, "take": lambda a, i: a[i], "stack": np.array, "segment_sum": _numpy_segment_sum}
