"""Knots: times that no step goes past without ending there, since what drives a system bends at them.

A table is a straight line between its points. A step across a bend loses its order, and a step across several may see
none of them: a pulse of one point lies between the times at which stages look. So steps end at knots; a one-step method
goes on from there as if nothing had been, and the step size is kept (`control.py`).

Not every point of a table is a knot. Points on the line between their neighbours do not bend; and where data are dense
and smooth (a block of points that the polynomial of degree four through five of them meets, to a part of the tolerance)
steps end at the ends of such blocks. What is left out moves the inputs by less than the tolerance.

Functions of time are looked at before a solve, at many times. No step is longer than two stretches on which they are
smooth: so steps see what moves, and their error estimates do the rest. They end nowhere in particular.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.base.crossings import SAME

# Distance of data from the polynomial of a block that is smooth, in parts of `rtol` and of their size.
SHARE = 0.25
# Blocks of so many intervals are tried.
BLOCKS = 8, 32, 128, 512
# Distance in roundings from a straight line below which a point lies on it.
ROUNDINGS = 8
# Sample points of functions of time: over the whole interval, unevenly, since a periodic one might look the same at
# all of them, and by decades behind its start; smoothness, in parts of all that they move.
_EVEN = (np.arange(1, 2048) + 0.4 * (np.arange(1, 2048) * 0.6180339887498949 % 1.0 - 0.5)) / 2048
LOOKS = np.unique(np.concatenate([[0.0], np.logspace(-8, -2, 385), _EVEN[_EVEN > 1e-2], [1.0]]))
ROUGH = 5e-3
# The same where conditions follow them, which turn true and false again between two times that are looked at.
SWITCHING = 5e-5
# A step goes on into a smooth stretch that is not shorter than this part of the one before it.
SHORTER = 0.25


class Knots(NamedTuple):
    """Times along the direction of a solve (negated where it runs backward): a step from a time in `begin[k] ...
    begin[k+1]` does not go past `reach[k]`. Ascending; the first is minus infinity."""

    begin: Any
    reach: Any


def reach_of(knots: Knots | None, t, backward, goal):
    """The latest time that a step from t may reach on its way to `goal`."""
    if knots is None:
        return goal
    direction = jnp.where(backward, -1.0, 1.0)
    along, far = direction * t, direction * goal
    # A time that only rounding keeps from a knot counts as there.
    k = jnp.searchsorted(knots.begin, along + SAME * jnp.abs(along), side="right") - 1
    reach = knots.reach[jnp.maximum(k, 0)]
    return jnp.where(reach < far - SAME * jnp.abs(far), direction * reach, goal)


def knots_of_table(times, values, rtol, backward) -> Knots:
    """The knots of tables over the same times: values (tables, times), through NumPy or JAX."""
    xp: Any = _library(times, values, rtol, backward)
    direction = xp.where(backward, -1.0, 1.0)
    times = direction * xp.where(backward, times[::-1], times)
    values = xp.where(backward, values[:, ::-1], values)
    with np.errstate(all="ignore"):
        kept = _bends(times, values, xp)
        count = times.shape[0]
        for size in BLOCKS:
            blocks = (count - 1) // size
            if not blocks:
                break
            smooth = _smooth(times, values, size, rtol, xp)
            if xp is np and not smooth.any():
                break
            kept = kept & ~_inside(smooth, size, count, xp)
    begin = _only(times, kept, xp)
    return Knots(begin, xp.concatenate([begin[1:], xp.full(1, xp.inf)]))


def knots_of_function(times, values, backward, rough: float = ROUGH) -> Knots:
    """Bounds of steps from what functions of time are at many times, in the order of the solve: values (functions,
    times)."""
    xp: Any = _library(times, values, backward)
    times = xp.where(backward, -1.0, 1.0) * times
    count = times.shape[0]
    with np.errstate(all="ignore"):
        values = xp.where(xp.isfinite(values), values, 0.0)
        allowed = rough * (xp.max(values, axis=1) - xp.min(values, axis=1))[:, None]
        kept = xp.ones(count, dtype=bool)
        for size in BLOCKS:
            off, ascending = _off(times, values, size, xp)
            kept = kept & ~_inside(ascending & xp.all(off <= allowed, axis=0), size, count, xp)
        begin = _only(times, kept, xp)
        ends = xp.full(2, xp.inf)
        first = xp.concatenate([begin[1:], ends[:1]])
        second = xp.concatenate([begin[2:], ends])
        return Knots(begin, xp.where(second - first >= SHORTER * (first - begin), second, first))


def _inside(smooth, size: int, count: int, xp: Any):
    """Mask of the points that lie inside of smooth blocks."""
    blocks = smooth.shape[0]
    inside = xp.repeat(smooth, size) & (xp.arange(blocks * size) % size != 0)
    return xp.concatenate([inside, xp.zeros(count - blocks * size, dtype=bool)])


def _only(times, kept, xp: Any):
    """Minus infinity, and the times that are kept; at last, through JAX, infinity for those that are not."""
    if xp is np:
        return np.concatenate([[-np.inf], times[kept]])
    count = times.shape[0]
    place = jnp.where(kept, jnp.cumsum(kept), count + 1)
    return jnp.full(count + 1, jnp.inf).at[0].set(-jnp.inf).at[place].set(times, mode="drop")


def _bends(times, values, xp: Any):
    """Mask of the points where a table bends; its ends, beyond which it is constant, count as bends."""
    if times.shape[0] < 3:
        return xp.ones(times.shape[0], dtype=bool)
    width = times[2:] - times[:-2]
    share = (times[1:-1] - times[:-2]) / xp.where(width > 0, width, 1.0)
    before, here, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    off = xp.abs(here - (before + share * (after - before)))
    size = xp.maximum(xp.abs(before), xp.maximum(xp.abs(here), xp.abs(after)))
    # A value that is not a number bends.
    straight = xp.all(off <= ROUNDINGS * np.finfo(float).eps * size, axis=0)
    ends = xp.ones(1, dtype=bool)
    return xp.concatenate([ends, ~straight, ends])


def _smooth(times, values, size: int, rtol, xp: Any):
    """Whether blocks of so many intervals are polynomials of degree four to a part of the tolerance."""
    off, ascending = _off(times, values, size, xp)
    blocks = off.shape[1]
    own = xp.max(xp.abs(values[:, : blocks * size].reshape(-1, blocks, size)), axis=2)
    spread = (xp.max(values, axis=1) - xp.min(values, axis=1))[:, None]
    return ascending & xp.all(off <= SHARE * rtol * xp.minimum(own, spread), axis=0)


def _off(times, values, size: int, xp: Any):
    """Distances of the points of blocks of `size` intervals from the polynomial of degree four through five of them:
    (tables, blocks); and whether the times of a block ascend."""
    blocks = (times.shape[0] - 1) // size
    points = size * np.arange(blocks)[:, None] + np.arange(size + 1)
    x, f = times[points], values[:, points]
    nodes = size // 4 * np.arange(5)
    at = x[:, nodes]
    # Newton's divided differences.
    differences = [f[:, :, nodes[i]] for i in range(5)]
    for order in range(1, 5):
        for i in range(4, order - 1, -1):
            width = at[:, i] - at[:, i - order]
            differences[i] = (differences[i] - differences[i - 1]) / xp.where(width > 0, width, 1.0)
    value = differences[4][:, :, None]
    for i in range(3, -1, -1):
        value = differences[i][:, :, None] + (x - at[:, i, None]) * value
    return xp.max(xp.abs(f - value), axis=2), xp.all(x[:, 1:] > x[:, :-1], axis=1)


def together(parts: list[Knots]) -> Knots | None:
    """The knots of several tables: no step goes past any of them."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    xp: Any = _library(*(a for part in parts for a in part))
    begin = xp.sort(xp.concatenate([part.begin for part in parts]))
    reach = xp.full(begin.shape[0], xp.inf)
    for part in parts:
        own = part.reach[xp.maximum(xp.searchsorted(part.begin, begin, side="right") - 1, 0)]
        reach = xp.minimum(reach, own)
    return Knots(begin, reach)


def _library(*values: Any) -> Any:
    """NumPy, or JAX where values are its arrays."""
    return jnp if any(isinstance(value, jax.Array) for value in values) else np
