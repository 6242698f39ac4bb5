"""Functions of time that every trajectory is a combination of, known at nodes with their slopes.

Between nodes they are cubic Hermite polynomials in the clock's coordinate, so that a prediction exists at any
time."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline, CubicSpline


@dataclass(frozen=True, eq=False)
class TimeBasis:
    """`nodes` (M,) ascending in s, `values` and `slopes` (M, K)."""

    nodes: np.ndarray
    values: np.ndarray
    slopes: np.ndarray

    def at(self, s: np.ndarray) -> np.ndarray:
        """(len(s), K)."""
        return CubicHermiteSpline(self.nodes, self.values, self.slopes, axis=0)(s)

    def times(self, matrix: np.ndarray) -> "TimeBasis":
        """The basis whose functions are combinations, the columns of `matrix` (K, J), of these."""
        return TimeBasis(self.nodes, self.values @ matrix, self.slopes @ matrix)


def spline(nodes: np.ndarray, values: np.ndarray) -> TimeBasis:
    """Cubic splines through `values` (M, K)."""
    return TimeBasis(nodes, values, CubicSpline(nodes, values, axis=0)(nodes, 1))
