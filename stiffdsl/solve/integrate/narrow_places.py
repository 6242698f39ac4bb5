"""Narrow places of functions of time, which may lie between the times at which these are looked at.

What a function is made of tells of them from afar: the exponent of a pulse has its maximum there, a divisor comes
nearest to zero, an argument goes through it.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Places of each kind that are looked at more closely, in widths; those wider than so many distances of sample points
# are seen by these.
PLACES, SEEN = 64, {"peak": 8.0, "least": 2.0, "zero": 2.0}
BESIDE = (-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
# The distance from a jump at which it is looked at, in parts of the whole time.
SHARP = 1e-9


def around_places(times, values, signs: np.ndarray) -> Any:
    """Times around narrow places, in any order, within those given; None where there are none. Values (functions,
    times), and what tells of a place in each: a maximum (`peak`), an extremum (`least`), a zero (`zero`), zeros at
    which something jumps (`jump`)."""
    xp: Any = jnp if any(isinstance(value, jax.Array) for value in (times, values)) else np
    found = []
    with np.errstate(all="ignore"):
        for sign, places in (("peak", _extrema), ("least", _extrema), ("zero", _zeros), ("jump", _jumps)):
            own = np.flatnonzero(signs == sign)
            if len(own):
                at, width, weight = (part.ravel() for part in places(times, values[own], sign, xp))
                chosen = xp.argsort(weight)[-PLACES:]
                good = xp.isfinite(weight[chosen])
                chosen, good = (chosen[good], good[good]) if xp is np else (chosen, good)
                at = xp.where(good, at[chosen], times[0])
                width = xp.where(good, width[chosen], 0.0)
                found.append((at[:, None] + width[:, None] * np.asarray(BESIDE)).ravel())
    if not sum(len(part) for part in found):
        return None
    return xp.clip(xp.concatenate(found), xp.minimum(times[0], times[-1]), xp.maximum(times[0], times[-1]))


def _extrema(times, values, sign: str, xp: Any) -> tuple[Any, Any, Any]:
    """Vertices of the parabolas through three points, widths of what is narrow there, and how much each matters."""
    before, here, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    left, right = times[1:-1] - times[:-2], times[2:] - times[1:-1]
    rise, fall = (here - before) / left, (after - here) / right
    bend = 2 * (fall - rise) / (left + right)
    near = xp.maximum(xp.abs(left), xp.abs(right))
    vertex = times[1:-1] - xp.clip(rise / bend + left / 2, -near, near)
    if sign == "peak":
        width = xp.sqrt(2 / xp.abs(bend))
        weight = here + 0.25 * xp.abs(bend) * (left + right) ** 2
        is_extremum = (here >= before) & (here >= after) & (bend < 0)
    else:
        slope = rise + bend * left / 2
        height = here - slope**2 / (2 * bend)
        width = xp.sqrt(2 * xp.abs(height / bend))
        weight = -width
        is_extremum = (here - before) * (after - here) <= 0
    # Wide ones are seen anyway.
    is_narrow = width < SEEN[sign] * near
    good = is_extremum & is_narrow & xp.isfinite(vertex) & xp.isfinite(width)
    return vertex, width, xp.where(good, weight, -xp.inf)


def _zeros(times, values, sign: str, xp: Any) -> tuple[Any, Any, Any]:
    """Zeros between two points, the distances over which arguments change by one, and how much each zero matters."""
    here, after = values[:, :-1], values[:, 1:]
    step = times[1:] - times[:-1]
    slope = (after - here) / step
    at, width = times[:-1] - here / slope, xp.abs(1 / slope)
    good = (here * after <= 0) & xp.isfinite(at) & (width < SEEN[sign] * xp.abs(step))
    return at, width, xp.where(good, -width, -xp.inf)


def _jumps(times, values, sign: str, xp: Any) -> tuple[Any, Any, Any]:
    """Zeros that share the stretch between two points with another: what is between them is seen by neither point."""
    here, after = values[:, :-1], values[:, 1:]
    at = times[:-1] - here * (times[1:] - times[:-1]) / (after - here)
    crossed = (here * after <= 0) & xp.isfinite(at)
    good = crossed & (xp.sum(crossed, axis=0) > 1)
    width = xp.full(at.shape, SHARP * xp.abs(times[-1] - times[0]))
    return at, width, xp.where(good, 0.0, -xp.inf)
