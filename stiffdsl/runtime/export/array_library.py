"""The few array operations that a program uses beside `xp`, for JAX and for NumPy.

Positions are inside the array by construction: nothing is checked or clipped when the program runs. Those
for JAX are copied as they stand into the module that `stiffdsl compile -o` writes.

`root_of`, `power_of`, `arcsine`, `arccosine`, `angle_of` are `sqrt`, `power`, `arcsin`, `arccos`, `arctan2` of what
changes on the way of a solve: an infinite slope at a single point counts as zero in their derivatives, where JAX would
go on with `0*inf`. `bounded_exp` and the others are divided by: where they exceed all numbers they have no slope. So it
is in kernels (`program/derivatives/partials.py`).
"""

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.program import matrices
from stiffdsl.program.lookups import fetched, located, scattered


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


def root_of(a):
    """The square root; its slope at zero counts as zero."""
    zero = a == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, a)))


def power_of(a, n):
    """`a^n`; a slope at zero that is infinite counts as zero, also that of the slope."""
    edge = (a == 0) & (n < 2) & (n != 1)
    return jnp.where(edge, jnp.power(0.0, n), jnp.power(jnp.where(edge, 1.0, a), n))


def arcsine(a):
    """The inverse sine; its slope at the ends counts as zero."""
    end = jnp.abs(a) == 1
    return jnp.where(end, jnp.sign(a) * (jnp.pi / 2), jnp.arcsin(jnp.where(end, 0.0, a)))


def arccosine(a):
    """The inverse cosine; its slope at the ends counts as zero."""
    end = jnp.abs(a) == 1
    return jnp.where(end, (1 - jnp.sign(a)) * (jnp.pi / 2), jnp.arccos(jnp.where(end, 0.0, a)))


def angle_of(y, x):
    """The angle of a point; it does not change at the origin."""
    origin = (x == 0) & (y == 0)
    return jnp.where(origin, 0.0, jnp.arctan2(y, jnp.where(origin, 1.0, x)))


def _place(a, start, values):
    a = a.copy()
    a[start : start + len(values)] = values
    return a


def bounded_exp(a):
    """The exponential; its slope is zero where it exceeds all numbers."""
    large = a > 709.782712893384
    return jnp.where(large, jnp.inf, jnp.exp(jnp.where(large, 0.0, a)))


def bounded_sinh(a):
    """The hyperbolic sine; its slope is zero where it exceeds all numbers."""
    large = jnp.abs(a) > 710.475860073944
    return jnp.where(large, jnp.sign(a) * jnp.inf, jnp.sinh(jnp.where(large, 0.0, a)))


def bounded_cosh(a):
    """The hyperbolic cosine; its slope is zero where it exceeds all numbers."""
    large = jnp.abs(a) > 710.475860073944
    return jnp.where(large, jnp.inf, jnp.cosh(jnp.where(large, 0.0, a)))


def locate(a, x, first, count):
    """The interval of the knots `a[first:first+count]` that holds x, as a number; beyond the ends the first or last."""
    knots = a[first : first + count]
    right = jnp.searchsorted(knots, x, side="right", method="compare_all" if count <= 64 else "scan")
    return jnp.clip(right - 1, 0, max(count - 2, 0)).astype(float)


def fetch(a, k, first, count, by):
    """Entry `k + by` of `count` entries of `a` from `first` on; k is a whole number."""
    place = first + jnp.clip(jnp.asarray(k).astype(int) + by, 0, count - 1)
    return jnp.asarray(a).at[place].get(mode="promise_in_bounds")


def scatter(k, values, size, first, count, by):
    """Zeros, to which `values` are added where `fetch` reads."""
    place = first + jnp.clip(jnp.asarray(k).astype(int) + by, 0, count - 1)
    return jnp.zeros(size).at[place].add(values)


def matmul(a, x, times, rows, columns, batch, groups, transposed):
    """Products of matrices and vectors: `Y[d, r, b] = sum_c A[b % groups, r, c] X[d, c, b]`, or of the transposed."""
    a = jnp.reshape(a, (groups, rows, columns))
    x = jnp.reshape(x, (times, rows if transposed else columns, batch))
    if transposed and batch == 1:
        return jnp.ravel(x[:, :, 0] @ a[0])  # rows by a matrix: faster than its transposed
    if groups == 1:
        return jnp.ravel((a[0].T if transposed else a[0]) @ x)
    a = jnp.tile(a, (batch // groups, 1, 1))
    return jnp.ravel(jnp.einsum("bcr,dcb->drb" if transposed else "brc,dcb->drb", a, x))


def outer(x, y, times, rows, columns, batch, groups):
    """Sums of outer products: `A[g, r, c] = sum_{d, b % groups = g} X[d, r, b] Y[d, c, b]`."""
    x = jnp.reshape(x, (times, rows, batch // groups, groups))
    y = jnp.reshape(y, (times, columns, batch // groups, groups))
    return jnp.ravel(jnp.einsum("drng,dcng->grc", x, y))


def split(p, sizes):
    """A vector in parts."""
    return jax.lax.split(p, sizes)


FINITE = (
    root_of,
    power_of,
    arcsine,
    arccosine,
    angle_of,
    bounded_exp,
    bounded_sinh,
    bounded_cosh,
    locate,
    fetch,
    scatter,
    matmul,
    outer,
    split,
)
JAX = {"xp": jnp, "take": take, "take_sum": take_sum, "stack": stack, "place": place}
JAX |= {f.__name__: f for f in FINITE}
NUMPY = {
    "xp": np,
    "take": lambda a, index: a[index],
    "take_sum": lambda a, index: a[index].sum(axis=-1),
    "stack": lambda numbers: np.array(numbers, dtype=float),
    "place": _place,
    "locate": lambda a, x, first, count: located(a[first : first + count], x),
    "fetch": fetched,
    "scatter": scattered,
    "matmul": matrices.matmul,
    "outer": matrices.outer,
    "split": lambda p, sizes: np.split(p, np.cumsum(sizes)[:-1]),
    "root_of": np.sqrt,
    "power_of": np.power,
    "arcsine": np.arcsin,
    "arccosine": np.arccos,
    "angle_of": np.arctan2,
    "bounded_exp": np.exp,
    "bounded_sinh": np.sinh,
    "bounded_cosh": np.cosh,
}
