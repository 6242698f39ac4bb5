"""Step size control: PI (Gustafsson, ACM TOMS 17:533, 1991; the constants are those of OrdinaryDiffEq.jl), and
predictive (Gustafsson, ACM TOMS 20:496, 1994), for methods whose steps no stability limits."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

SAFETY = 0.9
LEAST, GREATEST = 0.2, 6.0
# Of predictive control, which comes nearer to the error that is allowed; and the least error that says something about
# the next one: what is far below may be rounding.
PREDICTIVE_SAFETY, LEAST_EXPECTED = 0.8, 1e-2


def factor(
    accept: Bool[Array, ""],
    error: Float[Array, ""],
    previous: Float[Array, ""],
    rejections: Int[Array, ""],
    order: int,
    cut: float | Float[Array, ""] = 1.0,
) -> Float[Array, ""]:
    """The factor for the next step: PI after an accepted one, and then never growth right after a rejection.

    A rejected step without a finite error is cut hard. `cut`: how many times longer the step was proposed than it was
    made, to end at a knot: the next one may be as long as that, and the error says nothing about a trend.
    """
    most = jnp.maximum(jnp.where(rejections > 0, 1.0, GREATEST), cut)
    bounded = jnp.clip(error, 1e-10, 1e10)
    trend = accept & (cut <= 1.0)
    exponent = jnp.where(trend, 0.7 / order, 1.0 / order)
    memory = jnp.where(trend, (0.4 / order) * jnp.log(jnp.maximum(previous, 1e-4)), 0.0)
    proposed = SAFETY * jnp.exp(memory - exponent * jnp.log(bounded))
    limited = jnp.clip(proposed, LEAST, jnp.where(accept, most, 0.9))
    return jnp.where(jnp.isfinite(error), limited, LEAST)


def predictive(
    accept: Bool[Array, ""],
    error: Float[Array, ""],
    expected: Float[Array, ""],
    rejections: Int[Array, ""],
    order: int,
    cut: float | Float[Array, ""] = 1.0,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The factor for the next step, and the logarithm of the error that is expected of it; `expected` is that of the
    step just tried, zero for the first one.

    An error that goes with h^order keeps to what was expected. Where it came out larger it is taken to grow as much
    again; where smaller, that is not relied on. A step after a rejected one is never larger. A step that was `cut` to
    end at a knot, so many times, may be followed by one as long as it was proposed.
    """
    logarithm = jnp.log(jnp.clip(error, 1e-10, 1e10))
    drift = jnp.where(accept, jnp.minimum(expected - logarithm, 0.0), 0.0)
    step = math.log(PREDICTIVE_SAFETY) + (drift - logarithm) / order
    longest = jnp.maximum(jnp.where(rejections > 0, 0.0, math.log(GREATEST)), jnp.log(cut))
    most = jnp.where(accept, longest, math.log(0.9))
    step = jnp.clip(step, math.log(LEAST), most)
    step = jnp.where(jnp.isfinite(error), step, math.log(LEAST))
    known = jnp.maximum(logarithm, math.log(LEAST_EXPECTED))
    return jnp.exp(step), jnp.where(accept, known, expected) + order * step
