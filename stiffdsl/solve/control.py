"""PI step size control (Gustafsson, ACM TOMS 17, 1991; the constants are those of OrdinaryDiffEq.jl)."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

SAFETY = 0.9
LEAST, GREATEST = 0.2, 6.0


def factor(
    accept: Bool[Array, ""],
    error: Float[Array, ""],
    previous: Float[Array, ""],
    rejections: Int[Array, ""],
    order: int,
) -> Float[Array, ""]:
    """The factor for the next step: PI after an accepted one, and then never growth right after a rejection.

    A rejected step without a finite error is cut hard.
    """
    most = jnp.where(rejections > 0, 1.0, GREATEST)
    bounded = jnp.clip(error, 1e-10, 1e10)
    exponent = jnp.where(accept, 0.7 / order, 1.0 / order)
    memory = jnp.where(accept, (0.4 / order) * jnp.log(jnp.maximum(previous, 1e-4)), 0.0)
    proposed = SAFETY * jnp.exp(memory - exponent * jnp.log(bounded))
    limited = jnp.clip(proposed, LEAST, jnp.where(accept, most, 0.9))
    return jnp.where(jnp.isfinite(error), limited, LEAST)
