"""The few array operations that a program uses beside `xp`, for JAX and for NumPy.

Positions are inside the array by construction: nothing is checked or clipped when the program runs. Those
for JAX are copied as they stand into the module that `stiffdsl compile -o` writes.
"""

import jax
import jax.numpy as jnp
import numpy as np


def take(a, index):
    """`a[index]`, for positions that are known to be inside."""
    return jnp.asarray(a).at[index].get(mode="promise_in_bounds")


def take_sum(a, index):
    """The sums of `a` over the rows of a table of positions."""
    return take(a, index).sum(axis=-1)


def stack(numbers):
    """Numbers as a vector."""
    return jnp.stack([jnp.asarray(n, dtype=jnp.float64) for n in numbers])


def place(a, start, values):
    """`a` with `values` from position `start` on."""
    return jax.lax.dynamic_update_slice(a, values, (start,))


def _place(a, start, values):
    a = a.copy()
    a[start : start + len(values)] = values
    return a


JAX = {"xp": jnp, "take": take, "take_sum": take_sum, "stack": stack, "place": place}
NUMPY = {
    "xp": np,
    "take": lambda a, index: a[index],
    "take_sum": lambda a, index: a[index].sum(axis=-1),
    "stack": lambda numbers: np.array(numbers, dtype=float),
    "place": _place,
}
