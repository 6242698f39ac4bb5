"""Step size control: PI (Gustafsson, ACM TOMS 17:533, 1991; the constants are those of OrdinaryDiffEq.jl), and
predictive (Gustafsson, ACM TOMS 20:496, 1994), for methods whose steps no stability limits.

Functions of `xp` are formulas of both tiers: over `jnp`, or over the numbers of a kernel (`native/ir/registers.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float, Int


SAFETY = 0.9
LEAST, GREATEST = 0.2, 6.0
# Of predictive control, which comes nearer to the error that is allowed; and the least error that says something about
# the next one: what is far below may be rounding.
PREDICTIVE_SAFETY, LEAST_EXPECTED = 0.8, 1e-2
# The logarithm of the least error that PI control follows.
LEAST_TREND = math.log(1e-4)


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
    most = jnp.maximum(longest(jnp, rejections), jnp.log(cut))
    before = jnp.log(jnp.maximum(previous, math.exp(LEAST_TREND)))
    return jnp.exp(integrated(jnp, accept, error, before, most, order, accept & (cut <= 1.0))[0])


def integrated(
    xp: Any, accept: Any, error: Any, previous: Any, longest: Any, order: int, trend: Any
) -> tuple[Any, Any]:
    """PI control, all as logarithms: the factor for the next step, at most `longest` behind an accepted one, and what
    is the error of the step before for the next; `previous` is that for this step. `trend`: whether it says where
    errors go. `accept` and `trend` may be bools, where there is code for each case."""
    logarithm = xp.log(xp.clip(error, 1e-10, 1e10))
    followed = (0.4 / order) * previous - (0.7 / order) * logarithm
    step = math.log(SAFETY) + _where(xp, trend, followed, logarithm * (-1.0 / order))
    step = xp.clip(step, math.log(LEAST), _where(xp, accept, longest, math.log(0.9)))
    if accept is not True:
        step = xp.where(xp.isfinite(error), step, math.log(LEAST))
    return step, _where(xp, trend, xp.maximum(logarithm, LEAST_TREND), previous)


def predicted(xp: Any, accept: Any, error: Any, expected: Any, longest: Any, order: int) -> tuple[Any, Any]:
    """Predictive control, all as logarithms: the factor for the next step, at most `longest` behind an accepted one,
    and the error that is expected of it; `expected` is that of the step just tried, zero for the first one. `accept`
    may be a bool, where there is code for each case.

    An error that goes with h^order keeps to what was expected. Where it came out larger it is taken to grow as much
    again; where smaller, that is not relied on. A rejected step without a finite error is cut hard.
    """
    logarithm = xp.log(xp.clip(error, 1e-10, 1e10))
    drift = _where(xp, accept, xp.minimum(expected - logarithm, 0.0), 0.0)
    step = math.log(PREDICTIVE_SAFETY) + (drift - logarithm) / order
    step = xp.clip(step, math.log(LEAST), _where(xp, accept, longest, math.log(0.9)))
    if accept is not True:
        step = xp.where(xp.isfinite(error), step, math.log(LEAST))
    known = xp.maximum(logarithm, math.log(LEAST_EXPECTED))
    return step, _where(xp, accept, known, expected) + order * step


def longest(xp: Any, rejections: Any) -> Any:
    """The logarithm of the greatest factor: a step after a rejected one is never larger."""
    return xp.where(rejections > 0, 0.0, math.log(GREATEST))


def _where(xp: Any, condition: Any, one: Any, other: Any) -> Any:
    if isinstance(condition, bool):
        return one if condition else other
    return xp.where(condition, one, other)


def predictive(
    accept: Bool[Array, ""],
    error: Float[Array, ""],
    expected: Float[Array, ""],
    rejections: Int[Array, ""],
    order: int,
    cut: float | Float[Array, ""] = 1.0,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The factor for the next step, and the logarithm of the error that is expected of it.

    A step that was `cut` to end at a knot, so many times, may be followed by one as long as it was proposed.
    """
    most = jnp.maximum(longest(jnp, rejections), jnp.log(cut))
    step, error = predicted(jnp, accept, error, expected, most, order)
    return jnp.exp(step), error
