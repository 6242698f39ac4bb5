"""A way to a solution of `F(x) = 0` where damped Newton finds none: along a curve from a problem that is easy.

Three ways, tried in this order, from the guess and then from guesses of other sizes; each ends with Newton's method.

1. Pseudo-transient continuation: implicit Euler steps of `D x' = -S F(x)` to its steady state, with steps that grow as
   the residual falls (switched evolution relaxation: Kelley and Keyes, SIAM J. Numer. Anal. 35, 1998). Every
   equation drives the unknown that a full transversal of the Jacobian pairs it with; D is the size of that entry, S its
   sign.
2. Fixed-point homotopy: `l S F(x) + (1 - l) D (x - x0) = 0` from l = 0 to l = 1.
3. Newton homotopy: `F(x) = (1 - l) F(x0)` (Keller 1978).

Both curves are followed by arclength, so that they may turn back (Allgower and Georg, Numerical Continuation Methods,
1990). All of it runs on the host in NumPy: it is needed once, if at all, and nothing is compiled for it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import get_lapack_funcs
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching
from scipy.sparse.linalg import splu

from stiffdsl.solve.newton import damped_newton

Function = Callable[[np.ndarray], np.ndarray]

factor_whole, solve_whole = get_lapack_funcs(("getrf", "getrs"), dtype=float)

# A share of an equation's terms that its residual may keep; sizes of unknowns below `FLOOR` count as zero.
RESIDUAL, FLOOR = 1e-8, 1e-10
# Systems up to the first size are solved by dense matrices; up to the second they get all ways from all guesses.
DENSE, THOROUGH = 24, 2000
TRANSIENT_STEPS, CURVE_STEPS, NEWTON_STEPS = 300, 600, 60
# The relative size of a correction that is the last one, as `newton` has it.
TOLERANCE = 1e-12
# Other guesses: the given one, times these.
SIZES = (1e-1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 0.0, 1e2, 1e4, 1e8)
WAYS = ("pseudo-transient continuation", "fixed-point homotopy", "Newton homotopy")


@dataclass(frozen=True, eq=False)
class Continued:
    """`x`, whether it solves the system, by which of `WAYS` it was found, and the linear systems solved."""

    x: np.ndarray
    converged: bool
    way: str
    iterations: int


def continued(
    residual: Function,
    jacobian: Function,
    rows: np.ndarray,
    columns: np.ndarray,
    x0: np.ndarray,
) -> Continued:
    """A solution of `residual(x) = 0`; `jacobian(x)` gives the values at `rows`, `columns`. Never raises."""
    x0 = np.where(np.isfinite(x0), np.asarray(x0, dtype=float), 0.0)
    problem = _Problem(residual, jacobian, np.asarray(rows), np.asarray(columns), len(x0))
    with np.errstate(all="ignore"):
        guesses = [x0]
        if len(x0) <= THOROUGH:
            nudge = np.random.default_rng(0).uniform(-1e-2, 1e-2, len(x0))
            guesses += [x0 + nudge * (1 + np.abs(x0)), *(size * x0 for size in SIZES)]
            guesses += [x0 + 1.0, np.ones_like(x0), -np.ones_like(x0)]
        for guess in guesses:
            if not np.all(np.isfinite(problem.residual(guess))):
                continue
            for way, follow in zip(WAYS, (_transient, _fixed_point, _newton_homotopy), strict=True):
                for x in follow(problem, guess):
                    found = _newton(problem, x)
                    if found is not None:
                        return Continued(found, True, way, problem.solves)
    return Continued(x0, False, "", problem.solves)


def by_damped_steps(
    residual: Function, jacobian: Function, rows: np.ndarray, columns: np.ndarray, x0: np.ndarray
) -> Continued:
    """A solution by the method of `damped_newton.py`, as long as it is not stuck: it comes to the same one then, and
    nothing was compiled."""
    problem, x = _Problem(residual, jacobian, np.asarray(rows), np.asarray(columns), len(x0)), x0
    damping, converged = 1.0, False
    off = _Off(problem, x0)
    with np.errstate(all="ignore"):
        f = problem.residual(x0)
        for iteration in range(NEWTON_STEPS):
            if converged or np.all(f == 0):
                if np.all(np.abs(f) <= damped_newton.RESIDUAL * problem.secant_terms(x)):
                    return Continued(x, True, "Newton", iteration)
                break
            values, sizes = problem.jacobian(x), np.abs(x) + damped_newton.FLOOR
            if not (np.all(np.isfinite(f)) and np.all(np.isfinite(values))):
                if not off.left:
                    break
                x, damping = off.moved(x, f, values), 1.0
                f = problem.residual(x)
                continue
            factored = problem.factored(values)
            step = factored(-f)
            if step is None:
                break
            before, damping = np.max(np.abs(step) / sizes), min(1.0, 4 * damping)
            while damped_newton.shortens(damping, before):
                f = problem.residual(x + damping * step)
                simplified = factored(-f)
                after = np.inf if simplified is None else np.max(np.abs(simplified) / sizes)
                rounding = before < damped_newton.ROUNDING and damping == 1.0 and np.isfinite(after)
                solved = np.all(f == 0)
                if after <= (1 - 0.25 * damping) * before or rounding or solved:
                    break
                damping *= 0.5
            else:
                break
            ended = before <= TOLERANCE or after <= TOLERANCE or (rounding and after >= 0.5 * before)
            met = np.all(np.abs(f) <= damped_newton.RESIDUAL * problem.terms(values, x))
            converged = bool(solved or (damping == 1.0 and ended and met))
            x = x + damping * step
    return Continued(x0, False, "", problem.solves)


class _Off:
    """Moves off points where something is not finite, as `damped_newton.search_root` makes them."""

    def __init__(self, problem: "_Problem", x0: np.ndarray):
        self.problem, self.base, self.left = problem, x0, damped_newton.MOVES
        self.patterns = damped_newton.move_patterns(len(x0))

    def moved(self, x: np.ndarray, f: np.ndarray, values: np.ndarray) -> np.ndarray:
        problem, k = self.problem, damped_newton.MOVES - self.left
        if np.all(np.isfinite(f)):
            self.base = x
        bad = ~np.isfinite(values) | ~np.isfinite(f)[problem.rows]
        singular = np.isin(np.arange(problem.size), problem.columns[bad])
        move = damped_newton.MOVE * 3.0**k * (1 + np.abs(self.base)) * self.patterns[k]
        self.left -= 1
        return self.base + np.where(singular, move, 0.0)


class _Problem:
    """The functions, and the linear algebra of their pattern."""

    def __init__(self, residual: Function, jacobian: Function, rows, columns, size: int):
        self._residual, self._jacobian = residual, jacobian
        self.rows, self.columns, self.size = rows, columns, size
        self.solves = 0

    def residual(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._residual(x), dtype=float)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._jacobian(x), dtype=float)

    def terms(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The size of the terms of every equation, taken to first order."""
        found = np.bincount(self.rows, np.abs(values) * (np.abs(x) + FLOOR)[self.columns], self.size)
        return np.where(found > 0, found, 1.0)

    def secant_terms(self, x: np.ndarray) -> np.ndarray:
        """The same, by slopes that hold over `FLOOR` on either side."""
        own, *beside = (np.abs(self.jacobian(at)) for at in (x, x + FLOOR, x - FLOOR))
        beside = np.maximum(*(np.where(np.isfinite(slope), slope, 0.0) for slope in beside))
        at = np.abs(x)[self.columns]
        own = np.where(np.isfinite(own), own * at, 0.0)
        found = np.bincount(self.rows, np.maximum(own, beside * (at + FLOOR)), self.size)
        return np.where(found > 0, found, 1.0)

    def solve(self, values, diagonal, b, border=None) -> np.ndarray | None:
        """`(J + diagonal) x = b`, or with a last column and row `border = (column, row)`; None where it is singular.

        `diagonal` is (rows, columns, values) or None.
        """
        self.solves += 1
        if not np.all(np.isfinite(values)):
            return None
        n = self.size + (border is not None)
        r, c, v = [self.rows], [self.columns], [values]
        for part in [] if diagonal is None else [diagonal]:
            r, c, v = [*r, part[0]], [*c, part[1]], [*v, part[2]]
        if border is not None:
            every, last = np.arange(self.size), np.full(self.size, self.size)
            r, c, v = (
                [*r, every, last, [n - 1]],
                [*c, last, every, [n - 1]],
                [*v, border[0], *np.split(border[1], [-1])],
            )
        return _factored(np.concatenate(v), np.concatenate(r), np.concatenate(c), n)(b)

    def factored(self, values) -> "Solve":
        """`J x = b` by one factorization for any b; None where it is singular."""
        self.solves += 1
        return _factored(values, self.rows, self.columns, self.size)

    def paired(self, values: np.ndarray) -> np.ndarray:
        """The unknown that each equation is paired with, so that the product of the entries is largest."""
        usable = np.isfinite(values) & (values != 0)
        shape = (self.size, self.size)
        try:
            weight = 1e3 - np.log(np.abs(values[usable]))
            graph = csr_array((weight, (self.rows[usable], self.columns[usable])), shape=shape)
            return min_weight_full_bipartite_matching(graph)[1]
        except ValueError:
            graph = csr_array((np.ones(len(self.rows)), (self.rows, self.columns)), shape=shape)
            found = maximum_bipartite_matching(graph, perm_type="column")
            return found if np.all(found >= 0) else np.arange(self.size)

    def drive(self, x: np.ndarray):
        """The pairing at x, the sign of every paired entry, and a function for their sizes."""
        values = self.jacobian(x)
        partner = self.paired(values)
        own = np.full(self.size, -1)
        on = np.flatnonzero(self.columns == partner[self.rows])
        own[self.rows[on]] = on
        entry = np.where(own >= 0, values[own], 1.0)
        sign = np.where(entry < 0, -1.0, 1.0)

        def sizes(values):
            largest = np.zeros(self.size)
            np.maximum.at(largest, self.rows, np.abs(values))
            size = np.maximum(np.where(own >= 0, np.abs(values[own]), 0.0), 1e-6 * largest)
            return np.where(np.isfinite(size) & (size > 0), size, 1.0)

        return partner, sign, sizes


