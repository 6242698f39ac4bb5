"""Points at which a formula is no number though it has a limit: sin(x)/x at x = 0.

Beside such a point the equations hold or do not, as anywhere.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from stiffdsl.runtime.verify.points import Points, at
from stiffdsl.solve.integrate.record import Trajectory

# Distances from the point, in parts of its step: what has a limit changes less from each to the next.
DISTANCES = 1e-2, 1e-2 / 32, 1e-2 / 1024
LESS, ROUNDING = 0.5, 1e-6


def beside(found: Trajectory, points: Points, distance: float) -> Points:
    """The points moved by a part of their steps, further into them."""
    theta = np.where(points.theta < 0.5, points.theta + distance, points.theta - distance)
    return at(found, points.step, theta)


def with_limits(here: np.ndarray, nearer: tuple[np.ndarray, ...]) -> np.ndarray:
    """Whether every variable that is a number beside a point, and none at it, has a limit there: by point, of values
    (points, variables) at the point and at `DISTANCES`."""
    with np.errstate(all="ignore"):
        one, two = (np.abs(b - a) for a, b in pairwise(nearer))
        has_limit = two <= LESS * one + ROUNDING * np.abs(nearer[-1])
    return np.all(has_limit | np.isfinite(here) | ~np.isfinite(nearer[-1]), axis=1)


def picked(points: Points, chosen: Any) -> Points:
    return Points(
        *(getattr(points, name)[chosen] for name in ("step", "theta", "time", "y", "slope", "length", "rate"))
    )
