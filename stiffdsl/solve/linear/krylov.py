"""Systems of grids, `(alpha M - J) x = b`: GMRES, preconditioned by incomplete factors of some matrix nearby.

The factors have the analytic pattern of J with fill of level one, and may be older than the matrix: its values are
those of this step. Machine code does both where there is some (`kernels.py`).
"""

from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base import kernels
from stiffdsl.solve.linear.gmres import GmresResult, gmres
from stiffdsl.solve.linear.ilu_pattern import Pattern, pattern
from stiffdsl.solve.linear.level_scheduled_lu import LevelScheduledLU, shifted
from stiffdsl.solve.linear.sparse import Sparse
from stiffdsl.solve.linear.static import large_direct

LEVEL = 1
# Vectors that are kept, and iterations of a solve inside of Newton's iteration.
RESTART, MOST = 30, 60
# Exact solves: the relative residual that may be left, and iterations before the matrix is factored.
EXACT, MOST_EXACT = 1e-12, 300


class IncompleteFactors(NamedTuple):
    """The matrix (its entries by rows), and factors near it."""

    a: Any
    v: Any


class Krylov:
    """The linear solver for one pattern. `factor` and `solve` are exact, as those of a factorization; `approximate` is
    for Newton's iteration, which knows how exact a solution must be."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray):
        self.n = len(mass)
        self.pattern: Pattern = pattern(rows, columns, mass, LEVEL)
        p = self.pattern
        self.count = len(p.matrix.top)
        self.row_place, self.column_place = _inverse(p.row), _inverse(p.column)
        self.exact: Any = large_direct(rows, columns, mass)
        if isinstance(self.exact, Sparse):
            # Its factors are made where they are used.
            self.exact.out_of_order = True

    @cached_property
    def level_scheduled(self) -> LevelScheduledLU:
        """The factors in JAX."""
        return LevelScheduledLU(self.pattern.factors, self.pattern.pivot)

    # --- matrix and factors ---

    def matrix(self, jacobian: Any, alpha: Any) -> Any:
        """The entries of `alpha M - J`."""
        return shifted(self.pattern, jacobian, alpha)

    def incomplete(self, a: Any) -> Any:
        """The factors near the matrix a."""
        p, target = self.pattern, kernels.target("incomplete_factor")
        size = len(p.factors.top)
        if target is None:
            return self.level_scheduled.factor(jnp.zeros(size).at[p.where].set(a))
        call = jax.ffi.ffi_call(target, jax.ShapeDtypeStruct((size,), np.float64), vmap_method="sequential")
        options = np.array([self.n, self.count], dtype=float)
        return call(options, a, p.where, p.factors.start, p.factors.top, p.pivot)

    def factor(self, jacobian: Any, alpha: Any) -> Any:
        a = self.matrix(jacobian, alpha)
        return jacobian, alpha, IncompleteFactors(a, self.incomplete(a))

    # --- solving ---

    def approximate(
        self,
        lu: IncompleteFactors,
        b: Any,
        weights: Any,
        threshold: Any,
        most: int = MOST,
        transposed: bool = False,
    ) -> GmresResult:
        """x for which the 2-norm of `weights (b - A x)` is at most `threshold`, if it is found."""
        p = self.pattern
        rows, back = (p.column, self.row_place) if transposed else (p.row, self.column_place)
        found = self._gmres(lu, b[rows], weights[rows], threshold, most, transposed)
        return found._replace(x=found.x[back])

    def _gmres(self, lu: IncompleteFactors, b, s, threshold, most: int, transposed: bool) -> GmresResult:
        p, target = self.pattern, kernels.target("gmres")
        if target is None:
            undo = self.level_scheduled.solve_transposed if transposed else self.level_scheduled.solve
            return gmres(
                lambda x: self._product(lu.a, x, transposed),
                lambda x: undo(lu.v, x),
                b,
                s,
                threshold,
                RESTART,
                most,
            )
        shapes = jax.ShapeDtypeStruct((self.n,), np.float64), jax.ShapeDtypeStruct((2,), np.float64)
        call = jax.ffi.ffi_call(target, shapes, vmap_method="sequential")
        options = jnp.stack([threshold, *np.array([RESTART, most, transposed, self.n], dtype=float)])
        matrix, factors = p.matrix, p.factors
        x, info = call(
            options,
            *(lu.a, lu.v, s, b),
            *(matrix.start, matrix.top, factors.start, factors.top, p.pivot),
        )
        return GmresResult(x, info[0].astype(jnp.int32), info[1])

    def row_sizes(self, a: Any, x: Any) -> Any:
        """The largest term of every row of A x."""
        p = self.pattern
        terms = jnp.abs(a * x[p.column[p.matrix.top]])
        return jnp.zeros(self.n).at[p.row[p.matrix.row]].max(terms)

    def _product(self, a: Any, x: Any, transposed: bool) -> Any:
        row, top = self.pattern.matrix.row, self.pattern.matrix.top
        to, of = (top, row) if transposed else (row, top)
        return jnp.zeros(self.n).at[to].add(a * x[of])

    def solve(self, lu: Any, b: Any) -> Any:
        return self._exactly(lu, b, False)

    def solve_transposed(self, lu: Any, b: Any) -> Any:
        return self._exactly(lu, b, True)

    def _exactly(self, lu: Any, b: Any, transposed: bool) -> Any:
        """To rounding; where GMRES does not come there, by a factorization."""
        jacobian, alpha, near = lu
        p = self.pattern
        place = p.matrix.top if transposed else p.matrix.row
        largest = jnp.zeros(self.n).at[place].max(jnp.abs(near.a))
        weights = (1.0 / jnp.where(largest > 0, largest, 1.0))[
            self.column_place if transposed else self.row_place
        ]
        size = jnp.linalg.norm(weights * b)
        threshold = EXACT * size
        found = self.approximate(near, b, weights, threshold, MOST_EXACT, transposed)

        def factored():
            complete = self.exact.factor(jacobian, alpha)
            solve = self.exact.solve_transposed if transposed else self.exact.solve
            return solve(complete, b)

        return lax.cond(found.norm <= threshold, lambda: found.x, factored)


def _inverse(order: np.ndarray) -> np.ndarray:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order), dtype=order.dtype)
    return inverse