Solve = Callable[[np.ndarray], np.ndarray | None]


def _factored(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, n: int) -> Solve:
    """The solution of a system for any right side; None where the matrix is singular.

    LAPACK's threads would wait for a busy machine longer than a sparse factorization takes: whole matrices are small.
    """
    if not np.all(np.isfinite(values)):
        return lambda b: None
    if n <= DENSE:
        matrix = np.zeros((n, n))
        np.add.at(matrix, (rows, columns), values)
        lu, pivots, singular = factor_whole(matrix)
        if singular:
            return lambda b: None
        return lambda b: _finite(solve_whole(lu, pivots, b)[0])
    try:
        factors = splu(csc_array((values, (rows, columns)), shape=(n, n)))
    except (RuntimeError, ValueError):
        return lambda b: None
    return lambda b: _finite(factors.solve(b))


def _finite(x: np.ndarray) -> np.ndarray | None:
    return x if np.all(np.isfinite(x)) else None


def _newton(problem: _Problem, x: np.ndarray) -> np.ndarray | None:
    """A few steps of Newton's method, halved where the residual grows; None where they end nowhere."""
    values = problem.jacobian(x)
    weight = problem.terms(values, x)
    f = problem.residual(x)
    for _ in range(NEWTON_STEPS):
        step = problem.solve(values, None, -f)
        if step is None:
            return None
        level, damping = np.max(np.abs(f) / weight), 1.0
        while True:
            trial = x + damping * step
            f = problem.residual(trial)
            if np.all(np.isfinite(f)) and (
                np.max(np.abs(f) / weight) <= max((1 - 0.1 * damping) * level, 1e-13)
            ):
                break
            damping *= 0.5
            if damping < 1e-6:
                return None
        x, values = trial, problem.jacobian(trial)
        weight = problem.terms(values, x)
        small = np.all(np.abs(step) <= RESIDUAL * (np.abs(x) + FLOOR))
        if not np.all(np.isfinite(values)):
            return None
        if damping == 1.0 and small and np.all(np.abs(f) <= RESIDUAL * weight):
            return x if np.all(np.abs(f) <= RESIDUAL * problem.secant_terms(x)) else None
    return None


