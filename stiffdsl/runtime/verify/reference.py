"""Single steps done again: Radau IIA of order five over ever shorter steps, by SciPy's factors, until it stands still.

Written for being different from what it checks: no code, no factors and no step sizes are shared with the solvers.
"""

import itertools
from collections.abc import Callable

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

Function = Callable[[float, np.ndarray], np.ndarray]

_S = np.sqrt(6.0)
NODES = np.array([(4 - _S) / 10, (4 + _S) / 10, 1.0])
MATRIX = np.array(
    [
        [(88 - 7 * _S) / 360, (296 - 169 * _S) / 1800, (-2 + 3 * _S) / 225],
        [(296 + 169 * _S) / 1800, (88 + 7 * _S) / 360, (-2 - 3 * _S) / 225],
        [(16 - _S) / 36, (16 + _S) / 36, 1 / 9],
    ]
)
STAGES = 3
# Two results nearer than this, in tolerances, are the solution.
CONVERGED = 0.01
MOST_STEPS, ITERATIONS = 64, 12
# Up to this many unknowns of all stages, factors are dense.
DENSE = 240


class Reference:
    """`M y' = f(t, y)` with a Jacobian at `rows`, `columns`; `mass` holds zeros and ones."""

    def __init__(
        self, f: Function, jacobian: Function, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray
    ):
        self.f, self.jacobian, self.rows, self.columns = f, jacobian, rows, columns
        self.mass, self.n = mass, len(mass)

    def after(self, t0: float, t1: float, y0: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """The solution at t1, to a hundredth of `scale`, or None where it is not found."""
        last, steps = None, 1
        while steps <= MOST_STEPS:
            found = self._walked(t0, t1, y0, scale, steps)
            if found is not None and last is not None and rms((found - last) / scale) <= CONVERGED:
                return found
            last, steps = found, 2 * steps
        return None

    def _walked(
        self, t0: float, t1: float, y: np.ndarray, scale: np.ndarray, steps: int
    ) -> np.ndarray | None:
        times = np.linspace(t0, t1, steps + 1)
        for a, b in itertools.pairwise(times):
            found = self._step(a, b - a, y, scale)
            if found is None:
                return None
            y = found
        return y

    def _step(self, t: float, h: float, y: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """One step: all stages by Newton's method, its matrix made anew where that does not converge fast."""
        z = np.zeros((STAGES, self.n))
        solve, before = None, np.inf
        for iteration in range(ITERATIONS):
            f = np.array([self.f(t + c * h, y + own) for c, own in zip(NODES, z, strict=True)])
            left = np.where(self.mass > 0, z - h * (MATRIX @ f), f)
            if not np.isfinite(left).all():
                return None
            if solve is None or iteration % 4 == 3:
                solve = self._factors(t + h, h, y + z[-1] if iteration else y)
                if solve is None:
                    return None
            move = solve(-left.ravel()).reshape(STAGES, self.n)
            z = z + move
            size = float(np.max(np.abs(move) / scale))
            if not np.isfinite(size):
                return None
            if size <= 1e-4 or (size <= 1e-2 and size < 0.01 * before):
                return y + z[-1]
            before = size
        return None

    def _factors(self, t: float, h: float, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
        values = self.jacobian(t, y)
        if not np.isfinite(values).all():
            return None
        n = self.n
        states = self.mass[self.rows] > 0
        rows, columns, entries = [], [], []
        for i in range(STAGES):
            for j in range(STAGES):
                own = np.where(states, -h * MATRIX[i, j], float(i == j)) * values
                rows.append(i * n + self.rows)
                columns.append(j * n + self.columns)
                entries.append(own)
            diagonal = np.flatnonzero(self.mass > 0)
            rows.append(i * n + diagonal)
            columns.append(i * n + diagonal)
            entries.append(np.ones(len(diagonal)))
        place = np.concatenate(rows), np.concatenate(columns)
        matrix = scipy.sparse.coo_array(
            (np.concatenate(entries), place), shape=(STAGES * n, STAGES * n)
        ).tocsc()
        try:
            if STAGES * n <= DENSE:
                factors = scipy.linalg.lu_factor(matrix.toarray(), check_finite=False)
                return lambda b: scipy.linalg.lu_solve(factors, b, check_finite=False)
            return scipy.sparse.linalg.splu(matrix).solve
        except (RuntimeError, ValueError):
            return None


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x * x))) if len(x) else 0.0
