"""Stiffness: bounds and estimates of the spectral radius of a system's Jacobian, its fastest rate."""

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.system import System

# Rounds that tighten the bound. What an unknown counts for at least, so that all count.
ROUNDS, LEAST = 6, 1e-8
# Explicit methods of this package are stable on the negative axis down to about -3.5 (`tsit5`) and further (`vern7`);
# most of that counts as their bound.
EXPLICIT_BOUND = 0.9 * 3.5


def spectral_bound(system: System, jacobian):
    """Not less than the spectral radius of J: `max_i (|J| x)_i / x_i` bounds it for every positive x (Collatz, Math. Z.
    48:221, 1942; Wielandt), and x is that of a few steps of the power method, so that units do not matter."""
    rows, columns = np.asarray(system.rows), np.asarray(system.columns)
    # Explicit steps pass points where a slope is infinite: they know of none.
    size = jnp.where(jnp.isfinite(jacobian), jnp.abs(jacobian), 0.0)

    def product(x):
        return jnp.zeros_like(x).at[rows].add(size * x[columns])

    def tighten(_, carry):
        x, bound = carry
        b = product(x)
        bound = jnp.minimum(bound, jnp.max(b / x))
        return b / jnp.maximum(jnp.max(b), 1e-300) + LEAST, bound

    return lax.fori_loop(0, ROUNDS, tighten, (jnp.ones(system.size), jnp.asarray(jnp.inf)))[1]


def require_explicit(system: System, name: str) -> None:
    """Raises `ValueError` where an explicit method cannot serve: some equation is algebraic."""
    algebraic = np.flatnonzero(np.asarray(system.mass) == 0)
    if len(algebraic):
        raise ValueError(
            f"the method `{name}` is explicit: it cannot solve the algebraic equation of "
            f"`{system.names[algebraic[0]]}`; use `auto`, `rodas5p` or `fbdf`"
        )