def _transient(problem: _Problem, x: np.ndarray):
    """Pseudo-transient continuation: roots of the residual where the transient comes to rest."""
    partner, sign, sizes = problem.drive(x)
    every = np.arange(problem.size)
    f, values = problem.residual(x), problem.jacobian(x)
    size = sizes(values)
    step_size, level = 0.1, np.linalg.norm(f / size)
    for _ in range(TRANSIENT_STEPS):
        if not np.all(np.isfinite(values)):
            return
        step = problem.solve(values, (every, partner, sign * size / step_size), -f)
        trial = None if step is None else x + step
        f_new = np.full_like(x, np.nan) if trial is None else problem.residual(trial)
        new = np.linalg.norm(f_new / size)
        if trial is None or not np.isfinite(new) or new > 2 * level:
            step_size *= 0.2
            if step_size < 1e-14:
                return
            continue
        # At least a slow growth: where the residual stays level, the transient has far to go.
        step_size *= min(10.0, max(1.2, level / new if new > 0 else 10.0))
        x, f, values = trial, f_new, problem.jacobian(trial)
        size = sizes(values)
        level = np.linalg.norm(f / size)
        if step_size > 1e8 or np.all(np.abs(f) <= RESIDUAL * problem.terms(values, x)):
            break
    yield x


