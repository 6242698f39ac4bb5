"""The accumulated error of a solution: how far it is from one that is solved once more, to a tighter tolerance.

Single steps may all be as exact as was asked and add up: on an orbit, or where a small difference grows. No look at
single steps can say so. What is compared are the ends of steps, on the same side of every jump: near jumps whose times
follow the solution the two differ for a moment by all of it, and nothing is compared.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.runtime.verify.reference import rms
from stiffdsl.solve.integrate.record import Trajectory

# The tolerance of the other solution, in parts of the asked one: by the kernel's method, and by others; the least.
FINER, FINER_OTHERWISE, LEAST = 1e-2, 1e-1, 1e-13
# The attempts that the other solution may take: so many times those of this one, and some.
ATTEMPTS, SOME = 20, 1000
MOST_POINTS = 1000


@dataclass(frozen=True)
class Accumulated:
    """The largest distance in tolerances (root mean square over the unknowns that count), when, and most in which."""

    size: float
    time: float
    unknown: int


def accumulated(
    found: Trajectory, finer: Trajectory, rtol: float, atol: np.ndarray | float, counted: np.ndarray
) -> Accumulated | None:
    """The distance of two solutions; None where they cannot be compared."""
    t, y = np.asarray(found.t), np.asarray(found.y)
    other = np.asarray(finer.t)
    same = _jumps_before(t, t[1:]) == _jumps_before(other, t[1:])
    here = np.isin(t[1:], np.concatenate([_jumps(t), _jumps(other)]))
    inside = np.abs(t[1:] - t[0]) <= abs(other[-1] - other[0])
    usable = 1 + np.flatnonzero(same & ~here & inside)
    if not len(usable) or not np.any(counted):
        return None
    usable = usable[np.unique(np.linspace(0, len(usable) - 1, MOST_POINTS).round().astype(np.int64))]
    there = np.asarray(finer(t[usable]))
    scale = np.maximum(atol + rtol * np.maximum(np.abs(y[usable]), np.abs(there)), 1e-300)
    off = np.abs(y[usable] - there)[:, counted] / np.broadcast_to(scale, there.shape)[:, counted]
    sizes = np.array([rms(row) for row in off])
    if not np.isfinite(sizes).any():
        return None
    k = int(np.nanargmax(sizes))
    unknown = int(np.flatnonzero(counted)[np.argmax(off[k])])
    return Accumulated(float(sizes[k]), float(t[usable[k]]), unknown)


def _jumps(t: np.ndarray) -> np.ndarray:
    return t[1:][np.diff(t) == 0]


def _jumps_before(t: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The number of jumps of a solution before each time."""
    return np.searchsorted(np.abs(_jumps(t) - t[0]), np.abs(times - t[0]), side="right")
