"""PI step size control (Gustafsson, ACM TOMS 17, 1991; the constants are those of OrdinaryDiffEq.jl)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

SAFETY = 0.9
LEAST, GREATEST = 0.2, 6.0


def grown(error: Float[Array, ""], previous: Float[Array, ""], order: int) -> Float[Array, ""]:
    """The factor for the next step after an accepted one."""
    error = jnp.maximum(error, 1e-10)
    previous = jnp.maximum(previous, 1e-4)
    factor = SAFETY * error ** (-0.7 / order) * previous ** (0.4 / order)
    return jnp.clip(factor, LEAST, GREATEST)


def shrunk(error: Float[Array, ""], order: int) -> Float[Array, ""]:
    """The factor after a rejected step; a step without a finite value is cut hard."""
    finite = jnp.isfinite(error)
    factor = SAFETY * jnp.where(finite, error, 1.0) ** (-1.0 / order)
    return jnp.where(finite, jnp.clip(factor, LEAST, 0.9), 0.2)