def _fixed_point(problem: _Problem, x0: np.ndarray):
    partner, sign, sizes = problem.drive(x0)
    size = sizes(problem.jacobian(x0))
    every = np.arange(problem.size)

    def equations(x, share):
        f = problem.residual(x)
        return share * sign * f + (1 - share) * size * (x - x0)[partner], sign * f - size * (x - x0)[partner]

    def matrix(x, share):
        values = problem.jacobian(x)
        return share * sign[problem.rows] * values, (every, partner, (1 - share) * size)

    yield from _follow(problem, equations, matrix, x0)


def _newton_homotopy(problem: _Problem, x0: np.ndarray):
    f0 = problem.residual(x0)

    def equations(x, share):
        return problem.residual(x) - (1 - share) * f0, f0

    yield from _follow(problem, equations, lambda x, _: (problem.jacobian(x), None), x0)


def _follow(problem: _Problem, equations, matrix, x0: np.ndarray):
    """The points where the curve `equations(x, share) = 0` from (x0, 0) crosses share = 1, by predictor and corrector.

    `equations` gives the value and its derivative by share, `matrix` the derivative by x and a diagonal.
    """
    x, share, length = x0, 0.0, 0.02
    scale = np.abs(x0) + 1e-3 * np.max(np.abs(x0), initial=0.0)
    scale = np.where(scale > 0, scale, 1.0)
    tangent = np.append(np.zeros(problem.size), 1.0)
    for _ in range(CURVE_STEPS):
        ahead = _direction(problem, equations, matrix, x, share, scale, tangent)
        if ahead is None:
            return
        tangent = ahead
        while True:
            reached = _corrected(problem, equations, matrix, x, share, scale, tangent, length)
            if reached is not None:
                break
            length *= 0.5
            if length < 1e-9:
                return
        x_new, share_new, steps = reached
        if (share - 1) * (share_new - 1) <= 0 and share_new != share:
            part = (1 - share) / (share_new - share)
            yield x + part * (x_new - x)
        x, share = x_new, share_new
        scale = np.maximum(scale, np.abs(x))
        if abs(share) > 1e3 or not np.all(np.isfinite(x)):
            return
        length *= 2.0 if steps <= 2 else 1.0 if steps == 3 else 0.7
        length = min(length, 0.5)


def _direction(problem, equations, matrix, x, share, scale, tangent):
    """The unit tangent (in scaled unknowns) that goes on from the one before."""
    values, diagonal = matrix(x, share)
    by_share = equations(x, share)[1]
    row = np.append(tangent[:-1] / scale, tangent[-1])
    found = problem.solve(values, diagonal, np.append(np.zeros(problem.size), 1.0), (by_share, row))
    if found is None:
        return None
    scaled = np.append(found[:-1] / scale, found[-1])
    return scaled / np.linalg.norm(scaled)


def _corrected(problem, equations, matrix, x, share, scale, tangent, length):
    """The next point of the curve, on the plane across its tangent at `length`; None where Newton does not hit it."""
    y, s = x + length * tangent[:-1] * scale, share + length * tangent[-1]
    row, last = np.append(tangent[:-1] / scale, tangent[-1]), np.inf
    for k in range(6):
        f, by_share = equations(y, s)
        values, diagonal = matrix(y, s)
        if not (np.all(np.isfinite(f)) and np.all(np.isfinite(values))):
            return None
        off = np.dot(row, np.append(y - x, s - share)) - length
        step = problem.solve(values, diagonal, -np.append(f, off), (by_share, row))
        if step is None:
            return None
        size = np.linalg.norm(np.append(step[:-1] / scale, step[-1]))
        if size > max(0.7 * last, 1e-9) or size > 0.5:
            return None
        y, s, last = y + step[:-1], s + step[-1], size
        if size < 1e-5:
            return y, s, k + 1
    return None
