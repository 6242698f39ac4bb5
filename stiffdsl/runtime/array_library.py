"""The few array operations that a program uses beside `xp`, for JAX and for NumPy.

Positions are inside the array by construction: nothing is checked or clipped when the program runs.
"""

import jax.numpy as jnp
import numpy as np


def _take(a, index):
    return jnp.asarray(a).at[index].get(mode="promise_in_bounds")


def _stack(numbers):
    return jnp.stack([jnp.asarray(n, dtype=jnp.float64) for n in numbers])


JAX = {
    "xp": jnp,
    "take": _take,
    "take_sum": lambda a, index: _take(a, index).sum(axis=-1),
    "stack": _stack,
}
NUMPY = {
    "xp": np,
    "take": lambda a, index: a[index],
    "take_sum": lambda a, index: a[index].sum(axis=-1),
    "stack": lambda numbers: np.array(numbers, dtype=float),
}
