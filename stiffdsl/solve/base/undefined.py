"""Derivatives of values that there are none of: NaN, in forward and in reverse mode, where something depends on them.

`where(reached, y, nan)` alone has the derivative zero where nothing was reached: an optimiser would take that for a
minimum. A cotangent of exactly zero stays zero, so that a loss can leave failed solves out by their status.
"""

import jax
import jax.numpy as jnp

from stiffdsl.solve.linear.linear_map import linear_map


@jax.custom_jvp
def derivable(x, there):
    """`x`, whose derivatives are NaN where `there` (of a shape that fits) is False."""
    del there
    return x


@derivable.defjvp
def _(primals, tangents):
    x, there = primals
    return derivable(x, there), linear_map(_forward, _backward, there, tangents[0])


def _forward(there, dot):
    return jnp.where(there, dot, jnp.nan)


def _backward(there, bar):
    return jnp.where(there | (bar == 0), bar, jnp.nan)


def spoiled(tree, cotangents):
    """The cotangents `tree`, NaN where one of `cotangents`, that they were computed from, is."""
    wrong = jnp.stack([jnp.any(jnp.isnan(bar)) for bar in jax.tree.leaves(cotangents)]).any()
    return jax.tree.map(lambda bar: jnp.where(wrong, jnp.nan, bar), tree)
